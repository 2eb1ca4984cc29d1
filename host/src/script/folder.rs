//! Reads a script from its folder: the files in it and below that a script can have, within bounds.
//!
//! Each step opens one name in an open folder and follows no symbolic link, so that nothing outside is ever read, whatever
//! is replaced meanwhile. No descriptor is kept.

use std::fs::File as StdFile;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;

use super::{File, Script};
use crate::policy::script_file::is_file;
use crate::text::printable::Shown as _;

/// The most files of a script.
pub const MOST_FILES: usize = 1_000;
/// The most bytes of all files of a script together.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;
/// The longest path of a file in the folder of its script, in bytes.
pub const LONGEST_PATH: usize = 255;
/// The most folders within each other, the script's own included.
pub const DEEPEST: usize = 16;

/// The most names that are looked at, those of other files included.
const MOST_NAMES: usize = 20_000;

/// Packages of npm, which a script cannot import.
const PACKAGES: &str = "node_modules";

/// A script that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or a folder cannot be read.
    #[error("`{}` cannot be read: {error}", path.shown())]
    Io {
        /// Relative to the task root.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// A part of the path of its folder is a symbolic link or a file.
    #[error("`{}` is not a folder; symbolic links are not followed", path.shown())]
    NotAFolder {
        /// Relative to the task root.
        path: PathBuf,
    },
    /// There is no such entry.
    #[error(
        "there is no file `{}`; symbolic links are not followed, and names that begin with a dot are left out",
        path.shown()
    )]
    NoEntry {
        /// Relative to the task root.
        path: PathBuf,
    },
    /// It has too many files.
    #[error(
        "the folder `{}` has more than {MOST_FILES} files of a script; put several into one with a bundler",
        folder.shown()
    )]
    TooManyFiles {
        /// Relative to the task root.
        folder: PathBuf,
    },
    /// It has too many other files.
    #[error(
        "the folder `{}` has more than {MOST_NAMES} files and folders; give the script a folder of its own",
        folder.shown()
    )]
    TooManyNames {
        /// Relative to the task root.
        folder: PathBuf,
    },
    /// Its files are too large.
    #[error(
        "the files of the script in `{}` have more than 4 MiB together; leave out what it does not need",
        folder.shown()
    )]
    TooLarge {
        /// Relative to the task root.
        folder: PathBuf,
    },
    /// It has too many folders within each other.
    #[error(
        "`{}` lies more than {DEEPEST} folders deep; a script can have no more folders within each other",
        path.shown()
    )]
    TooDeep {
        /// Relative to the task root.
        path: PathBuf,
    },
    /// The path of a file is too long.
    #[error(
        "`{}` has more than {LONGEST_PATH} bytes below the folder of its script; give it a shorter name",
        path.shown()
    )]
    LongPath {
        /// Relative to the task root.
        path: PathBuf,
    },
}

/// Reads the script whose entry has this place in the task root. It blocks.
///
/// # Errors
/// If the entry is not there, or a file cannot be read, or there is more than a script may have.
pub fn read(task_root: &Path, place: &Arc<Path>) -> Result<Script, ReadError> {
    let no_entry = || ReadError::NoEntry { path: place.to_path_buf() };
    let entry = place.file_name().and_then(|name| name.to_str()).ok_or_else(no_entry)?;
    let path = place.parent().unwrap_or_else(|| Path::new(""));
    let mut reading = Reading { path, files: Vec::new(), bytes: 0, names: 0 };
    let folder = open(task_root, path)?;
    match path.as_os_str().is_empty() {
        // Beside bulkhead.toml are the scripts of others, so it is this file alone.
        true => reading.file(folder.as_fd(), entry, entry.to_owned())?,
        false => reading.folder(folder.as_fd(), "", 1)?,
    }
    Script::new(Arc::clone(place), entry, reading.files).ok_or_else(no_entry)
}

