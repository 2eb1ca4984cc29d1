//! Reads and writes the files of a store: here of one that is a directory, and below of one that is a [`bucket`].
//!
//! A file appears whole or not at all: it is written beside its place, and renamed or linked to it. Whoever dies before
//! that leaves a file that nobody reads, which `gc` removes. A file is replaced only if it still has the content that
//! the writer knows; a lock for the whole store makes that one step.

mod bucket;
mod listing;
mod store_files;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::{Directory, FileState};
use bulkhead_host::text::printable::Shown as _;
use rustix::fs::{FlockOperation, flock};
pub(super) use store_files::StoreFiles;
use tempfile::NamedTempFile;

/// The file whose lock a writer holds while it replaces another.
const LOCK: &str = ".lock";
/// How the name of a file begins that is not complete.
const UNFINISHED: &str = ".unfinished-";

/// What is done with the files of a store. Tests stop a writer between any two steps.
pub(super) trait Files {
    /// The content of a file; `None` if it does not exist.
    fn read(&self, key: &Key, most: u64) -> anyhow::Result<Option<Vec<u8>>>;
    /// Writes a file whose name is its digest, unless it exists with this content.
    fn write(&self, key: &Key, content: &[u8]) -> anyhow::Result<()>;
    /// Writes a file unless it exists. Returns whether it was written.
    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool>;
    /// Replaces a file that has this content, or does not exist. Returns whether it was replaced.
    fn replace(&self, key: &Key, content: &[u8], before: Option<&[u8]>) -> anyhow::Result<bool>;
    /// The files of a folder, in the order of their names, with the times of their last changes.
    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>>;
    /// Removes a file that exists.
    fn remove(&self, key: &Key) -> anyhow::Result<()>;
}

/// A file that was found in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) bytes: u64,
    pub(super) changed: SystemTime,
    /// Whether it is a folder.
    pub(super) is_folder: bool,
}

/// A directory that contains a store.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    reader: Directory,
}

impl Found {
    /// The name of the file alone.
    pub(super) fn name(&self) -> &str {
        self.key.parts().1
    }

    /// Whether a writer has not completed it.
    pub(super) fn is_unfinished(&self) -> bool {
        self.name().starts_with(UNFINISHED)
    }
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { reader: Directory::new(&path), path }
    }

    pub(super) fn shown(&self) -> String {
        self.path.shown()
    }

    /// The state of a file, which changes with its content.
    #[cfg(test)]
    pub(super) fn state(&self, key: &Key) -> Option<FileState> {
        self.reader.state(key).expect("a store")
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.path.join(key.as_str())
    }

    /// Fails if a folder on the way to a file of the store is a link. Whoever can write to the store could make the command
    /// write or remove files elsewhere.
    fn expect_no_link(&self, folder: &Path) -> io::Result<()> {
        let inside = folder.strip_prefix(&self.path).unwrap_or(folder);
        let mut path = self.path.clone();
        for part in inside {
            path.push(part);
            if path.is_symlink() {
                let text = format!("{} is a link, and a store has none; remove it", path.shown());
                return Err(io::Error::other(text));
            }
        }
        Ok(())
    }

    /// Holds the lock until the file is closed.
    fn lock(&self) -> io::Result<File> {
        let path = self.path.join(LOCK);
        self.expect_no_link(&path)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    /// A file beside the place of another, with its content on the disk.
    fn beside(&self, key: &Key, content: &[u8]) -> io::Result<NamedTempFile> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.path);
        self.expect_no_link(folder)?;
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        // The bootstrap is another user.
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn has(&self, key: &Key, content: Option<&[u8]>) -> anyhow::Result<bool> {
        let most = content.map_or(0, |content| u64::try_from(content.len()).unwrap_or(u64::MAX));
        // Another content may be longer, or not even a file.
        Ok(match self.reader.read(key, most) {
            Ok(found) => found.as_ref().map(|(found, _)| found.as_slice()) == content,
            Err(error) if error.is_of_content() => false,
            Err(error) => return Err(error.into()),
        })
    }
}

