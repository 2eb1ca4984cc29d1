//! The build of a cargo project's handlers into a task root.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use bulkhead_host::manifest::{FILE, Manifest};
use serde_json::Value;
use tokio::process::Command;

use super::components;

/// The profile of a handler while it is worked on: quick to build, and small enough to be loaded quickly.
const PROFILE: [&str; 3] =
    ["profile.dev.opt-level=1", "profile.dev.strip=\"debuginfo\"", "profile.dev.debug=false"];

/// Builds a project. What was in the task root stays there where that fails.
pub(super) async fn build(sources: &Path, root: &Path) -> anyhow::Result<()> {
    let mut command = cargo(sources);
    command.args(["build", "--target", "wasm32-wasip2", "--message-format=json-render-diagnostics"]);
    command.args(PROFILE.iter().flat_map(|line| ["--config", line]));
    let output =
        command.output().await.context("cargo cannot be started; install Rust from https://rustup.rs")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", told.trim_end());
    let messages = String::from_utf8_lossy(&output.stdout);
    let built: Vec<(String, PathBuf)> = messages.lines().filter_map(component).collect();
    if built.is_empty() {
        bail!("cargo made no component; a handler is a program, or a library with crate-type = [\"cdylib\"]");
    }
    fill(sources, root, &built)
}

/// The component that one of cargo's messages reports, and its name.
fn component(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    let file = files.into_iter().find(|file| file.extension().is_some_and(|kind| kind == "wasm"))?;
    let kinds = message["target"]["kind"].as_array()?;
    // A library has the name of its package, without cargo's underscores.
    let name = if kinds.iter().any(|kind| kind == "cdylib") {
        let (path, fragment) = message["package_id"].as_str()?.rsplit_once('#')?;
        let named = fragment.split_once('@').map(|(name, _)| name);
        named.or_else(|| path.rsplit('/').next())?.to_owned()
    } else {
        message["target"]["name"].as_str()?.to_owned()
    };
    Some((name, file))
}

/// Puts components, `bulkhead.toml` and what that grants of files into the task root.
fn fill(sources: &Path, root: &Path, built: &[(String, PathBuf)]) -> anyhow::Result<()> {
    std::fs::create_dir_all(root).with_context(|| format!("{} cannot be made", root.display()))?;
    for (name, file) in built {
        put(file, &root.join(format!("{name}.wasm")))?;
    }
    for path in components(root)? {
        let is_built = built.iter().any(|(name, _)| path == root.join(format!("{name}.wasm")));
        if !is_built {
            std::fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    let manifest = sources.join(FILE);
    if !manifest.is_file() {
        // It is gone with its source.
        drop(std::fs::remove_file(root.join(FILE)));
        return Ok(());
    }
    put(&manifest, &root.join(FILE))?;
    let handlers = Manifest::read(root)?.unwrap_or_default().handlers;
    let granted: BTreeSet<_> =
        handlers.iter().flat_map(|handler| handler.policy.grants.files.clone()).collect();
    granted.iter().try_for_each(|folder| put_all(&sources.join(folder), &root.join(folder)))
}

fn put_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    let entries = std::fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))?;
    for entry in entries {
        let from = entry.with_context(|| format!("{} cannot be read", from.display()))?.path();
        let Some(name) = from.file_name() else { continue };
        let to = to.join(name);
        if from.is_dir() { put_all(&from, &to)? } else { put(&from, &to)? }
    }
    Ok(())
}

/// Copies a file in one step: whoever loads it meanwhile has all of the old or all of the new one.
fn put(from: &Path, to: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(from).with_context(|| format!("{} cannot be read", from.display()))?;
    let folder = to.parent().unwrap_or_else(|| Path::new("."));
    let write = || {
        let file = tempfile::NamedTempFile::new_in(folder)?;
        std::fs::write(file.path(), &bytes)?;
        std::fs::set_permissions(file.path(), std::fs::metadata(from)?.permissions())?;
        file.persist(to).map_err(|failed| failed.error)
    };
    write().map(drop).with_context(|| format!("{} cannot be written", to.display()))
}

/// Every folder of the workspace's packages, without what is built into them.
pub(super) async fn watched(sources: &Path) -> anyhow::Result<BTreeSet<(PathBuf, bool)>> {
    let mut command = cargo(sources);
    command.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    let output = command.output().await.context("cargo cannot be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim_end());
    let told: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    let target = told["target_directory"].as_str().map(Path::new);
    let packages = told["packages"].as_array().into_iter().flatten();
    let manifests = packages.clone().filter_map(|package| package["manifest_path"].as_str());
    let folders = manifests.filter_map(|path| Path::new(path).parent());
    let dependencies = packages.flat_map(|package| package["dependencies"].as_array()).flatten();
    let beside = dependencies.filter_map(|dependency| dependency["path"].as_str()).map(Path::new);
    let mut watched = BTreeSet::new();
    for folder in folders.chain(beside).chain(told["workspace_root"].as_str().map(Path::new)) {
        watched.insert((folder.to_owned(), false));
        let entries =
            std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let below = entries.filter(|path| path.is_dir() && Some(path.as_path()) != target && !is_aside(path));
        watched.extend(below.map(|path| (path, true)));
    }
    Ok(watched)
}

/// Of version control, of editors, or made of the sources.
fn is_aside(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || name == "target"
}

fn cargo(sources: &Path) -> Command {
    let mut command = Command::new("cargo");
    // A build is nobody's any more once this command has ended.
    command.current_dir(sources).stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_has_the_name_of_its_package() {
        let line = |kind: &str, id: &str| {
            let file = "/t/debug/my_lib.wasm";
            format!(
                r#"{{"package_id":"{id}","target":{{"kind":["{kind}"],"name":"my_lib"}},"filenames":["{file}"]}}"#
            )
        };
        let name = |kind, id| component(&line(kind, id)).unwrap().0;
        assert_eq!(name("cdylib", "path+file:///x/my-lib#0.1.0"), "my-lib");
        assert_eq!(name("cdylib", "path+file:///x/y#my-lib@0.1.0"), "my-lib");
        assert_eq!(name("bin", "path+file:///x/y#0.1.0"), "my_lib");
        assert_eq!(component(r#"{"reason":"build-finished"}"#), None);
    }
}
