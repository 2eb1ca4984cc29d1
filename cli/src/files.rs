//! The answer to a file or a folder that the user named and that cannot be read: what is wrong with it, and which one
//! stands in its place.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::anyhow;
use bulkhead_host::sandbox::component::{self, ComponentError};
use bulkhead_host::text::printable::{Shown as _, name};

use crate::{handlers, suggest};

/// How many names of a folder are looked at.
const MOST_NAMES: usize = 10_000;

/// Reads a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Opens a file.
pub(crate) fn open(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    // A folder can be opened, and only its first read fails.
    if path.is_dir() { Err(unreadable(path, &ErrorKind::IsADirectory.into())) } else { Ok(file) }
}

/// Reads a component.
pub(crate) fn read_component(path: &Path) -> anyhow::Result<Vec<u8>> {
    component::read(path).map_err(|error| {
        if let ComponentError::Read { error, .. } = &error { unreadable(path, error) } else { error.into() }
    })
}

/// Why a file cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> anyhow::Error {
    let (kind, shown) = (error.kind(), path.shown());
    if kind == ErrorKind::NotFound {
        return missing(path, Wanted::File);
    }
    if kind == ErrorKind::IsADirectory {
        let first = names(path, Wanted::File).into_iter().next();
        let example = first.map(|first| format!(", such as {}", path.join(first).shown()));
        return anyhow!("{shown}: this is a folder; name a file in it{}", example.unwrap_or_default());
    }
    if kind == ErrorKind::PermissionDenied {
        return anyhow!(
            "{shown}: you are not permitted to read this file; change its permissions with chmod"
        );
    }
    anyhow!("{shown} cannot be read: {error}")
}

/// The answer to a file that does not exist.
pub(crate) fn no_file(path: &Path) -> anyhow::Error {
    let kind = if path.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::NotFound };
    unreadable(path, &kind.into())
}

/// Rejects the place of a new file whose folder does not exist.
pub(crate) fn ensure_folder_of(path: &Path) -> anyhow::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => Err(no_folder(folder).context(format!("{} cannot be written", path.shown()))),
        None => Ok(()),
    }
}

/// The answer to a folder that does not exist.
pub(crate) fn no_folder(path: &Path) -> anyhow::Error {
    match path.exists() {
        true => anyhow!("{}: this is a file; name a folder", path.shown()),
        false => missing(path, Wanted::Folder),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    File,
    /// A `.wasm`. The `.cwasm` that was compiled from it counts as this file.
    Component,
    Folder,
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::File | Self::Component => "file",
            Self::Folder => "folder",
        }
    }
}

fn missing(path: &Path, wanted: Wanted) -> anyhow::Error {
    let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    // Of the folders that do not exist, the one that is nearest to the root.
    let start = match above.take_while(|above| !above.exists()).last() {
        Some(folder) => {
            return anyhow!(
                "{}: there is no folder {}{}",
                path.shown(),
                folder.shown(),
                meant(folder, Wanted::Folder)
            );
        }
        None => format!("{}: there is no such {}", path.shown(), wanted.name()),
    };
    anyhow!("{start}{}", meant(path, wanted))
}

/// What may be meant by a path, to be added to a sentence.
fn meant(path: &Path, wanted: Wanted) -> String {
    meant_below(Path::new(""), path, wanted)
}

/// What may be meant by a path that is relative to a folder, to be added to a sentence: something with a similar name, or
/// else what has the same ending.
pub(crate) fn meant_below(root: &Path, path: &Path, wanted: Wanted) -> String {
    let Some(word) = path.file_name().and_then(|word| word.to_str()) else { return String::new() };
    let folder = root.join(path.parent().unwrap_or_else(|| Path::new("")));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &*folder };
    let names = names(folder, wanted);
    let known: Vec<&str> = names.iter().map(String::as_str).filter(|known| *known != word).collect();
    let mut near = suggest::similar(word, &known);
    // `a.wasm` is not similar to `b.wasm`.
    near.retain(|known| {
        ending(known) != ending(word) || !suggest::similar(stem(word), &[stem(known)]).is_empty()
    });
    if !near.is_empty() {
        let near: Vec<String> = near.iter().map(|near| path.with_file_name(near).shown()).collect();
        return format!("; did you mean {}?", near.join(" or "));
    }
    let Some(ending) = ending(word).filter(|_| wanted != Wanted::Folder) else { return String::new() };
    let alike: Vec<&str> = known.into_iter().filter(|known| self::ending(known) == Some(ending)).collect();
    match alike.as_slice() {
        [only] => format!("; the only .{ending} file in {} is {}", handlers::place(folder), name(only)),
        [first, second] => format!(
            "; the .{ending} files in {} are {} and {}",
            handlers::place(folder),
            name(first),
            name(second)
        ),
        _ => String::new(),
    }
}

