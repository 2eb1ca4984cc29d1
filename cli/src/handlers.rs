//! The handlers of a task root, by name. A name that does not exist is found here, before anything is started: the
//! bootstrap of a function with one component runs it under any name.

use std::path::Path;

use anyhow::{bail, ensure};
use bulkhead_host::dispatch::catalog;
use bulkhead_host::policy::manifest::{FILE, Manifest};
use bulkhead_host::text::printable::{Shown as _, name};

use crate::suggest;

/// The handlers in `bulkhead.toml`, or else the components.
pub(crate) fn names(root: &Path, manifest: &Manifest) -> anyhow::Result<Vec<String>> {
    if manifest.handlers.is_empty() {
        return Ok(catalog::components(root)?);
    }
    Ok(manifest.handlers.iter().map(|handler| handler.name.clone()).collect())
}

/// Whether the bootstrap would find the handler under this name: `hello`, `hello.wasm` and `hello.handle` mean `hello`.
pub(crate) fn is_there(root: &Path, manifest: &Manifest, asked: &str) -> anyhow::Result<bool> {
    let stem = asked.rsplit_once('.').map(|(stem, _)| stem);
    let names = names(root, manifest)?;
    if [Some(asked), stem].into_iter().flatten().any(|asked| names.iter().any(|name| name == asked)) {
        return Ok(true);
    }
    // One in a folder of the task root.
    let found =
        || catalog::find(root, Some(asked)).is_ok_and(|found| found == asked || Some(&*found) == stem);
    Ok(manifest.handlers.is_empty() && found())
}

/// The answer to the name of a handler that does not exist.
pub(crate) fn missing(root: &Path, manifest: &Manifest, asked: &str) -> anyhow::Result<String> {
    let names = names(root, manifest)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(suggest::missing("handler", asked, &names))
}

/// The component of a task root whose `bulkhead.toml` names no handler: the one that is asked for, or the only one.
pub(crate) fn only(root: &Path, asked: Option<&str>) -> anyhow::Result<String> {
    let manifest = Manifest::default();
    if let Some(asked) = asked {
        ensure!(is_there(root, &manifest, asked)?, "{}", missing(root, &manifest, asked)?);
        return Ok(catalog::find(root, Some(asked))?);
    }
    let there = names(root, &manifest)?;
    match there.as_slice() {
        [] => bail!("{}: there is no component (.wasm or .cwasm) in this folder", root.shown()),
        [only] => Ok(only.clone()),
        several => bail!("{}", self::several(root, several)),
    }
}

/// A folder, within a sentence.
pub(crate) fn place(root: &Path) -> String {
    if root == Path::new(".") { "this folder".to_owned() } else { root.shown() }
}

/// The answer if several components could be meant.
pub(crate) fn several(root: &Path, names: &[String]) -> String {
    format!(
        "{} has {}; name one of them with --handler, or all of them in {FILE}",
        place(root),
        name(&names.join(", "))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn a_handler_is_named_as_for_the_bootstrap() {
        let named = Manifest::parse("handlers.hello = {}").unwrap();
        for asked in ["hello", "hello.wasm", "hello.handle"] {
            assert!(is_there(root(&["hello.wasm", "b.wasm"]).path(), &Manifest::default(), asked).unwrap());
            assert!(is_there(root(&[]).path(), &named, asked).unwrap());
        }
        assert!(is_there(root(&["in/side.wasm"]).path(), &Manifest::default(), "in/side").unwrap());
        assert!(!is_there(root(&["hello.wasm"]).path(), &Manifest::default(), "helo").unwrap());
    }

    #[test]
    fn the_only_component_needs_no_name_and_takes_no_other() {
        let only = |files: &[&str], asked| only(root(files).path(), asked).map_err(|error| error.to_string());
        assert_eq!(only(&["hello.wasm"], None).as_deref(), Ok("hello"));
        assert_eq!(only(&["a.wasm", "b.cwasm"], Some("b")).as_deref(), Ok("b"));
        assert_eq!(
            only(&["hello.wasm"], Some("helo")),
            Err("there is no handler \"helo\"; did you mean hello?".to_owned())
        );
        assert!(
            only(&["a.wasm", "b.wasm"], None)
                .unwrap_err()
                .contains(" has a, b; name one of them with --handler")
        );
        assert!(
            only(&[], None).unwrap_err().ends_with("there is no component (.wasm or .cwasm) in this folder")
        );
    }
}
