//! The names of the files of a store.
//!
//! ```text
//! components/DIGITS.wasm           a component
//! native/DIGITS.cwasm              native code
//! scripts/DIGITS.script            a script: all of its files
//! history/TENANT/VERSION.json      every record of a tenant that was ever signed
//! tenants/TENANT.json              the newest of them: the only kind of file that is replaced by another version
//! ```
//!
//! A writer writes in this order. It creates the file in the history only if that does not exist, so that no two records
//! have the same version; then it replaces the record of the tenant only if that is still the one before. A reader needs
//! no history: it tells the next writer whether somebody has put an old record back. When a key is replaced, a record gets
//! one more signature, and what is signed stays the same.
//!
//! `TENANT` is the SHA-256 of the tenant's id in hexadecimal digits, and `DIGITS` that of the file. So no id can be a
//! path, and ids that differ in case only have different names on every file system. `VERSION` has 16 digits, so that
//! names have the order of versions.

use std::fmt::{self, Display, Formatter};

use sha2::{Digest as _, Sha256};

use super::Digest;

/// The folder of records.
pub const TENANTS: &str = "tenants";
/// The folder of all records.
pub const HISTORY: &str = "history";
/// The folder of components.
pub const COMPONENTS: &str = "components";
/// The folder of native code.
pub const NATIVE: &str = "native";
/// The folder of scripts.
pub const SCRIPTS: &str = "scripts";

/// The largest version of a record: the largest whole number that every reader of JSON takes exactly.
pub const MAX_VERSION: u64 = (1 << 53) - 1;

/// The name of a file of a store: folders and the file, separated by slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The record of a tenant.
    pub fn record(tenant: &str) -> Self {
        Self(format!("{TENANTS}/{}.json", folder_of(tenant)))
    }

    /// A record in the history of a tenant.
    pub fn earlier(tenant: &str, version: u64) -> Self {
        Self(format!("{HISTORY}/{}/{version:016}.json", folder_of(tenant)))
    }

    /// A component.
    pub fn component(digest: &Digest) -> Self {
        Self(format!("{COMPONENTS}/{}.wasm", digest.digits()))
    }

    /// Native code.
    pub fn native(digest: &Digest) -> Self {
        Self(format!("{NATIVE}/{}.cwasm", digest.digits()))
    }

    /// A script.
    pub fn script(digest: &Digest) -> Self {
        Self(format!("{SCRIPTS}/{}.script", digest.digits()))
    }

    /// A file that was found in a folder of the store.
    pub fn found(folder: &str, file: &str) -> Self {
        Self(format!("{folder}/{file}"))
    }

    /// With slashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders, and the name of the file.
    pub fn parts(&self) -> (Vec<&str>, &str) {
        let mut parts: Vec<&str> = self.0.split('/').collect();
        let file = parts.pop().unwrap_or_default();
        (parts, file)
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a tenant in the store.
pub fn folder_of(tenant: &str) -> String {
    format!("{:x}", Sha256::digest(tenant.as_bytes()))
}

/// The folder of the history of a tenant.
pub fn history_of(tenant: &str) -> String {
    format!("{HISTORY}/{}", folder_of(tenant))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_of_the_documentation() {
        let acme = "822fe0eee9e18ea3c722efb7e98f93d2d4e9a64ee8a67eeffba7eee0c9c39d2d";
        assert_eq!(folder_of("acme").len(), acme.len());
        assert_eq!(Key::record("acme").as_str(), format!("tenants/{}.json", folder_of("acme")));
        let earlier = Key::earlier("acme", 7);
        assert_eq!(earlier.as_str(), format!("history/{}/0000000000000007.json", folder_of("acme")));
        assert_eq!(earlier.parts().1, "0000000000000007.json");
        assert_eq!(earlier.parts().0, ["history", &folder_of("acme")]);
        assert!(format!("{MAX_VERSION:016}").len() == 16);
        let digest = Digest::of(b"");
        assert_eq!(Key::component(&digest).parts().0, ["components"]);
        assert!(Key::native(&digest).as_str().ends_with("852b855.cwasm"));
        assert_eq!(Key::script(&digest).as_str(), format!("scripts/{}.script", digest.digits()));
    }

    proptest! {
        #[test]
        fn no_id_is_a_path_and_no_two_have_one_file(ids in proptest::collection::hash_set(".{1,40}", 1..20)) {
            let mut names = HashSet::new();
            for id in &ids {
                for id in [id.clone(), format!("../{id}"), format!("{id}.JSON"), id.to_uppercase() + "x", id.to_lowercase() + "y"] {
                    let key = Key::record(&id);
                    let (folders, file) = key.parts();
                    prop_assert_eq!(folders, ["tenants"]);
                    let digits = file.strip_suffix(".json").unwrap();
                    prop_assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
                    names.insert((key, id));
                }
            }
            let keys: HashSet<_> = names.iter().map(|(key, _)| key.as_str().to_lowercase()).collect();
            prop_assert_eq!(keys.len(), names.len());
        }
    }
}
