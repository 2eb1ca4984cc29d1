//! Finds the task root of a command: the folder that was named, or the built handlers of the project here.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use bulkhead_host::policy::manifest::{FILE, Manifest};
use bulkhead_host::text::printable::Shown as _;

use crate::build::{PLACE, Project};
use crate::files;

/// A component may be in a folder of the task root; this is how many folders deep one is looked for.
const DEPTH: usize = 3;

/// The folder that was named; or else the folder of built handlers of the project here, or the components here.
pub(crate) fn task_root(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match named {
        Some(root) => checked(root),
        None => found(),
    }
}

/// A folder that was named. Without anything to run in it, it is probably another folder than the user means.
fn checked(root: PathBuf) -> anyhow::Result<PathBuf> {
    if !root.is_dir() {
        return Err(files::no_folder(&root));
    }
    if is_task_root(&root) {
        return Ok(root);
    }
    let built = root.join(PLACE);
    if built.is_dir() {
        bail!(
            "{}: this is the folder of a project; name the folder of its built handlers, {}",
            root.shown(),
            built.shown()
        );
    }
    if root.join("Cargo.toml").is_file() || root.join(FILE).is_file() {
        bail!(
            "{0}: the handlers of this project are not built yet; run `bulkhead build {0}`, and then name {1}",
            root.shown(),
            built.shown()
        );
    }
    bail!("{}: there is no component (.wasm or .cwasm) and no {FILE} in this folder", root.shown());
}

fn found() -> anyhow::Result<PathBuf> {
    let (built, here) = (PathBuf::from(PLACE), PathBuf::from("."));
    if built.is_dir() {
        return Ok(built);
    }
    if is_task_root(&here) {
        return Ok(here);
    }
    let project = Project::find(&here)?;
    let built = project.shown.join(PLACE);
    ensure!(
        built.is_dir(),
        "the handlers of the project in {} are not built yet; run `bulkhead build`",
        project.root.shown()
    );
    Ok(built)
}

/// Whether a folder has something to run, and not only the sources of it.
pub(crate) fn is_task_root(folder: &Path) -> bool {
    // The folders of a cargo project may have components for its tests.
    if has_component(folder, if folder.join("Cargo.toml").is_file() { 1 } else { DEPTH }) {
        return true;
    }
    let is_project = || match Manifest::read(folder) {
        // A script runs where its engine is, which a build puts beside it.
        Ok(manifest) => manifest.is_some_and(|it| {
            it.build.is_some() || it.scripts().next().is_some() || it.engine_of_store().is_some()
        }),
        // The commands report what is wrong with it.
        Err(_) => false,
    };
    folder.join(FILE).is_file() && !folder.join("Cargo.toml").is_file() && !is_project()
}

fn has_component(folder: &Path, depth: usize) -> bool {
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_component =
        |path: &PathBuf| path.extension().is_some_and(|kind| kind == "wasm" || kind == "cwasm");
    // What cargo and npm leave is no task root of ours.
    let is_aside = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with('.') || ["node_modules", "target", "venv"].contains(&name)
    };
    files.iter().any(is_component)
        || depth > 1
            && folders.iter().filter(|path| !is_aside(path)).any(|path| has_component(path, depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_task_root_has_something_to_run() {
        for (files, expected) in [
            (&[][..], false),
            (&[("hello.wasm", "")], true),
            (&[("in/side.cwasm", "")], true),
            (&[("target/wasm32-wasip2/hello.wasm", "")], false),
            (&[(FILE, "")], true),
            (&[(FILE, "memory")], true),
            (&[(FILE, ""), ("Cargo.toml", "")], false),
            (&[("Cargo.toml", ""), ("tests/odd.wasm", "")], false),
            (&[(FILE, ""), ("Cargo.toml", ""), ("hello.wasm", "")], true),
            (&[(FILE, "build.command = \"make\"")], false),
            (&[(FILE, "handlers.a.source = \"a.js\""), ("a.js", "")], false),
            (&[(FILE, "handlers.a.source = \"a.js\""), ("engines/javascript.wasm", "")], true),
        ] {
            assert_eq!(is_task_root(folder(files).path()), expected, "{files:?}");
        }
    }

    #[test]
    fn a_folder_without_anything_to_run_is_answered_with_the_one_that_is_meant() {
        for (files, expected) in [
            (&[][..], "there is no component (.wasm or .cwasm) and no bulkhead.toml in this folder"),
            (&[("Cargo.toml", "")], "the handlers of this project are not built yet; run `bulkhead build "),
            (
                &[("Cargo.toml", ""), ("target/bulkhead/a.wasm", "")],
                "this is the folder of a project; name the folder of its",
            ),
        ] {
            let folder = folder(files);
            let error = task_root(Some(folder.path().to_owned())).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let missing = task_root(Some("/no/such/folder".into())).unwrap_err().to_string();
        assert_eq!(missing, "/no/such/folder: there is no folder /no");
    }
}
