//! The secrets of a function that runs on this machine: from a file that is beside `bulkhead.toml` and never packaged.
//!
//! Variables of this machine are passed on only by `--env-var`: the `bulkhead.toml` of somebody else could name any of
//! them, and a host that receives it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::credentials::check_secret;
use bulkhead_host::policy::SecretSource;
use bulkhead_host::policy::manifest::{self, Manifest, place_of};
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
    folder(task_root).join(FILE)
}

/// The folder of the project.
fn folder(task_root: &Path) -> &Path {
    let built = Path::new(PLACE).components().count();
    match task_root.ends_with(PLACE) {
        true => task_root.ancestors().nth(built).unwrap_or(task_root),
        false => task_root,
    }
}

/// Checks the secrets, so that a mistake is told before the first request. No value is part of an error.
pub(crate) fn check(task_root: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let given = values(task_root, manifest)?;
    for secret in manifest.credentials.secrets() {
        if let SecretSource::File(path) = &secret.from
            && !given.contains_key(&*secret.name)
        {
            let place = place_of(task_root, &format!("secrets.{}", secret.name), "from");
            check_file(task_root, &task_root.join(&**path)).context(place)?;
        }
    }
    Ok(())
}

/// Checks the file of a secret. The `bulkhead.toml` of somebody else could name any file of this machine, and a host that receives
/// its content.
fn check_file(task_root: &Path, path: &Path) -> anyhow::Result<()> {
    // What is not there is reported by the first request that needs it.
    let Ok(found) = std::fs::canonicalize(path) else { return Ok(()) };
    let project = std::fs::canonicalize(folder(task_root));
    ensure!(
        project.is_ok_and(|project| found.starts_with(project)),
        "the file {} is not in the folder of the project, so it is not read on this machine; write a value for tests into \
         {FILE}",
        path.shown()
    );
    let Ok(text) = std::fs::read_to_string(&found) else { return Ok(()) };
    check_secret(text.trim_end_matches(['\r', '\n']))
        .map_err(|why| anyhow::anyhow!("{}: {why}", path.shown()))
}

/// The values in the file.
pub(crate) fn values(task_root: &Path, manifest: &Manifest) -> anyhow::Result<toml::Table> {
    let Some(file) = file(task_root) else { return Ok(toml::Table::new()) };
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
        let Some(text) = value.as_str() else {
            bail!("{}: the value of {name} is not a string; expected {name} = \"value\"", file.shown());
        };
        if !known.contains(&name.as_str()) {
            bail!("{}: {}", file.shown(), suggest::missing("secret", name, &known));
        }
        check_secret(text).map_err(|why| anyhow::anyhow!("{}: {name}: {why}", file.shown()))?;
    }
    Ok(table)
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
            ("stripe = 'sk_test'\nmaps = 'x'\n", ""),
            ("maps = ''\n", "bulkhead.secrets.toml: maps: its value is empty"),
            ("stripe = \"sk_secret\\n\"\n", "bulkhead.secrets.toml: stripe: its value contains a line break"),
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

    #[test]
    fn only_files_of_the_project_are_read() {
        let home = tempfile::tempdir().unwrap();
        let (root, elsewhere) = (home.path().join("project"), home.path().join("id_rsa"));
        std::fs::create_dir_all(root.join(PLACE)).unwrap();
        let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
        write(&elsewhere, "sk_secret");
        write(&root.join("key"), "sk_test\n");
        write(&root.join("lines"), "sk_secret\nsk_secret\n");
        std::os::unix::fs::symlink(&elsewhere, root.join(PLACE).join("link")).unwrap();
        let checked = |path: &str| {
            let toml = format!("[secrets.stripe]\nfrom = 'file:{path}'\n");
            write(&root.join(PLACE).join(manifest::FILE), &toml);
            let checked = check(&root.join(PLACE), &Manifest::parse(&toml).unwrap());
            checked.map_err(|error| format!("{error:#}")).err().unwrap_or_default()
        };
        let inside = |name: &str| root.join(name).to_str().unwrap().to_owned();
        for path in [inside("key"), inside("none"), "none".to_owned(), "/nowhere/none".to_owned()] {
            assert_eq!(checked(&path), "", "{path}");
        }
        for path in [elsewhere.to_str().unwrap(), "link"] {
            let error = checked(path);
            assert!(
                error.contains("bulkhead.toml:2: ") && error.contains(" is not in the folder of the project"),
                "{error}"
            );
        }
        let error = checked(&inside("lines"));
        assert!(error.contains("its value contains a line break") && !error.contains("sk_secret"), "{error}");
        write(&root.join(FILE), "stripe = 'sk_test'\n");
        assert_eq!(checked(elsewhere.to_str().unwrap()), "", "a value is there in its place");
    }
}
