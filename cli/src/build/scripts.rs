//! The scripts of a project, and the engine that runs them: both are copied into the task root.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::engine::Target;
use bulkhead_host::script;
use bulkhead_host::text::printable::Shown as _;

use super::precompile;
use super::project::Project;
use super::task_root::{PLACE, replace};
use crate::check::mistakes_of_scripts;
use crate::local::{self, ENGINES_VARIABLE};
use crate::package::fits;
use crate::test::files::is_test_name;
use crate::typescript;

/// Whether every handler of a project is a script, or it has none and runs those of its store, so that there is nothing to
/// compile.
pub(super) fn are_all(project: &Project) -> bool {
    let handlers = &project.manifest.handlers;
    match handlers.is_empty() {
        true => project.manifest.engine_of_store().is_some() && !project.root.join("Cargo.toml").is_file(),
        false => handlers.iter().all(|handler| handler.script.is_some()),
    }
}

/// Fails with every script that cannot be read, or if there is no engine to run them.
pub(super) fn check(project: &Project) -> anyhow::Result<()> {
    let found = mistakes_of_scripts(&project.root, &project.manifest);
    ensure!(found.is_empty(), "{}", found.join("\n"));
    for component in engines(project) {
        let file = Path::new(component.file_name().unwrap_or_default()).shown();
        ensure!(
            Engine::of(project, &component).is_there(),
            "there is no engine {file} to run the scripts of this project: a release of `bulkhead` has it in the folder `engines` \
             beside the command; pass another folder in {ENGINES_VARIABLE} (in a checkout of Bulkhead, `cargo xtask test --only \
             engine` builds it into target/engines)"
        );
    }
    Ok(())
}

/// The components that run the scripts of a project and of its store.
fn engines(project: &Project) -> BTreeSet<PathBuf> {
    let scripts = project.manifest.handlers.iter().filter(|handler| handler.script.is_some());
    scripts.map(|handler| handler.source.clone()).chain(project.manifest.engine_of_store()).collect()
}

/// The files of an engine, each if it is there: those of the project, or those that came with this command.
struct Engine {
    component: Option<PathBuf>,
    code: Option<PathBuf>,
}

impl Engine {
    fn of(project: &Project, place: &Path) -> Self {
        let places = [place.to_owned(), place.with_extension("cwasm")];
        let [component, code] =
            places.each_ref().map(|place| Some(project.root.join(place)).filter(|file| file.is_file()));
        let own = Self { component, code };
        if own.is_there() {
            return own;
        }
        let [component, code] = places.map(|place| local::engine(place.file_name()?.to_str()?));
        Self { component, code }
    }

    fn is_there(&self) -> bool {
        self.component.is_some() || self.code.is_some()
    }
}

/// The files of all scripts that have types, by their places in the task root, without these types.
pub(super) fn stripped(project: &Project) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let (mut files, mut mistakes) = (BTreeMap::new(), Vec::new());
    for place in project.manifest.scripts().collect::<BTreeSet<_>>() {
        // What cannot be read was reported before.
        let Ok(script) = script::read(&project.root, place) else { continue };
        let folder = place.parent().unwrap_or_else(|| Path::new(""));
        for file in script.files().iter().filter(|file| is_shipped(&file.path, &script.entry)) {
            let place = folder.join(&*file.path);
            if !typescript::has_types(&place)
                || typescript::is_declaration(&place)
                || files.contains_key(&place)
            {
                continue;
            }
            match typescript::strip(&place, &file.content) {
                Ok(content) => drop(files.insert(place, content)),
                Err(error) => mistakes.push(error.to_string()),
            }
        }
    }
    ensure!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    Ok(files)
}

/// Adds the files of all scripts but those with types, and the engines that the project does not have itself. Each file has its
/// place in the task root and its source; native code is made for the engines whose component is there.
pub(super) fn add(project: &Project, files: &mut BTreeMap<PathBuf, PathBuf>, native: &mut BTreeSet<PathBuf>) {
    for place in project.manifest.scripts().collect::<BTreeSet<_>>() {
        // What cannot be read was reported before.
        let Ok(script) = script::read(&project.root, place) else { continue };
        let folder = place.parent().unwrap_or_else(|| Path::new(""));
        for file in script.files().iter().filter(|file| is_shipped(&file.path, &script.entry)) {
            let place = folder.join(&*file.path);
            if typescript::has_types(&place) {
                continue;
            }
            let source = project.root.join(&place);
            files.insert(place, source);
        }
    }
    for place in engines(project) {
        let Engine { component, code } = Engine::of(project, &place);
        let code_place = place.with_extension("cwasm");
        if let Some(code) = code.filter(|code| is_usable(code, component.as_deref())) {
            files.insert(code_place.clone(), code);
        }
        if let Some(component) = component {
            files.insert(place, component);
            native.insert(code_place);
        }
    }
}

