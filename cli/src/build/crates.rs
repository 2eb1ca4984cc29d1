//! Which crates a component is linked from, according to cargo.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bulkhead_host::text::printable::Shown as _;
use serde::Deserialize;

use super::metadata::{self, Handler};
use super::project::Project;
use super::target::WASM;
use super::{PLACE, cargo};

/// The cargo project of a task root.
#[derive(Debug)]
pub(crate) struct Crates {
    root: PathBuf,
    target: PathBuf,
    packages: Vec<metadata::Package>,
}

#[derive(Debug, Deserialize)]
struct Places {
    target_directory: PathBuf,
}

impl Crates {
    /// Runs `cargo metadata`. `None` if the task root belongs to no cargo project.
    pub(crate) fn of(task_root: &Path) -> anyhow::Result<Option<Self>> {
        let folder = fs::canonicalize(task_root)
            .with_context(|| format!("{}: there is no such folder", task_root.shown()))?;
        let outside = folder.ends_with(PLACE).then(|| folder.ancestors().nth(2)).flatten();
        let project = Project::find(outside.unwrap_or(&folder));
        let Some(project) = project.ok().filter(|project| project.manifest.build.is_none()) else {
            return Ok(None);
        };
        if !project.root.ancestors().any(|above| above.join("Cargo.toml").is_file()) {
            return Ok(None);
        }
        let json =
            cargo::output(&project.root, &["metadata", "--no-deps", "--offline", "--format-version", "1"])?;
        let places: Places =
            serde_json::from_slice(&json).context("the output of `cargo metadata` cannot be read")?;
        // A project without handlers is not one of ours.
        let packages = metadata::handlers(&project, &[]).unwrap_or_default().packages;
        Ok(Some(Self { root: project.root, target: places.target_directory, packages }))
    }

    /// The output of `cargo tree` for a component. `None` unless the component is identical, byte for byte,
    /// to the artifact that cargo built from a package of this project: a matching name proves nothing.
    pub(crate) fn tree(&self, wasm: &[u8]) -> anyhow::Result<Option<String>> {
        let made_by = |package: &&metadata::Package| {
            package.handlers.iter().any(|handler| self.products(handler).any(|product| product == wasm))
        };
        let Some(package) = self.packages.iter().find(made_by) else { return Ok(None) };
        let tree = cargo::output(
            &self.root,
            &[
                "tree",
                "--offline",
                "--package",
                &package.id,
                "--target",
                WASM,
                "--edges",
                "normal,no-proc-macro",
                "--prefix",
                "depth",
                "--format",
                "|{p}|{l}",
            ],
        )?;
        Ok(Some(String::from_utf8(tree).context("the output of `cargo tree` is not UTF-8")?))
    }

    /// The artifacts that cargo built of a handler, in every profile.
    fn products(&self, handler: &Handler) -> impl Iterator<Item = Vec<u8>> {
        let file = format!("{}.wasm", handler.target);
        let profiles = fs::read_dir(self.target.join(WASM)).into_iter().flatten().flatten();
        profiles.filter_map(move |profile| fs::read(profile.path().join(&file)).ok())
    }
}
