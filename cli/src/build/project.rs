//! Finds a project, and reads its `bulkhead.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bulkhead_host::policy::manifest::{FILE, Manifest};
use bulkhead_host::text::printable::Shown as _;

use crate::files;

/// A folder with the sources of handlers.
#[derive(Debug)]
pub(crate) struct Project {
    /// The absolute path.
    pub(crate) root: PathBuf,
    /// The path to show: relative to the current directory where that is shorter.
    pub(crate) shown: PathBuf,
    pub(crate) manifest: Manifest,
    /// Whether there is a `bulkhead.toml`.
    pub(crate) has_manifest: bool,
}

impl Project {
    /// The project that a folder belongs to: the nearest folder upwards with a `bulkhead.toml`, or, if there
    /// is none, with a `Cargo.toml`.
    pub(crate) fn find(folder: &Path) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            return Err(files::no_folder(folder));
        }
        let folder =
            std::fs::canonicalize(folder).with_context(|| format!("{} cannot be read", folder.shown()))?;
        let with = |file: &str| folder.ancestors().find(|above| above.join(file).is_file());
        let Some(root) = with(FILE).or_else(|| with("Cargo.toml")) else {
            bail!(
                "there is no {FILE} and no Cargo.toml in {} or in any folder above it; make a project with `bulkhead new NAME`",
                folder.shown()
            );
        };
        let shown = shown(root);
        let manifest = Manifest::read(&shown)?;
        Ok(Self {
            root: root.to_owned(),
            shown,
            has_manifest: manifest.is_some(),
            manifest: manifest.unwrap_or_default(),
        })
    }

    /// The path of `bulkhead.toml`, to show.
    pub(crate) fn file(&self) -> PathBuf {
        self.shown.join(FILE)
    }
}

/// The path of a folder, relative to the current directory.
fn shown(folder: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    match here.as_deref().and_then(|here| folder.strip_prefix(here).ok()) {
        Some(inner) => inner.to_owned(),
        None => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_manifest_says_where_the_project_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let member = root.join("members/one");
        std::fs::create_dir_all(&member).unwrap();
        let found = || Project::find(&member).map(|project| project.root).map_err(|error| error.to_string());
        assert!(found().unwrap_err().contains("make a project with `bulkhead new NAME`"));
        std::fs::write(root.join("Cargo.toml"), "").unwrap();
        assert_eq!(found().as_ref(), Ok(&root));
        std::fs::write(member.join("Cargo.toml"), "").unwrap();
        assert_eq!(found().as_ref(), Ok(&member));
        std::fs::write(root.join(FILE), "").unwrap();
        assert_eq!(found().as_ref(), Ok(&root));
        std::fs::write(member.join(FILE), "limit = 1").unwrap();
        assert!(found().unwrap_err().contains("one/bulkhead.toml:1: limit: there is no such key"));
    }
}
