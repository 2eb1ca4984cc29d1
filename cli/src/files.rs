//! The answer to a file or a folder that the user named and that cannot be read: what is wrong with it, and which one
//! stands in its place.

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
enum Wanted {
    File,
    Folder,
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::File => "file",
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

/// What may be meant: something with a similar name, or else what has the same ending.
fn meant(path: &Path, wanted: Wanted) -> String {
    let Some(word) = path.file_name().and_then(|word| word.to_str()) else { return String::new() };
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
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
    let Some(ending) = ending(word).filter(|_| wanted == Wanted::File) else { return String::new() };
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
    let is_wanted = |path: &Path| match wanted {
        Wanted::File => path.is_file(),
        Wanted::Folder => path.is_dir(),
    };
    let wanted = entries.filter(|entry| is_wanted(&entry.path()));
    let mut names: Vec<String> = wanted.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names
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
