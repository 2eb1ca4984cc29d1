//! Reads a store that is a directory.
//!
//! Anyone who can write to the store may put anything into it: links that lead elsewhere, pipes that never end, files
//! without end. So a file is opened folder by folder without following a link, is read only if it is a regular file,
//! and no further than its largest allowed size.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::ReadError;
use super::layout::{Key, TENANTS};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A directory that contains a store.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

/// What tells one state of a file from another, without its content: a writer replaces a file by renaming another to
/// its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Directory {
    /// The store in this directory, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of at most `most` bytes; `None` if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read, is larger, or is not a file.
    pub fn read(&self, key: &Key, most: u64) -> Result<Option<(Vec<u8>, FileState)>, ReadError> {
        let Some((file, state)) = self.open(key)? else { return Ok(None) };
        let too_large = |length| ReadError::TooLarge { key: key.clone(), length, most };
        if state.length > most {
            return Err(too_large(state.length));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(state.length).unwrap_or_default());
        // It may have become larger.
        let read = file.take(most + 1).read_to_end(&mut bytes);
        let read = read.map_err(|error| ReadError::File { key: key.clone(), error })?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        if read > most { Err(too_large(read)) } else { Ok(Some((bytes, state))) }
    }

    /// Whether it contains records. A file system that is not mounted leaves an empty folder.
    pub fn has_records(&self) -> bool {
        self.path.join(TENANTS).is_dir()
    }

    /// The state of a file; `None` if it does not exist.
    ///
    /// # Errors
    /// If it cannot be opened, or is not a file.
    pub fn state(&self, key: &Key) -> Result<Option<FileState>, ReadError> {
        Ok(self.open(key)?.map(|(_, state)| state))
    }

    fn open(&self, key: &Key) -> Result<Option<(File, FileState)>, ReadError> {
        let (folders, name) = key.parts();
        // The path of the store itself is the operator's, and may contain links.
        let root = openat(CWD, &self.path, FOLDER, Mode::empty());
        let mut folder: OwnedFd =
            root.map_err(|error| ReadError::Store { path: self.path.clone(), error: error.into() })?;
        for name in folders {
            folder = match openat(&folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(folder) => folder,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(failed(key, error)),
            };
        }
        // A pipe without a writer is opened at once.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match openat(&folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(key, error)),
        };
        let stat = fstat(&file).map_err(|error| failed(key, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ReadError::NotAFile { key: key.clone() });
        }
        let nanoseconds = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let state = FileState {
            inode: stat.st_ino,
            length: u64::try_from(stat.st_size).unwrap_or(u64::MAX),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
        };
        Ok(Some((file.into(), state)))
    }
}

fn failed(key: &Key, error: Errno) -> ReadError {
    match error {
        // What a link, a file in place of a folder, and a socket are answered with.
        Errno::LOOP | Errno::NOTDIR | Errno::NXIO => ReadError::NotAFile { key: key.clone() },
        error => ReadError::File { key: key.clone(), error: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::store::Digest;

    fn store(content: &[u8]) -> (tempfile::TempDir, Directory, Key) {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::component(&Digest::of(b"x"));
        let path = folder.path().join(key.as_str());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        let directory = Directory::new(folder.path());
        (folder, directory, key)
    }

    #[test]
    fn a_file_is_read_whole_and_no_further_than_it_may_be() {
        let (_folder, directory, key) = store(b"12345");
        let (bytes, state) = directory.read(&key, 5).unwrap().unwrap();
        assert_eq!(bytes, b"12345");
        assert_eq!(directory.state(&key).unwrap(), Some(state));
        let error = directory.read(&key, 4).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge { length: 5, most: 4, .. }) && error.is_of_content());
        assert!(error.to_string().starts_with("components/2d71"), "{error}");
    }

    #[test]
    fn what_is_not_there_is_no_error_but_a_store_that_is_not_there_is() {
        let (folder, directory, key) = store(b"");
        assert!(directory.read(&Key::record("acme"), 9).unwrap().is_none());
        assert!(directory.read(&Key::component(&Digest::of(b"y")), 9).unwrap().is_none());
        let gone = Directory::new(folder.path().join("gone"));
        let error = gone.read(&key, 9).unwrap_err();
        assert!(matches!(error, ReadError::Store { .. }) && !error.is_of_content(), "{error}");
    }

    #[test]
    fn a_file_that_was_replaced_has_another_state() {
        let (folder, directory, key) = store(b"one");
        let before = directory.state(&key).unwrap().unwrap();
        let beside = folder.path().join("two");
        std::fs::write(&beside, b"two").unwrap();
        std::fs::rename(&beside, folder.path().join(key.as_str())).unwrap();
        assert_ne!(directory.state(&key).unwrap().unwrap(), before);
    }

    #[test]
    fn links_folders_pipes_and_devices_are_not_followed_and_do_not_block() {
        let (folder, directory, key) = store(b"good");
        let path = folder.path().join(key.as_str());
        let secret = folder.path().join("secret");
        std::fs::write(&secret, b"secret").unwrap();
        let refused = |directory: &Directory| {
            let error = directory.read(&key, 99).unwrap_err();
            assert!(matches!(error, ReadError::NotAFile { .. }), "{error:?}");
        };
        std::fs::remove_file(&path).unwrap();
        symlink(&secret, &path).unwrap();
        refused(&directory);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        refused(&directory);
        std::fs::remove_dir(&path).unwrap();
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        refused(&directory);
        std::fs::remove_file(&path).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
        std::fs::hard_link(folder.path().join("s"), &path).unwrap();
        refused(&directory);
        // A folder that is a link.
        let components = path.parent().unwrap();
        std::fs::remove_dir_all(components).unwrap();
        std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
        symlink(folder.path().join("elsewhere"), components).unwrap();
        refused(&directory);
        // The operator's own path may contain one.
        let link = folder.path().join("link");
        symlink(folder.path(), &link).unwrap();
        assert!(Directory::new(link).read(&Key::record("acme"), 9).unwrap().is_none());
    }
}
