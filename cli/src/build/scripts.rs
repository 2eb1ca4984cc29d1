//! The scripts of a project, and the engine that runs them: both are copied into the task root.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use bulkhead_host::engine::Target;
use bulkhead_host::script;

use super::project::Project;
use crate::check::mistakes_of_scripts;
use crate::local;
use crate::package::fits;

/// Whether every handler of a project is a script, so that there is nothing to compile.
pub(super) fn are_all(project: &Project) -> bool {
    let handlers = &project.manifest.handlers;
    !handlers.is_empty() && handlers.iter().all(|handler| handler.script.is_some())
}

/// Fails with every script that cannot be read.
pub(super) fn check(project: &Project) -> anyhow::Result<()> {
    let found = mistakes_of_scripts(&project.root, &project.manifest);
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// Adds the files of all scripts, and the engines that the project does not have itself. Each file has its place in the task
/// root and its source; native code is made for the engines whose component is there.
pub(super) fn add(project: &Project, files: &mut BTreeMap<PathBuf, PathBuf>, native: &mut BTreeSet<PathBuf>) {
    for place in project.manifest.scripts().collect::<BTreeSet<_>>() {
        // What cannot be read was reported before.
        let Ok(script) = script::read(&project.root, place) else { continue };
        let folder = place.parent().unwrap_or_else(|| Path::new(""));
        for file in script.files() {
            let place = folder.join(&*file.path);
            let source = project.root.join(&place);
            files.insert(place, source);
        }
    }
    let engines = project.manifest.handlers.iter().filter(|handler| handler.script.is_some());
    for component in engines.map(|handler| &handler.source).collect::<BTreeSet<_>>() {
        let code = component.with_extension("cwasm");
        let (own, own_code) = (project.root.join(component), project.root.join(&code));
        let (from, from_code) = match own.is_file() || own_code.is_file() {
            true => (Some(own), Some(own_code)),
            false => (shipped(component), shipped(&code)),
        };
        let from = from.filter(|file| file.is_file());
        let missing = PathBuf::new();
        let is_usable = |code: &PathBuf| {
            Target::host().is_some_and(|target| fits(code, from.as_ref().unwrap_or(&missing), target))
        };
        if let Some(from_code) = from_code.filter(is_usable) {
            files.insert(code.clone(), from_code);
        }
        if let Some(from) = from {
            files.insert(component.clone(), from);
            native.insert(code);
        }
    }
}

/// An engine that came with this command.
fn shipped(place: &Path) -> Option<PathBuf> {
    local::engine(place.file_name()?.to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(files: &[(&str, &str)]) -> (Project, BTreeMap<PathBuf, PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let project = Project::find(folder.path()).unwrap();
        let (mut files, mut native) = (BTreeMap::new(), BTreeSet::new());
        add(&project, &mut files, &mut native);
        (project, files)
    }

    #[test]
    fn scripts_and_their_own_engine_are_copied_and_nothing_else() {
        let (project, files) = added(&[
            (
                "bulkhead.toml",
                "handlers.n.source = \"n/index.js\"\ntenants.a.script = \"a.js\"\ntenants.b = {}",
            ),
            ("n/index.js", ""),
            ("n/lib/x.json", ""),
            ("n/notes.txt", ""),
            ("a.js", ""),
            ("other.js", ""),
            ("engines/javascript.wasm", ""),
        ]);
        let places: Vec<_> = files.keys().map(|place| place.to_str().unwrap()).collect();
        assert_eq!(places, ["a.js", "engines/javascript.wasm", "n/index.js", "n/lib/x.json"]);
        assert!(are_all(&project));
    }

    #[test]
    fn a_script_that_is_missing_is_an_error_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bulkhead.toml"), "handlers.n.source = \"index.js\"").unwrap();
        let error = check(&Project::find(folder.path()).unwrap()).unwrap_err().to_string();
        assert!(
            error.starts_with("bulkhead.toml:1: handlers.n.source: there is no file `index.js`"),
            "{error}"
        );
    }
}
