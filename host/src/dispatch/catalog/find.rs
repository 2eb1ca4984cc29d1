//! Finds the function's handler if no manifest names one: from `_HANDLER` and the task root.

use std::path::{Component as PathPart, Path, PathBuf};

use super::CatalogError;

/// The name of the handler in a task root: the requested one, or that of the only component.
///
/// # Errors
/// If no component has that name, and the task root does not contain exactly one component.
pub fn find(task_root: &Path, asked: Option<&str>) -> Result<String, CatalogError> {
    if let Some(name) = asked.into_iter().flat_map(names).find(|name| exists(&task_root.join(name))) {
        return Ok(name.to_owned());
    }
    let found = components(task_root)?;
    match found.as_slice() {
        [only] => Ok(only.clone()),
        several => Err(CatalogError::no_such_handler(asked, task_root.to_owned(), several)),
    }
}

/// The names that `_HANDLER` may mean: `hello`, `hello.wasm` and `hello.handle` all mean `hello`. A name
/// stays within the task root.
pub(super) fn names(asked: &str) -> impl Iterator<Item = &str> {
    let inside = Path::new(asked).components().all(|part| matches!(part, PathPart::Normal(_)));
    let stem = asked.rsplit_once('.').map(|(stem, _)| stem);
    [Some(asked), stem].into_iter().flatten().filter(move |name| inside && !name.is_empty())
}

fn exists(handler: &Path) -> bool {
    file(handler, "cwasm").is_file() || file(handler, "wasm").is_file()
}

/// `Path::with_extension` would remove `.b` from `a.b`.
pub(super) fn file(handler: &Path, ending: &str) -> PathBuf {
    let mut file = handler.as_os_str().to_owned();
    file.push(".");
    file.push(ending);
    file.into()
}

/// The names of all components in the task root, in order.
///
/// # Errors
/// When it cannot be read.
pub fn components(task_root: &Path) -> Result<Vec<String>, CatalogError> {
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
        assert!(error.to_string().contains("contains a, b; name one"), "{error}");
        assert_eq!(error.report().header_type(), "Runtime.NoSuchHandler");
        let none = found(&[], None).unwrap_err().to_string();
        assert!(
            none.contains("is not set, and ") && none.ends_with(" contains no component; add one"),
            "{none}"
        );
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