/// Opens a folder of the task root.
fn open(task_root: &Path, path: &Path) -> Result<OwnedFd, ReadError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // The task root itself may be reached through a link.
    let mut folder =
        openat(CWD, task_root, flags, Mode::empty()).map_err(|error| io_error(task_root, error))?;
    let mut reached = PathBuf::new();
    for part in path.components() {
        reached.push(part);
        let Component::Normal(name) = part else { return Err(ReadError::NotAFolder { path: reached }) };
        folder =
            openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(|error| match error {
                Errno::NOTDIR | Errno::LOOP => ReadError::NotAFolder { path: reached.clone() },
                error => io_error(&reached, error),
            })?;
    }
    Ok(folder)
}

fn io_error(path: &Path, error: impl Into<io::Error>) -> ReadError {
    ReadError::Io { path: path.to_owned(), error: error.into() }
}

/// What was read so far.
struct Reading<'p> {
    /// The folder of the script, in the task root.
    path: &'p Path,
    files: Vec<File>,
    bytes: usize,
    names: usize,
}

impl Reading<'_> {
    /// Reads the files in a folder and below. `prefix` is its path with a slash, or empty.
    fn folder(&mut self, folder: BorrowedFd<'_>, prefix: &str, depth: usize) -> Result<(), ReadError> {
        for name in self.names(folder, prefix)? {
            let path = format!("{prefix}{name}");
            let whole = || self.path.join(&path);
            let failed = |error| io_error(&whole(), error);
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            match FileType::from_raw_mode(statat(folder, &name, flags).map_err(failed)?.st_mode) {
                FileType::Directory if name == PACKAGES => {}
                FileType::Directory if depth == DEEPEST => return Err(ReadError::TooDeep { path: whole() }),
                FileType::Directory => {
                    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let below = openat(folder, &name, flags, Mode::empty()).map_err(failed)?;
                    self.folder(below.as_fd(), &format!("{path}/"), depth + 1)?;
                }
                FileType::RegularFile if is_file(Path::new(&name)) => self.file(folder, &name, path)?,
                FileType::RegularFile
                | FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {}
            }
        }
        Ok(())
    }

    /// The names in a folder that a script can have in a path. A hidden file is not meant to be read, and a guest cannot
    /// name one whose name is not UTF-8.
    fn names(&mut self, folder: BorrowedFd<'_>, prefix: &str) -> Result<Vec<String>, ReadError> {
        let failed = |error| io_error(&self.path.join(prefix), error);
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            self.names += 1;
            if self.names > MOST_NAMES {
                return Err(ReadError::TooManyNames { folder: self.path.to_owned() });
            }
            let name = entry.file_name().to_str().ok();
            let name = name.filter(|name| !name.starts_with('.') && !name.contains(is_odd));
            names.extend(name.map(str::to_owned));
        }
        Ok(names)
    }

    fn file(&mut self, folder: BorrowedFd<'_>, name: &str, path: String) -> Result<(), ReadError> {
        let whole = self.path.join(&path);
        if path.len() > LONGEST_PATH {
            return Err(ReadError::LongPath { path: whole });
        }
        if self.files.len() >= MOST_FILES {
            return Err(ReadError::TooManyFiles { folder: self.path.to_owned() });
        }
        // What is no regular file any more must not keep the thread waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::LOOP) => return Err(ReadError::NoEntry { path: whole }),
            file => file.map_err(|error| io_error(&whole, error))?,
        };
        let stat = fstat(&file).map_err(|error| io_error(&whole, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ReadError::NoEntry { path: whole });
        }
        let left = MOST_BYTES - self.bytes;
        let mut content = Vec::new();
        let most = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
        let read = StdFile::from(file).take(most).read_to_end(&mut content);
        if read.map_err(|error| io_error(&whole, error))? > left {
            return Err(ReadError::TooLarge { folder: self.path.to_owned() });
        }
        self.bytes += content.len();
        self.files.push(File { path: path.into(), content: content.into() });
        Ok(())
    }
}

/// A character that no path of a script contains.
pub(super) fn is_odd(character: char) -> bool {
    character == '\\' || character.is_control()
}

#[cfg(test)]
mod tests;
