//! The secrets of a function that runs on this machine: from a file that is beside `bulkhead.toml` and never packaged.
//!
//! Variables of this machine are passed on only by `--env-var`: the `bulkhead.toml` of somebody else could name any of
//! them, and a host that receives it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::policy::manifest::{self, Manifest};
use bulkhead_host::text::printable::Shown as _;

use crate::build::PLACE;
use crate::suggest;

/// The file with values: `NAME = "value"`.
pub(crate) const FILE: &str = "bulkhead.secrets.toml";

/// The variable that tells the bootstrap where that file is.
const VARIABLE: &str = "BULKHEAD_SECRETS_FILE";

/// The variable with which the bootstrap finds the secrets of this task root.
pub(super) fn variable(task_root: &Path) -> Option<(&'static str, PathBuf)> {
    let file = file(task_root)?;
    Some((VARIABLE, std::path::absolute(&file).unwrap_or(file)))
}

/// The file of a task root, if there is one. The task root of a project is built, so its file is in the project's folder.
fn file(task_root: &Path) -> Option<PathBuf> {
    let file = place(task_root);
    file.is_file().then_some(file)
}

/// Where the file is, or would be.
pub(crate) fn place(task_root: &Path) -> PathBuf {
    let built = Path::new(PLACE).components().count();
    let folder = match task_root.ends_with(PLACE) {
        true => task_root.ancestors().nth(built).unwrap_or(task_root),
        false => task_root,
    };
    folder.join(FILE)
}

/// Checks the file, so that a mistake in it is told before the first request. No value is part of an error.
pub(crate) fn check(task_root: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let Some(file) = file(task_root) else { return Ok(()) };
    let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.shown()))?;
    let table: toml::Table = text.parse().map_err(|error| {
        let mistake = manifest::not_toml(&text, &error);
        // The rest of the mistake could be a part of a secret.
        anyhow::anyhow!(
            "{}:{}: this is not valid TOML; expected NAME = \"value\"",
            file.shown(),
            mistake.line
        )
    })?;
    let known: Vec<&str> = manifest.credentials.secrets().map(|secret| &*secret.name).collect();
    for (name, value) in &table {
        ensure!(
            value.is_str(),
            "{}: the value of {name} is not a string; expected {name} = \"value\"",
            file.shown()
        );
        if !known.contains(&name.as_str()) {
            bail!("{}: {}", file.shown(), suggest::missing("secret", name, &known));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[secrets.stripe]\nfrom = 'ssm:/stripe'\n[secrets.maps]\nfrom = 'env:PATH'\n";

    #[test]
    fn the_file_of_a_project_is_beside_its_manifest() {
        for (root, expected) in [
            ("/a/target/bulkhead", "/a/bulkhead.secrets.toml"),
            ("target/bulkhead", "bulkhead.secrets.toml"),
            (".", "./bulkhead.secrets.toml"),
            ("/a/package", "/a/package/bulkhead.secrets.toml"),
        ] {
            assert_eq!(place(Path::new(root)), Path::new(expected), "{root}");
        }
    }

    #[test]
    fn a_bootstrap_is_told_where_the_secrets_are() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        write(manifest::FILE, MANIFEST);
        assert_eq!(variable(root.path()), None, "a manifest alone takes nothing from this machine");
        write(FILE, "stripe = 'sk_test'\n");
        assert_eq!(variable(root.path()), Some((VARIABLE, root.path().join(FILE))));
    }

    #[test]
    fn a_mistake_in_the_file_is_told_without_a_value() {
        let root = tempfile::tempdir().unwrap();
        let manifest = Manifest::parse(MANIFEST).unwrap();
        assert!(check(root.path(), &manifest).is_ok(), "there is no file");
        for (text, expected) in [
            ("stripe = 'sk_test'\nmaps = ''\n", ""),
            (
                "stripe = 'sk_test'\nmaps = sk_secret\n",
                "bulkhead.secrets.toml:2: this is not valid TOML; expected NAME",
            ),
            (
                "stripe = { value = 'sk_secret' }\n",
                "bulkhead.secrets.toml: the value of stripe is not a string",
            ),
            ("strpe = 'sk_secret'\n", "bulkhead.secrets.toml: there is no secret \"strpe\""),
        ] {
            std::fs::write(root.path().join(FILE), text).unwrap();
            let error =
                check(root.path(), &manifest).map_or_else(|error| format!("{error:#}"), |()| String::new());
            assert!(error.contains(expected) && !error.contains("sk_secret"), "{text}: {error}");
            assert_eq!(error.is_empty(), expected.is_empty(), "{text}: {error}");
        }
    }
}
