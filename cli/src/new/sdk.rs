//! The SDK's sources, as a folder of the new project. The project builds wherever it is checked out, and
//! needs no registry.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bulkhead_host::text::printable::Shown as _;

use super::{vacant, write};

/// The folder's name. It is not in `vendor`, where `cargo vendor` deletes everything that it did not put
/// there itself.
pub(super) const FOLDER: &str = "bulkhead-sdk";

/// The SDK's files: path and content. `build.rs` makes this list.
const SOURCES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// Files that the repository does not have.
const ADDED: [(&str, &str); 2] = [
    ("README.md", include_str!("../../templates/sdk/README.md")),
    // Keeps `cargo fmt` of the project from changing the SDK.
    ("rustfmt.toml", "disable_all_formatting = true\n"),
];

/// Writes the SDK into a project, and returns the path for its `Cargo.toml`. Handlers of one workspace share
/// one SDK, at its root: a lock file cannot hold two packages of the same version. An existing SDK is kept.
pub(super) fn put(project: &Path, workspace: Option<&Path>) -> anyhow::Result<PathBuf> {
    let (root, to_root) = match workspace.and_then(Path::parent) {
        Some(root) => (root, way_up(project, root)?),
        None => (project, PathBuf::new()),
    };
    let folder = root.join(FOLDER);
    if !folder.join("Cargo.toml").is_file() {
        vacant(&folder)?;
        for (file, text) in files() {
            write(&folder.join(file), &text)?;
        }
    }
    Ok(to_root.join(FOLDER))
}

/// The path from a folder up to one above it.
fn way_up(folder: &Path, above: &Path) -> anyhow::Result<PathBuf> {
    let folder =
        std::fs::canonicalize(folder).with_context(|| format!("{} cannot be read", folder.shown()))?;
    let between = folder.strip_prefix(above).unwrap_or_else(|_| Path::new("")).components();
    Ok(between.map(|_| "..").collect())
}

fn files() -> impl Iterator<Item = (&'static str, Cow<'static, str>)> {
    let sources = SOURCES.iter().map(|(file, text)| match file.ends_with("Cargo.toml") {
        true => (*file, Cow::Owned(manifest(text))),
        false => (*file, Cow::Borrowed(*text)),
    });
    sources.chain(ADDED.map(|(file, text)| (file, Cow::Borrowed(text))))
}

/// The SDK's manifest for a project: without the parts that only this repository needs, and without tests.
/// `[lib]` is the last table that is copied. `publish = false` keeps a project from publishing its copy.
fn manifest(text: &str) -> String {
    let (_, text) = text.split_once("[package]").unwrap_or_default();
    let kept = text.split("\n[dev-dependencies]").next().unwrap_or_default();
    let kept = kept.replacen("\nrepository = ", "\npublish = false\nrepository = ", 1);
    format!("[package]{kept}test = false\ndoctest = false\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(wanted: &str) -> Cow<'static, str> {
        let found = files().find(|(file, _)| *file == wanted);
        found.unwrap_or_else(|| panic!("there is no {wanted}")).1
    }

    #[test]
    fn its_manifests_need_nothing_of_this_repository() {
        let said = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("license", env!("CARGO_PKG_LICENSE")),
            ("repository", env!("CARGO_PKG_REPOSITORY")),
        ];
        for (file, name) in [("Cargo.toml", "bulkhead-sdk"), ("macros/Cargo.toml", "bulkhead-sdk-macros")] {
            let manifest = text(file);
            assert!(manifest.starts_with(&format!("[package]\nname = \"{name}\"\n")), "{manifest}");
            for (key, value) in said {
                assert!(manifest.contains(&format!("\n{key} = \"{value}\"\n")), "{file}: {key}");
            }
            assert!(manifest.contains("\npublish = false\n"), "{file}: it can be published");
            let tables: Vec<&str> = manifest.lines().filter(|line| line.starts_with('[')).collect();
            assert_eq!(tables.last(), Some(&"[lib]"), "{file}");
            assert!(!manifest.contains("dev-dependencies") && !manifest.contains("lints"), "{file}");
            assert!(!manifest.contains("workspace"), "{file}: {manifest}");
        }
        assert!(text("Cargo.toml").contains("[lib]\nname = \"bulkhead\""));
        assert!(text("Cargo.toml").contains("\nbulkhead-sdk-macros = { path = \"macros\""));
    }

    #[test]
    fn it_has_its_sources_the_contract_and_its_licences_and_no_tests() {
        for file in ["src/lib.rs", "src/http.rs", "src/json/reader.rs", "macros/src/lib.rs", "README.md"] {
            assert!(!text(file).is_empty());
        }
        assert!(text("wit/lambda.wit").contains("package bulkhead:lambda"));
        assert!(text("wit/deps/io.wit").contains("package wasi:io"));
        assert!(text("LICENSE-MIT").contains("MIT") && text("LICENSE-APACHE").contains("LLVM"));
        assert!(files().all(|(file, _)| !file.ends_with("tests.rs") && !file.starts_with('/')));
    }

    #[test]
    fn handlers_of_one_workspace_share_one_which_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let (one, two) = (root.join("one"), root.join("services/two"));
        std::fs::create_dir_all(&one).unwrap();
        std::fs::create_dir_all(&two).unwrap();
        assert_eq!(put(&one, None).unwrap(), Path::new("bulkhead-sdk"));
        assert!(one.join("bulkhead-sdk/wit/deps/io.wit").is_file());
        let workspace = root.join("Cargo.toml");
        assert_eq!(put(&one, Some(&workspace)).unwrap(), Path::new("../bulkhead-sdk"));
        std::fs::write(root.join("bulkhead-sdk/Cargo.toml"), "# ours").unwrap();
        assert_eq!(put(&two, Some(&workspace)).unwrap(), Path::new("../../bulkhead-sdk"));
        assert_eq!(std::fs::read_to_string(root.join("bulkhead-sdk/Cargo.toml")).unwrap(), "# ours");
        std::fs::remove_file(root.join("bulkhead-sdk/Cargo.toml")).unwrap();
        assert!(put(&two, Some(&workspace)).unwrap_err().to_string().contains("is not empty"));
    }
}