/// Whether native code runs here, and is of this component.
fn is_usable(code: &Path, component: Option<&Path>) -> bool {
    let component = component.unwrap_or_else(|| Path::new(""));
    Target::host().is_some_and(|target| fits(code, component, target))
}

/// Whether a file of a script is part of a package. Tests are not.
pub(crate) fn is_shipped(path: &str, entry: &str) -> bool {
    path == entry || !is_test_name(Path::new(path))
}

/// The native code of the engine that runs the scripts of a project. If there is none, it is made where a build makes it.
pub(crate) fn engine_code(project: &Project) -> anyhow::Result<PathBuf> {
    check(project)?;
    let Some(place) = engines(project).into_iter().next() else {
        bail!(
            "{} has no handler whose source is a script, and nothing else can be tested here",
            project.file().shown()
        );
    };
    let Engine { component, code } = Engine::of(project, &place);
    if let Some(code) = code.filter(|code| is_usable(code, component.as_deref())) {
        return Ok(code);
    }
    let Some(component) = component else { bail!("the engine {} is not for this machine", place.shown()) };
    let kept = project.root.join(PLACE).join(place);
    replace(&component, &kept).with_context(|| format!("{} cannot be written", kept.shown()))?;
    let code = kept.with_extension("cwasm");
    precompile::make(&code, &component)?;
    Ok(code)
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
            ("n/lib/x.test.js", ""),
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
    fn a_store_with_scripts_brings_the_engine() {
        let store = "[store]\nname = 'a'\nurl = 'file:///a'\n\
                     public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']\nscripts = true\n";
        let engine = ("engines/javascript.wasm", "");
        let (project, files) = added(&[("bulkhead.toml", store), engine]);
        assert_eq!(files.keys().map(|place| place.to_str().unwrap()).collect::<Vec<_>>(), [engine.0]);
        assert!(are_all(&project));
        let folder = tempfile::tempdir().unwrap();
        let are_all_with = |file: &str, text: &str| {
            std::fs::write(folder.path().join(file), text).unwrap();
            are_all(&Project::find(folder.path()).unwrap())
        };
        assert!(are_all_with("bulkhead.toml", store));
        assert!(!are_all_with("bulkhead.toml", &store.replace("true", "false")));
        // Its crates may be handlers.
        are_all_with("Cargo.toml", "");
        assert!(!are_all_with("bulkhead.toml", store));
    }

    #[test]
    fn types_are_taken_off_and_declarations_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
        std::fs::create_dir(folder.path().join("n")).unwrap();
        write("bulkhead.toml", "handlers.n.source = \"n/index.ts\"");
        write("n/index.ts", "let a: string;");
        write("n/b.mts", "let a!: B");
        write("n/types.d.ts", "declare");
        write("n/c.js", "let a: string;");
        // Its own: otherwise it has the engine of this machine, if there is one.
        std::fs::create_dir(folder.path().join("engines")).unwrap();
        write("engines/javascript.wasm", "");
        let project = Project::find(folder.path()).unwrap();
        let of = |text: &str| text.as_bytes().to_owned();
        let expected = [("n/b.mts", of("let a    ")), ("n/index.ts", of("let a        ;"))];
        let expected = expected.map(|(place, content)| (PathBuf::from(place), content));
        assert_eq!(stripped(&project).unwrap(), BTreeMap::from(expected));
        let (mut files, mut native) = (BTreeMap::new(), BTreeSet::new());
        add(&project, &mut files, &mut native);
        assert_eq!(files.keys().collect::<Vec<_>>(), ["engines/javascript.wasm", "n/c.js"].map(Path::new));
        write("n/b.mts", "enum A {}");
        write("n/index.ts", "let a: ;");
        let error = stripped(&project).unwrap_err().to_string();
        let begin = ["n/b.mts:1:1: an `enum` cannot", "n/index.ts:1:8: "];
        assert!(error.lines().zip(begin).all(|(line, begin)| line.starts_with(begin)), "{error}");
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