/// The names in a folder, sorted, without hidden ones.
fn names(folder: &Path, wanted: Wanted) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_NAMES);
    let named = entries.filter_map(|entry| {
        let (path, name) = (entry.path(), entry.file_name().into_string().ok()?);
        match wanted {
            Wanted::File => path.is_file().then_some(name),
            Wanted::Component => component(&name).filter(|_| path.is_file()),
            Wanted::Folder => path.is_dir().then_some(name),
        }
    });
    let names: BTreeSet<String> = named.filter(|name| !name.starts_with('.')).collect();
    names.into_iter().collect()
}

/// The name of the component that a file is, or that it was compiled from.
fn component(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".wasm").or_else(|| name.strip_suffix(".cwasm"))?;
    Some(format!("{stem}.wasm"))
}

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending)
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    /// The answer about a path below the folder, without the folder's own path.
    fn answer(folder: &Path, ask: impl Fn(&Path) -> anyhow::Error, path: &str) -> String {
        ask(&folder.join(path)).to_string().replace(&format!("{}/", folder.display()), "")
    }

    #[test]
    fn a_file_that_is_missing_is_answered_with_the_one_that_is_meant() {
        let folder = folder(&["hello.wasm", "cart.wasm", "event.json", "target/a.wasm", ".hidden.toml"]);
        for (path, expected) in [
            ("helo.wasm", "helo.wasm: there is no such file; did you mean hello.wasm?"),
            ("hello", "hello: there is no such file; did you mean hello.wasm?"),
            ("hello.wsm", "hello.wsm: there is no such file; did you mean hello.wasm?"),
            ("crat.wasm", "crat.wasm: there is no such file; did you mean cart.wasm?"),
            (
                "order.json",
                &format!(
                    "order.json: there is no such file; the only .json file in {} is event.json",
                    folder.path().display()
                ),
            ),
            (
                "target/b.wasm",
                "target/b.wasm: there is no such file; the only .wasm file in target is a.wasm",
            ),
            ("targte/a.wasm", "targte/a.wasm: there is no folder targte; did you mean target?"),
            ("none/a/b.wasm", "none/a/b.wasm: there is no folder none"),
            ("zzz", "zzz: there is no such file"),
            ("target", "target: this is a folder; name a file in it, such as target/a.wasm"),
            ("x.toml", "x.toml: there is no such file"),
        ] {
            assert_eq!(answer(folder.path(), no_file, path), expected);
        }
    }

    #[test]
    fn several_files_with_the_ending_are_named_up_to_two() {
        let folder = folder(&["alpha.wasm", "bravo.wasm"]);
        let place = folder.path().display().to_string();
        let two = format!("; the .wasm files in {place} are alpha.wasm and bravo.wasm");
        assert!(answer(folder.path(), no_file, "x.wasm").ends_with(&two));
        fs::write(folder.path().join("other.wasm"), "").unwrap();
        assert_eq!(answer(folder.path(), no_file, "x.wasm"), "x.wasm: there is no such file");
    }

    #[test]
    fn a_folder_that_is_missing_is_answered_with_folders_only() {
        let folder = folder(&["package/a.wasm", "packages.txt"]);
        for (path, expected) in [
            ("pakcage", "pakcage: there is no such folder; did you mean package?"),
            ("packages.txt", "packages.txt: this is a file; name a folder"),
            ("x", "x: there is no such folder"),
        ] {
            assert_eq!(answer(folder.path(), no_folder, path), expected);
        }
    }

    #[test]
    fn a_component_may_be_there_as_native_code_only() {
        let folder =
            folder(&["in/hello.cwasm", "in/cart.wasm", "in/cart.cwasm", "in/notes.txt", "in/crat/a"]);
        let meant = |path: &str| meant_below(folder.path(), Path::new(path), Wanted::Component);
        assert_eq!(meant("in/helo.wasm"), "; did you mean in/hello.wasm?");
        assert_eq!(meant("in/crat.wasm"), "; did you mean in/cart.wasm?");
        assert_eq!(meant("note.txt"), "");
        assert!(meant("in/other.wasm").ends_with("/in are cart.wasm and hello.wasm"));
    }

    #[test]
    fn a_new_file_needs_its_folder() {
        let folder = folder(&["out/a"]);
        assert!(ensure_folder_of(Path::new("new.txt")).is_ok());
        assert!(ensure_folder_of(&folder.path().join("out/new.txt")).is_ok());
        let error = ensure_folder_of(&folder.path().join("otu/new.txt")).unwrap_err();
        let place = folder.path().display();
        assert_eq!(
            format!("{error:#}"),
            format!(
                "{place}/otu/new.txt cannot be written: {place}/otu: there is no such folder; did you mean {place}/out?"
            )
        );
    }

    #[test]
    fn what_can_be_read_is_read() {
        let folder = folder(&[]);
        let path = folder.path().join("a.txt");
        fs::write(&path, "text").unwrap();
        assert_eq!(read(&path).unwrap(), b"text");
        assert_eq!(read_component(&path).unwrap(), b"text");
        assert!(open(&path).is_ok());
        for error in [open(folder.path()).unwrap_err(), read_component(folder.path()).unwrap_err()] {
            assert!(error.to_string().contains("this is a folder; name a file in it, such as"), "{error}");
        }
    }
}
