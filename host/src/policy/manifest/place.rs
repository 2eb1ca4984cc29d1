//! Paths in the task root. The code that opens a path checks whether it exists.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::policy::script_file;

/// The reason why a path is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlaceError {
    #[error("{0:?} is the task root itself; use a path below it")]
    Root(String),
    #[error("{0:?} is not relative to the task root; leave out the leading slash")]
    Absolute(String),
    #[error("{0:?} leads out of the task root; leave out the `..`")]
    Outside(String),
    #[error("{0:?} contains a backslash or a control character; separate folders with slashes")]
    Characters(String),
    #[error(
        "{0:?} is neither a component nor a script; the name of a component ends in .wasm or .cwasm, and that of a script in \
         .js, .mjs, .cjs, .ts, .mts or .cts"
    )]
    NoSource(String),
    #[error("{0:?} is not a script; the name of a script ends in .js, .mjs, .cjs, .ts, .mts or .cts")]
    NoScript(String),
    #[error(
        "{0:?} has JSX, which a script cannot have; compile it to JavaScript first, for example with esbuild"
    )]
    Jsx(String),
    #[error(
        "{0:?} is hidden, because a part of it begins with a dot; a script has no hidden files, so rename it"
    )]
    Hidden(String),
    #[error("{0:?} lies in the folder of the engines of scripts; put the script into another one")]
    Engines(String),
    #[error(
        "{0:?} would be at /tmp in the sandbox, which is reserved for a handler's own files; rename the directory"
    )]
    Tmp(String),
}

/// A path in the task root, without `.` and superfluous slashes.
pub(super) fn place(text: &str) -> Result<PathBuf, PlaceError> {
    normal(text).map(|place| place.into_owned().into())
}

/// The same as text. Most paths are normal already.
fn normal(text: &str) -> Result<Cow<'_, str>, PlaceError> {
    if text.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(PlaceError::Characters(text.to_owned()));
    }
    if text.starts_with('/') {
        return Err(PlaceError::Absolute(text.to_owned()));
    }
    if !parts(text).any(|part| matches!(part, b"" | b"." | b"..")) {
        return Ok(text.into());
    }
    if parts(text).any(|part| part == b"..") {
        return Err(PlaceError::Outside(text.to_owned()));
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() { Err(PlaceError::Root(text.to_owned())) } else { Ok(parts.join("/").into()) }
}

fn parts(text: &str) -> impl Iterator<Item = &[u8]> {
    text.as_bytes().split(|byte| *byte == b'/')
}

/// What a handler runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The path of a component.
    Component(PathBuf),
    /// The path of the entry of a script.
    Script(Arc<Path>),
}

/// The path of a component or a script.
pub(super) fn source(text: &str) -> Result<Source, PlaceError> {
    let path = place(text)?;
    if path.extension().is_some_and(|extension| extension == "wasm" || extension == "cwasm") {
        return Ok(Source::Component(path));
    }
    match script(text) {
        Ok(script) => Ok(Source::Script(script)),
        Err(PlaceError::NoScript(text)) => Err(PlaceError::NoSource(text)),
        Err(error) => Err(error),
    }
}

/// The path of the entry of a script.
pub(super) fn script(text: &str) -> Result<Arc<Path>, PlaceError> {
    let place = normal(text)?;
    let name = Path::new(place.rsplit('/').next().unwrap_or_default());
    if !script_file::is_entry(name) {
        let has_jsx = name.extension().is_some_and(|ending| ending == "jsx" || ending == "tsx");
        let error = if has_jsx { PlaceError::Jsx } else { PlaceError::NoScript };
        return Err(error(text.to_owned()));
    }
    if Path::new(&*place).starts_with(script_file::ENGINES) {
        return Err(PlaceError::Engines(text.to_owned()));
    }
    if parts(&place).any(|part| part.starts_with(b".")) {
        Err(PlaceError::Hidden(text.to_owned()))
    } else {
        Ok(Path::new(&*place).into())
    }
}

/// The path of a directory that a sandbox sees under this name.
pub(super) fn directory(text: &str) -> Result<PathBuf, PlaceError> {
    let place = place(text)?;
    if place.starts_with("tmp") { Err(PlaceError::Tmp(text.to_owned())) } else { Ok(place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (text, expected) in
            [("assets", "assets"), ("./assets//img/", "assets/img"), ("a/./b", "a/b"), ("...", "...")]
        {
            assert_eq!(place(text), Ok(PathBuf::from(expected)));
        }
        assert_eq!(source("lib/hello.cwasm"), Ok(Source::Component("lib/hello.cwasm".into())));
        assert_eq!(source("./notes//index.mjs"), Ok(Source::Script(Path::new("notes/index.mjs").into())));
        assert_eq!(directory("tmpl"), Ok(PathBuf::from("tmpl")));
    }

    #[test]
    fn paths_stay_in_the_task_root() {
        for (text, expected) in [
            ("", PlaceError::Root as fn(String) -> PlaceError),
            (".", PlaceError::Root),
            ("/etc", PlaceError::Absolute),
            ("..", PlaceError::Outside),
            ("a/../../etc", PlaceError::Outside),
            ("a/../b", PlaceError::Outside),
            ("a\\b", PlaceError::Characters),
            ("a\0", PlaceError::Characters),
        ] {
            assert_eq!(place(text), Err(expected(text.to_owned())), "{text:?}");
        }
        for text in ["hello.wat", ".wasm", ".js", "index.js.map"] {
            assert_eq!(source(text), Err(PlaceError::NoSource(text.to_owned())));
            assert_eq!(script(text), Err(PlaceError::NoScript(text.to_owned())));
        }
        for text in ["index.jsx", "src/index.tsx"] {
            assert_eq!(source(text), Err(PlaceError::Jsx(text.to_owned())));
            assert_eq!(script(text), Err(PlaceError::Jsx(text.to_owned())));
        }
        for text in ["engines/a.js", "./engines/bytecode/a/b.mjs"] {
            assert_eq!(script(text), Err(PlaceError::Engines(text.to_owned())));
        }
        assert_eq!(script("hello.wasm"), Err(PlaceError::NoScript("hello.wasm".to_owned())));
        for text in [".git/index.js", "a/.b.js", "./a/.b/c.ts"] {
            assert_eq!(source(text), Err(PlaceError::Hidden(text.to_owned())));
        }
        assert_eq!(directory("./tmp/x"), Err(PlaceError::Tmp("./tmp/x".to_owned())));
    }
}
