//! The paths of a release's files after a package manager has installed them below a prefix, which is a folder such as
//! `/usr/local` or a virtual environment. The command is in `bin`, and finds the bootstraps and the engines of scripts in `libexec/bulkhead`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The shells, each with the file with its completions in a release and the path where the shell looks for it.
pub(super) const COMPLETIONS: [(&str, &str, &str); 3] = [
    ("bash", "bulkhead.bash", "share/bash-completion/completions/bulkhead"),
    ("zsh", "_bulkhead", "share/zsh/site-functions/_bulkhead"),
    ("fish", "bulkhead.fish", "share/fish/vendor_completions.d/bulkhead.fish"),
];

/// The engines of scripts, which are not programs of the operating system.
const ENGINES: &str = "libexec/bulkhead/engines/";

/// A file that is installed.
#[derive(Debug)]
pub(super) struct Item {
    /// Its current path.
    pub(super) source: PathBuf,
    /// Its path relative to the prefix.
    pub(super) place: String,
}

impl Item {
    /// Whether it is executable.
    pub(super) fn is_program(&self) -> bool {
        self.is_needed() && !self.place.starts_with(ENGINES)
    }

    /// Whether the command cannot do its work without it.
    pub(super) fn is_needed(&self) -> bool {
        self.place.starts_with("bin/") || self.place.starts_with("libexec/")
    }
}

/// The files of a release that are installed, in the order of their places. Licences and the SBOM are not among them, because each
/// package manager has its own place for them.
pub(super) fn items(release: &Path) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for file in files_below(release)? {
        if let Some(place) = place(&file) {
            items.push(Item { source: release.join(&file), place });
        }
    }
    items.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(items)
}

fn place(file: &str) -> Option<String> {
    if file == "bulkhead" {
        return Some("bin/bulkhead".to_owned());
    }
    if let Some(name) = file.strip_prefix("completions/") {
        let known = COMPLETIONS.iter().find(|(_, known, _)| *known == name);
        return known.map(|(.., place)| (*place).to_owned());
    }
    if file.starts_with("man/") {
        return Some(format!("share/{file}"));
    }
    let is_found_there = file.starts_with("bootstrap") || file.starts_with("engines/");
    is_found_there.then(|| format!("libexec/bulkhead/{file}"))
}

/// All files of a folder, relative to it.
fn files_below(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_str();
                files.push(
                    name.with_context(|| format!("{}: the name is not UTF-8", path.display()))?.to_owned(),
                );
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_place_and_documents_have_none() {
        for (file, expected) in [
            ("bulkhead", Some("bin/bulkhead")),
            ("bootstrap", Some("libexec/bulkhead/bootstrap")),
            ("bootstrap-arm64", Some("libexec/bulkhead/bootstrap-arm64")),
            ("engines/javascript.wasm", Some("libexec/bulkhead/engines/javascript.wasm")),
            ("completions/_bulkhead", Some("share/zsh/site-functions/_bulkhead")),
            ("man/man1/bulkhead.1", Some("share/man/man1/bulkhead.1")),
            ("LICENSE-MIT", None),
            ("CHANGELOG.md", None),
        ] {
            assert_eq!(place(file).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn an_engine_is_needed_and_is_not_a_program() {
        let item = |place: &str| Item { source: PathBuf::new(), place: place.to_owned() };
        let engine = item("libexec/bulkhead/engines/javascript.wasm");
        assert!(engine.is_needed() && !engine.is_program());
        assert!(item("libexec/bulkhead/bootstrap").is_program() && !item("share/man/man1/a.1").is_needed());
    }
}
