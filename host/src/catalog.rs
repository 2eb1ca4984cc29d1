//! Which handler runs, and from which file: `_HANDLER` and the task root (DESIGN, bulkhead.toml).

use std::path::{Component as PathPart, Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::component::{self, ComponentError, Loaded};
use crate::outcome::ErrorReport;
use crate::sandbox::State;

/// A handler that was found and loaded.
#[derive(Debug)]
pub struct Handler {
    /// Its component.
    pub loaded: Loaded,
    /// Why a `.cwasm` was passed over for the `.wasm` beside it.
    pub warning: Option<String>,
}

/// No handler can be started. The text is what the caller and the log get to see.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The task root cannot be listed.
    #[error("LAMBDA_TASK_ROOT: {}: {error}", path.display())]
    TaskRoot {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// `_HANDLER` names nothing, and there is not exactly one component to take in its place.
    #[error("_HANDLER {asked} and {} holds {found}; name one of them, without its ending", root.display())]
    NoSuchHandler {
        /// What `_HANDLER` says.
        asked: String,
        /// The task root.
        root: PathBuf,
        /// The components there.
        found: String,
    },
    /// The handler was found, but cannot be used.
    #[error(transparent)]
    Component(#[from] ComponentError),
}

impl CatalogError {
    /// The report for `/init/error`.
    pub fn report(&self) -> ErrorReport {
        let error_type = match self {
            Self::TaskRoot { .. } | Self::NoSuchHandler { .. } => "Runtime.NoSuchHandler",
            Self::Component(_) => "Runtime.InvalidComponent",
        };
        ErrorReport::new(error_type, self.to_string())
    }
}

/// Finds the handler that `_HANDLER` names and loads it.
///
/// # Errors
/// When there is none, or it cannot be used.
pub fn load(
    engine: &Engine,
    linker: &Linker<State>,
    task_root: &Path,
    asked: Option<&str>,
) -> Result<Handler, CatalogError> {
    let name = find(task_root, asked)?;
    let (loaded, warning) = load_files(engine, linker, &task_root.join(&name))?;
    Ok(Handler { loaded, warning })
}

/// The name of the handler: as asked, or else that of the only component there is.
fn find(task_root: &Path, asked: Option<&str>) -> Result<String, CatalogError> {
    if let Some(name) = asked.into_iter().flat_map(names).find(|name| exists(&task_root.join(name))) {
        return Ok(name.to_owned());
    }
    let found = components(task_root)?;
    match found.as_slice() {
        [only] => Ok(only.clone()),
        several => Err(CatalogError::NoSuchHandler {
            asked: asked.map_or_else(|| "is not set,".to_owned(), |asked| format!("is `{asked}`,")),
            root: task_root.to_owned(),
            found: if several.is_empty() { "no component".to_owned() } else { several.join(", ") },
        }),
    }
}

/// What `_HANDLER` may mean: `hello`, `hello.wasm` and `hello.handle` are all `hello`. A name stays within
/// the task root.
fn names(asked: &str) -> impl Iterator<Item = &str> {
    let inside = Path::new(asked).components().all(|part| matches!(part, PathPart::Normal(_)));
    let stem = asked.rsplit_once('.').map(|(stem, _)| stem);
    [Some(asked), stem].into_iter().flatten().filter(move |name| inside && !name.is_empty())
}

fn exists(handler: &Path) -> bool {
    file(handler, "cwasm").is_file() || file(handler, "wasm").is_file()
}

/// `Path::with_extension` would take `.b` off `a.b`.
fn file(handler: &Path, ending: &str) -> PathBuf {
    let mut file = handler.as_os_str().to_owned();
    file.push(".");
    file.push(ending);
    file.into()
}

/// The names of all components in the task root, in order.
fn components(task_root: &Path) -> Result<Vec<String>, CatalogError> {
    let task_root_error = |error| CatalogError::TaskRoot { path: task_root.to_owned(), error };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(task_root).map_err(task_root_error)? {
        let path = entry.map_err(task_root_error)?.path();
        let is_component =
            path.extension().is_some_and(|ending| ending == "wasm" || ending == "cwasm") && path.is_file();
        if let (true, Some(name)) = (is_component, path.file_stem()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Maps the `.cwasm`, if it is there and fits; else compiles the `.wasm`, if it is there.
fn load_files(
    engine: &Engine,
    linker: &Linker<State>,
    handler: &Path,
) -> Result<(Loaded, Option<String>), ComponentError> {
    let (cwasm, wasm) = (file(handler, "cwasm"), file(handler, "wasm"));
    if !cwasm.is_file() {
        return Ok((component::compile(engine, linker, &wasm)?, None));
    }
    let source = wasm.is_file().then_some(wasm.as_path());
    match (component::map(engine, linker, &cwasm, source), source) {
        (Err(refused @ ComponentError::Artifact { .. }), Some(wasm)) if cfg!(feature = "compiler") => {
            let loaded = component::compile(engine, linker, wasm)?;
            Ok((loaded, Some(format!("{refused}. For now {} was compiled in its place", wasm.display()))))
        }
        (mapped, _) => Ok((mapped?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        root
    }

    fn found(files: &[&str], asked: Option<&str>) -> Result<String, CatalogError> {
        find(root(files).path(), asked)
    }

    #[test]
    fn a_handler_may_be_named_in_three_ways() {
        let files = ["hello.wasm", "other.cwasm"];
        for asked in ["hello", "hello.wasm", "hello.cwasm", "hello.handle"] {
            assert_eq!(found(&files, Some(asked)).unwrap(), "hello", "{asked}");
        }
        assert_eq!(found(&["a.b.wasm", "a.wasm"], Some("a.b")).unwrap(), "a.b");
        assert_eq!(found(&["in/side.wasm", "a.wasm", "b.wasm"], Some("in/side")).unwrap(), "in/side");
    }

    #[test]
    fn the_only_component_is_taken_whatever_is_asked() {
        for asked in [None, Some("bootstrap"), Some("function.handler")] {
            assert_eq!(found(&["hello.wasm", "hello.cwasm", "notes.txt"], asked).unwrap(), "hello");
        }
    }

    #[test]
    fn what_is_there_is_listed_when_nothing_fits() {
        let error = found(&["b.wasm", "a.cwasm"], Some("c")).unwrap_err();
        assert!(error.to_string().contains("_HANDLER is `c`, and "), "{error}");
        assert!(error.to_string().contains("holds a, b; name one"), "{error}");
        assert_eq!(error.report().header_type(), "Runtime.NoSuchHandler");
        assert!(found(&[], None).unwrap_err().to_string().contains("is not set, and "));
    }

    #[test]
    fn a_name_stays_within_the_task_root() {
        let root = root(&["secret.wasm", "task/a.wasm", "task/b.wasm"]);
        let task_root = root.path().join("task");
        for asked in ["../secret", "/etc/secret", "x/../../secret", "./a/../../secret"] {
            assert!(find(&task_root, Some(asked)).is_err(), "{asked}");
        }
    }

    #[test]
    fn a_task_root_that_is_missing_is_named() {
        let error = find(Path::new("/nonexistent/task"), None).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/task"), "{error}");
    }
}