/// Makes a rename last.
fn sync(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

impl Files for Folder {
    fn read(&self, key: &Key, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
        let found: Option<(Vec<u8>, FileState)> = self.reader.read(key, most)?;
        Ok(found.map(|(content, _)| content))
    }

    fn write(&self, key: &Key, content: &[u8]) -> anyhow::Result<()> {
        if self.has(key, Some(content))? {
            return Ok(());
        }
        let write = || {
            let path = self.path(key);
            self.beside(key, content)?.persist(&path)?;
            sync(&path)
        };
        write().with_context(|| format!("{key} cannot be written"))
    }

    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        let create = || {
            let path = self.path(key);
            match self.beside(key, content)?.persist_noclobber(&path) {
                Ok(_) => sync(&path).map(|()| true),
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            }
        };
        create().with_context(|| format!("{key} cannot be written"))
    }

    fn replace(&self, key: &Key, content: &[u8], before: Option<&[u8]>) -> anyhow::Result<bool> {
        let cannot_write = || format!("{key} cannot be written");
        let file = self.beside(key, content).with_context(cannot_write)?;
        let _lock = self.lock().with_context(cannot_write)?;
        if !self.has(key, before)? {
            return Ok(false);
        }
        let path = self.path(key);
        let replaced = file.persist(&path).map_err(|error| error.error).and_then(|_| sync(&path));
        replaced.map(|()| true).with_context(cannot_write)
    }

    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>> {
        let path = self.path.join(folder);
        self.expect_no_link(&path)?;
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| path.shown()),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| path.shown())?;
            // Of a link itself.
            let Ok(metadata) = entry.metadata() else { continue };
            let name = entry.file_name();
            found.push(Found {
                key: Key::found(folder, &name.to_string_lossy()),
                bytes: metadata.len(),
                changed: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                is_folder: metadata.is_dir(),
            });
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    fn remove(&self, key: &Key) -> anyhow::Result<()> {
        let path = self.path(key);
        self.expect_no_link(path.parent().unwrap_or(&self.path))?;
        let removed =
            if path.is_dir() && !path.is_symlink() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.with_context(|| format!("{key} cannot be removed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Barrier;
    use std::thread;

    use bulkhead_host::store::Digest;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::new(directory.path().to_owned());
        (directory, folder)
    }

    #[test]
    fn a_file_is_replaced_only_if_it_is_the_one_that_is_known() {
        let (_directory, folder) = folder();
        let key = Key::record("acme");
        assert!(!folder.replace(&key, b"1", Some(b"0")).unwrap(), "there is none yet");
        assert!(folder.replace(&key, b"1", None).unwrap());
        let state = folder.state(&key);
        assert!(!folder.replace(&key, b"2", None).unwrap(), "there is one");
        assert!(!folder.replace(&key, b"2", Some(b"0")).unwrap());
        assert!(!folder.replace(&key, b"2", Some(b"")).unwrap());
        assert_eq!(folder.state(&key), state);
        assert!(folder.replace(&key, b"2", Some(b"1")).unwrap());
        assert_eq!(folder.read(&key, 9).unwrap().as_deref(), Some(&b"2"[..]));
        assert!(!folder.create(&key, b"3").unwrap());
        assert!(folder.create(&Key::earlier("acme", 1), b"3").unwrap());
        // Nothing is left of those that were not written.
        assert_eq!(folder.list("tenants").unwrap().len(), 1);
        assert_eq!(folder.list("history").unwrap().len(), 1);
    }

    #[test]
    fn of_many_writers_at_once_one_replaces_a_file() {
        let (_directory, folder) = folder();
        let key = Key::record("acme");
        let barrier = Barrier::new(8);
        let replaced = thread::scope(|scope| {
            let writers: Vec<_> = (0..8_u8)
                .map(|number| {
                    let (folder, key, barrier) = (&folder, &key, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        folder.replace(key, &[number], None).unwrap()
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).filter(|is| *is).count()
        });
        assert_eq!(replaced, 1);
    }

    #[test]
    fn what_is_not_whole_is_replaced_and_a_link_is_not_followed() {
        let (directory, folder) = folder();
        let key = Key::component(&Digest::of(b"content"));
        folder.write(&key, b"content").unwrap();
        let state = folder.state(&key);
        folder.write(&key, b"content").unwrap();
        assert_eq!(folder.state(&key), state, "it is there");
        let path = directory.path().join(key.as_str());
        fs::write(&path, b"cont").unwrap();
        folder.write(&key, b"content").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        let elsewhere = directory.path().join("elsewhere");
        fs::write(&elsewhere, b"mine").unwrap();
        fs::remove_file(&path).unwrap();
        symlink(&elsewhere, &path).unwrap();
        folder.write(&key, b"content").unwrap();
        assert!(!path.is_symlink() && fs::read(&elsewhere).unwrap() == b"mine");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_folder_that_is_a_link_is_neither_listed_nor_written_nor_emptied() {
        let (directory, folder) = folder();
        let elsewhere = tempfile::tempdir().unwrap();
        let key = Key::component(&Digest::of(b"content"));
        let (parts, name) = key.parts();
        let mine = elsewhere.path().join(name);
        fs::write(&mine, b"mine").unwrap();
        symlink(elsewhere.path(), directory.path().join(parts[0])).unwrap();
        let told = [
            folder.list(parts[0]).map(drop),
            folder.write(&key, b"content"),
            folder.create(&key, b"content").map(drop),
            folder.replace(&key, b"content", None).map(drop),
            folder.remove(&key),
        ];
        for result in told {
            let told = format!("{:#}", result.unwrap_err());
            assert!(told.contains("is a link") || told.contains("symbolic link"), "{told}");
        }
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    }
}
