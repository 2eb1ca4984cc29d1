//! Reads and writes the files of a store: here of one that is a directory, and below of one that is a [`bucket`].
//!
//! A file appears whole or not at all: it is written beside its place, and renamed or linked to it. A writer that dies
//! before that leaves a file that nobody reads, which `gc` removes. A file is replaced or removed only if it still has
//! the content that the writer knows, and one that nothing refers to only if it was not written again; a lock for the
//! whole store makes each of these one step. Others may write new files meanwhile, so they share the lock.

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
use rustix::fs::{AtFlags, CWD, FlockOperation, Timespec, Timestamps, UTIME_NOW, flock, utimensat};
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
    /// Writes a file whose name is its digest. If it is there already, only its time becomes that of now.
    fn write(&self, key: &Key, content: &[u8]) -> anyhow::Result<()>;
    /// Writes a file unless it exists. Returns whether it was written.
    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool>;
    /// Replaces a file that has this content, or does not exist. Returns whether it was replaced.
    fn replace(&self, key: &Key, content: &[u8], before: Option<&[u8]>) -> anyhow::Result<bool>;
    /// The files whose names begin with this and a slash, in the order of their names.
    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>>;
    /// Removes a file that has this content. Returns whether it was removed.
    fn remove_unchanged(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool>;
    /// Removes a file that was last written at this time or before. Returns whether it was removed.
    fn remove_older(&self, key: &Key, time: SystemTime) -> anyhow::Result<bool>;
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) bytes: u64,
    /// When it was last written.
    pub(super) written: SystemTime,
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

    fn path(&self, key: &Key) -> PathBuf {
        self.path.join(key.as_str())
    }

    /// Fails if a folder on the way to a file of the store is a link. With a link, those who can write to the store could
    /// make the command write or remove files elsewhere.
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
    fn lock(&self, operation: FlockOperation) -> io::Result<File> {
        let path = self.path.join(LOCK);
        self.expect_no_link(&path)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        flock(&file, operation)?;
        Ok(file)
    }

    /// Makes the time of a file that of now, if it is there with this content, and its time can be changed.
    fn is_touched(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        let _lock = self.lock(FlockOperation::LockShared)?;
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let touch = || utimensat(CWD, self.path(key), &times, AtFlags::SYMLINK_NOFOLLOW);
        // Another user's file is replaced.
        Ok(self.has(key, Some(content))? && touch().is_ok())
    }

    /// Removes a file if this is still so when nobody else writes.
    fn remove(&self, key: &Key, is_still: impl Fn(&Path) -> anyhow::Result<bool>) -> anyhow::Result<bool> {
        let cannot_remove = || format!("{key} cannot be removed");
        let path = self.path(key);
        self.expect_no_link(path.parent().unwrap_or(&self.path)).with_context(cannot_remove)?;
        let _lock = self.lock(FlockOperation::LockExclusive).with_context(cannot_remove)?;
        if !is_still(&path).with_context(cannot_remove)? {
            return Ok(false);
        }
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).with_context(cannot_remove),
        }
        // The folder of a tenant without a history is not needed; if it is not empty, it stays.
        if let Some(folder) = path.parent().filter(|_| key.parts().0.len() > 1) {
            let _ = fs::remove_dir(folder);
        }
        Ok(true)
    }

    /// The files of a folder, and the folders in it.
    fn entries(&self, folder: &str) -> anyhow::Result<(Vec<Found>, Vec<String>)> {
        let path = self.path.join(folder);
        self.expect_no_link(&path)?;
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((files, folders)),
            Err(error) => return Err(error).with_context(|| path.shown()),
        };
        for entry in entries {
            let entry = entry.with_context(|| path.shown())?;
            // Of a link itself.
            let Ok(metadata) = entry.metadata() else { continue };
            let key = Key::found(folder, &entry.file_name().to_string_lossy());
            if metadata.is_dir() {
                folders.push(key.to_string());
            } else {
                let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push(Found { key, bytes: metadata.len(), written });
            }
        }
        Ok((files, folders))
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
        let cannot_write = || format!("{key} cannot be written");
        if self.is_touched(key, content).with_context(cannot_write)? {
            return Ok(());
        }
        let write = || {
            let path = self.path(key);
            // An unfinished file without the lock is that of a writer that has died.
            let _lock = self.lock(FlockOperation::LockShared)?;
            let file = self.beside(key, content)?;
            file.persist(&path)?;
            sync(&path)
        };
        write().with_context(cannot_write)
    }

    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        let create = || {
            // With the lock, nobody removes the folder.
            let _lock = self.lock(FlockOperation::LockShared)?;
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
        let _lock = self.lock(FlockOperation::LockExclusive).with_context(cannot_write)?;
        let file = self.beside(key, content).with_context(cannot_write)?;
        if !self.has(key, before)? {
            return Ok(false);
        }
        let path = self.path(key);
        let replaced = file.persist(&path).map_err(|error| error.error).and_then(|_| sync(&path));
        replaced.map(|()| true).with_context(cannot_write)
    }

    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let (files, inner) = self.entries(&folder)?;
            found.extend(files);
            folders.extend(inner);
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    fn remove_unchanged(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        self.remove(key, |_| self.has(key, Some(content)))
    }

    fn remove_older(&self, key: &Key, time: SystemTime) -> anyhow::Result<bool> {
        self.remove(key, |path| match path.symlink_metadata() {
            Ok(metadata) => Ok(metadata.modified()? <= time),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        })
    }
}

#[cfg(test)]
mod tests;
