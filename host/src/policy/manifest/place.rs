//! Paths in the task root. The code that opens a path checks whether it exists.

use std::path::{Component, Path, PathBuf};

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
    #[error("{0:?} is not a component; the name of a component ends in .wasm or .cwasm")]
    NoComponent(String),
    #[error(
        "{0:?} would be at /tmp in the sandbox, which is reserved for a handler's own files; rename the directory"
    )]
    Tmp(String),
}

/// A path in the task root, without `.` and superfluous slashes.
pub(super) fn place(text: &str) -> Result<PathBuf, PlaceError> {
    if text.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(PlaceError::Characters(text.to_owned()));
    }
    let mut place = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err(PlaceError::Outside(text.to_owned())),
            Component::RootDir | Component::Prefix(_) => return Err(PlaceError::Absolute(text.to_owned())),
        }
    }
    if place.as_os_str().is_empty() { Err(PlaceError::Root(text.to_owned())) } else { Ok(place) }
}

/// The path of a component.
pub(super) fn component(text: &str) -> Result<PathBuf, PlaceError> {
    let place = place(text)?;
    let known = place.extension().is_some_and(|extension| extension == "wasm" || extension == "cwasm");
    if known { Ok(place) } else { Err(PlaceError::NoComponent(text.to_owned())) }
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
        assert_eq!(component("lib/hello.cwasm"), Ok(PathBuf::from("lib/hello.cwasm")));
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
        assert_eq!(component("hello.wat"), Err(PlaceError::NoComponent("hello.wat".to_owned())));
        assert_eq!(component(".wasm"), Err(PlaceError::NoComponent(".wasm".to_owned())));
        assert_eq!(directory("./tmp/x"), Err(PlaceError::Tmp("./tmp/x".to_owned())));
    }
}
