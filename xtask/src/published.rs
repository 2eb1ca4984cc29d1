//! The packages that are published, and the fields that crates.io requires in their manifests.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

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
    manifest: Value,
}

impl Published {
    /// All published packages, sorted by path.
    pub(crate) fn all(workspace: &Workspace) -> Result<Vec<Self>> {
        let mut cargo = workspace.cargo(["metadata", "--no-deps", "--format-version=1"]);
        let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.context("running `cargo metadata`")?;
        ensure!(output.status.success(), "`cargo metadata` failed");
        let metadata: Value = serde_json::from_slice(&output.stdout).context("reading `cargo metadata`")?;
        let members = metadata["packages"].as_array().into_iter().flatten();
        let published = members.filter(|package| package["publish"].is_null());
        let mut all = published
            .map(|package| Self::read(package, &workspace.source("")))
            .collect::<Result<Vec<_>>>()?;
        all.sort_by(|a, b| a.place.cmp(&b.place));
        Ok(all)
    }

    fn read(manifest: &Value, root: &Path) -> Result<Self> {
        let text = |key: &str| manifest[key].as_str().with_context(|| format!("a package has no {key}"));
        let directory = Path::new(text("manifest_path")?).parent().context("a manifest has no folder")?;
        Ok(Self {
            name: text("name")?.to_owned(),
            version: text("version")?.to_owned(),
            place: directory.strip_prefix(root)?.to_owned(),
            manifest: manifest.clone(),
        })
    }

    /// The name of its package file without the ending, and of the folder in it.
    pub(crate) fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// The oldest Rust that compiles it, as its manifest states it.
    pub(crate) fn rust_version(&self) -> Option<&str> {
        self.manifest["rust_version"].as_str()
    }

    /// The mistakes in its manifest.
    pub(crate) fn mistakes(&self, all: &[Self]) -> Vec<String> {
        let manifest = &self.manifest;
        let mut mistakes = Vec::new();
        for key in ["description", "license", "repository", "readme", "rust_version"] {
            if manifest[key].as_str().is_none_or(str::is_empty) {
                mistakes.push(format!("it has no {}", key.replace('_', "-")));
            }
        }
        let keywords = texts(&manifest["keywords"]);
        if !(1..=5).contains(&keywords.len()) {
            mistakes.push(format!("it has {} keywords; crates.io allows one to five", keywords.len()));
        }
        let bad = keywords.iter().filter(|word| !is_keyword(word));
        mistakes.extend(bad.map(|word| format!("`{word}` is not a valid keyword for crates.io")));
        let categories = texts(&manifest["categories"]);
        if categories.is_empty() {
            mistakes.push("it has no categories".to_owned());
        }
        let unknown = categories.iter().filter(|name| !CATEGORIES.contains(name));
        mistakes.extend(unknown.map(|name| format!("`{name}` is not in the list of xtask/src/published.rs")));
        let dependencies = manifest["dependencies"].as_array().into_iter().flatten();
        for dependency in dependencies.filter(|dependency| dependency["kind"] != "dev") {
            let ours = all.iter().find(|package| dependency["name"] == *package.name);
            if let Some(ours) = ours.filter(|ours| dependency["req"] != format!("={}", ours.version)) {
                mistakes.push(format!("it must depend on {} with exactly ={}", ours.name, ours.version));
            }
        }
        mistakes
    }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn is_keyword(word: &str) -> bool {
    word.len() <= 20
        && word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '+'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, manifest: Value) -> Published {
        Published { name: name.to_owned(), version: "0.1.0".to_owned(), place: PathBuf::new(), manifest }
    }

    #[test]
    fn a_manifest_is_told_all_that_it_lacks() {
        let lean = package("lean", json!({ "keywords": ["a b"], "categories": ["kitchens"] }));
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
        let dependencies = json!([
            { "name": "one", "req": "^0.1.0", "kind": null },
            { "name": "two", "req": "=0.1.0", "kind": null },
            { "name": "three", "req": "*", "kind": "dev" },
            { "name": "serde", "req": "^1", "kind": null },
        ]);
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
