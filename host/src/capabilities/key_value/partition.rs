//! Whose data is whose: the text under which the keys of one owner in one store lie.
//!
//! It has three parts: what kind the owner is of, its escaped name, and the store's. Neither a name nor a store can contain the
//! separator, so no two owners and stores have the same text. It is the partition key in DynamoDB, where a role can be
//! restricted to some of them.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::aws::sigv4::escaped;

/// Separates the parts.
const SEPARATOR: char = '#';
/// The longest escaped name. A partition key of DynamoDB has 2,048 bytes at most.
const MAX_NAME: usize = 1500;

/// That of a tenant, whether or not the manifest names it.
pub(super) fn of_tenant(id: &str, store: &str) -> Arc<str> {
    of('t', id, store)
}

/// That of the events of a handler that have no tenant.
pub(super) fn of_handler(name: &str, store: &str) -> Arc<str> {
    of('h', name, store)
}

fn of(kind: char, owner: &str, store: &str) -> Arc<str> {
    let (kind, owner) = match escaped(owner.as_bytes(), b"") {
        short if short.len() <= MAX_NAME => (kind, short),
        _ => (kind.to_ascii_uppercase(), digest(owner)),
    };
    // A store's name has no characters that need an escape.
    format!("{kind}{SEPARATOR}{owner}{SEPARATOR}{store}").into()
}

fn digest(owner: &str) -> String {
    Sha256::digest(owner).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_separator_can_be_forged() {
        assert_eq!(&*of_tenant("acme", "cache"), "t#acme#cache");
        assert_eq!(&*of_handler("hello", "cache"), "h#hello#cache");
        assert_eq!(&*of_tenant("a#b", "c"), "t#a%23b#c");
        let all = [
            of_tenant("a#b", "c"),
            of_tenant("a", "b#c"),
            of_tenant("a%23b", "c"),
            of_handler("a#b", "c"),
            of_tenant("", "c"),
            of_tenant("A", "c"),
            of_tenant("a", "c"),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn a_long_name_is_a_digest_and_fits() {
        let long = "é".repeat(512);
        let (one, two) = (of_tenant(&long, "cache"), of_tenant(&format!("{long}x"), "cache"));
        assert!(one.starts_with("T#") && one.len() == 2 + 64 + 6 && one != two, "{one}");
        let longest = of_tenant(&"a".repeat(MAX_NAME), &"s".repeat(64));
        assert!(longest.len() <= 2048 && longest.starts_with("t#a"));
        // A tenant whose name is the digest of another is still itself.
        let digest = one.split('#').nth(1).unwrap();
        assert_ne!(of_tenant(digest, "cache"), one);
    }

    proptest! {
        #[test]
        fn others_have_others(one in ".{0,40}", two in ".{0,40}", a in "[a-z.]{1,3}", b in "[a-z.]{1,3}") {
            prop_assert_eq!(of_tenant(&one, &a) == of_tenant(&two, &b), one == two && a == b);
            prop_assert!(of_tenant(&one, &a) != of_handler(&two, &b));
        }
    }
}
