//! The packages that are published, and the fields that crates.io requires in their manifests.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cargo_metadata::semver::Version;
use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::workspace::Workspace;

/// The categories of crates.io that this repository uses. The complete list is at
/// <https://crates.io/category_slugs>; crates.io ignores an unknown name.
const CATEGORIES: [&str; 5] =
    ["command-line-utilities", "development-tools", "virtualization", "wasm", "web-programming"];

/// A member of the workspace without `publish = false`.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The path of its folder in the repository.
    pub(crate) place: PathBuf,
    package: Package,
}

impl Published {
    /// All published packages, sorted by path.
    pub(crate) fn all(workspace: &Workspace) -> Result<Vec<Self>> {
        let metadata = MetadataCommand::new().no_deps().exec().context("running `cargo metadata`")?;
        let published = metadata.packages.into_iter().filter(|package| package.publish.is_none());
        let root = workspace.source("");
        let mut all = published.map(|package| Self::read(package, &root)).collect::<Result<Vec<_>>>()?;
        all.sort_by(|a, b| a.place.cmp(&b.place));
        Ok(all)
    }

    fn read(package: Package, root: &Path) -> Result<Self> {
        let directory = package.manifest_path.parent().context("a manifest has no folder")?;
        Ok(Self {
            name: package.name.to_string(),
            version: package.version.to_string(),
            place: directory.as_std_path().strip_prefix(root)?.to_owned(),
            package,
        })
    }

    /// The name of its package file without the ending, and of the folder in it.
    pub(crate) fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// The oldest Rust that compiles it, as its manifest states it.
    pub(crate) fn rust_version(&self) -> Option<&Version> {
        self.package.rust_version.as_ref()
    }

    /// The mistakes in its manifest.
    pub(crate) fn mistakes(&self, all: &[Self]) -> Vec<String> {
        let package = &self.package;
        let is_missing = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
        let fields = [
            ("description", is_missing(&package.description)),
            ("license", is_missing(&package.license)),
            ("repository", is_missing(&package.repository)),
            ("readme", package.readme.is_none()),
            ("rust-version", package.rust_version.is_none()),
        ];
        let missing = fields.iter().filter(|(_, is_missing)| *is_missing);
        let mut mistakes: Vec<String> = missing.map(|(field, _)| format!("it has no {field}")).collect();
        let keywords = &package.keywords;
        if !(1..=5).contains(&keywords.len()) {
            mistakes.push(format!("it has {} keywords; crates.io allows one to five", keywords.len()));
        }
        let bad = keywords.iter().filter(|word| !is_keyword(word));
        mistakes.extend(bad.map(|word| format!("`{word}` is not a valid keyword for crates.io")));
        if package.categories.is_empty() {
            mistakes.push("it has no categories".to_owned());
        }
        let unknown = package.categories.iter().filter(|name| !CATEGORIES.contains(&name.as_str()));
        mistakes.extend(unknown.map(|name| format!("`{name}` is not in the list of xtask/src/published.rs")));
        let used = package.dependencies.iter().filter(|used| used.kind != DependencyKind::Development);
        for dependency in used {
            let ours = all.iter().find(|package| dependency.name == package.name);
            if let Some(ours) = ours.filter(|ours| dependency.req.to_string() != format!("={}", ours.version))
            {
                mistakes.push(format!("it must depend on {} with exactly ={}", ours.name, ours.version));
            }
        }
        mistakes
    }
}

fn is_keyword(word: &str) -> bool {
    word.len() <= 20
        && word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '+'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(name: &str, fields: Value) -> Published {
        let mut manifest = json!({
            "name": name, "version": "0.1.0", "id": name, "dependencies": [], "targets": [], "features": {},
            "manifest_path": format!("/checkout/{name}/Cargo.toml"),
        });
        if let (Some(manifest), Value::Object(fields)) = (manifest.as_object_mut(), fields) {
            manifest.extend(fields);
        }
        Published::read(serde_json::from_value(manifest).unwrap(), Path::new("/checkout")).unwrap()
    }

    fn dependency(name: &str, req: &str, kind: Option<&str>) -> Value {
        json!({
            "name": name, "req": req, "kind": kind, "optional": false, "uses_default_features": true, "features": [],
        })
    }

    #[test]
    fn a_manifest_is_told_all_that_it_lacks() {
        let lean = package("lean", json!({ "keywords": ["a b"], "categories": ["kitchens"] }));
        assert_eq!(lean.place, Path::new("lean"));
        assert_eq!(
            lean.mistakes(&[]),
            [
                "it has no description",
                "it has no license",
                "it has no repository",
                "it has no readme",
                "it has no rust-version",
                "`a b` is not a valid keyword for crates.io",
                "`kitchens` is not in the list of xtask/src/published.rs",
            ]
        );
    }

    #[test]
    fn packages_that_come_out_together_ask_for_each_other_exactly() {
        let dependencies = [
            dependency("one", "^0.1.0", None),
            dependency("two", "=0.1.0", None),
            dependency("three", "*", Some("dev")),
            dependency("serde", "^1", None),
        ];
        let user = package(
            "user",
            json!({
                "description": "d", "license": "MIT", "repository": "r", "readme": "README.md", "rust_version": "1.95",
                "keywords": ["aws"], "categories": ["wasm"], "dependencies": dependencies,
            }),
        );
        let all = ["one", "two", "three"].map(|name| package(name, Value::Null));
        assert_eq!(user.mistakes(&all), ["it must depend on one with exactly =0.1.0"]);
        assert_eq!(user.folder(), "user-0.1.0");
    }
}
