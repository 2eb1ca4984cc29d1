//! A script as one object of a store: what its digest is the SHA-256 of.
//!
//! The object is a sequence of texts: the path of the entry, and then the path and the content of each file, in the order of
//! their paths. Each text has its length before it, in eight bytes, the lowest first. So a script has one object, and an
//! object that differs in one byte is another script, or none. What is in a store may be hostile, so an object has the
//! bounds and the paths that a folder has.

use std::path::Path;
use std::sync::Arc;

use super::folder::is_odd;
use super::{DEEPEST, File, LONGEST_PATH, MOST_BYTES, MOST_FILES, Script};
use crate::policy::script_file::{is_entry, is_file};

/// The length of a text, in the object.
const LENGTH: usize = 8;

/// The largest object, in bytes.
pub const MOST_OBJECT: usize = MOST_BYTES + MOST_FILES * (2 * LENGTH + LONGEST_PATH) + LENGTH + LONGEST_PATH;

/// How the place of a stored script begins. No script of the task root has such a place, because none ends in digits.
const DIGEST: &str = "sha256:";

/// Bytes that are not the object of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// A length leads beyond the end.
    #[error("it ends within a file")]
    Truncated,
    /// A path cannot be that of a file of a script.
    #[error("a path in it is not that of a file of a script")]
    Path,
    /// The entry cannot be run, or is in a folder.
    #[error("the name of its entry is not that of an entry")]
    Entry,
    /// The entry is not one of the files.
    #[error("its entry is not one of its files")]
    NoEntry,
    /// A path occurs twice, or files are not in their order.
    #[error("its files are not in the order of their paths, or a path occurs twice")]
    Order,
    /// It has too many files.
    #[error("it has more than 1,000 files")]
    TooManyFiles,
    /// Its files are too large.
    #[error("its files have more than 4 MiB together")]
    TooLarge,
}

/// Passes on the object of a script, part by part. The files have the order of their paths.
pub(super) fn parts(entry: &str, files: &[File], add: &mut dyn FnMut(&[u8])) {
    text(entry.as_bytes(), add);
    for file in files {
        text(file.path.as_bytes(), add);
        text(&file.content, add);
    }
}

/// Passes on a text with its length before it.
pub(super) fn text(bytes: &[u8], add: &mut dyn FnMut(&[u8])) {
    add(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    add(bytes);
}

/// The object of a script.
pub fn write(script: &Script) -> Vec<u8> {
    let mut object = Vec::new();
    parts(&script.entry, &script.files, &mut |bytes| object.extend_from_slice(bytes));
    object
}

/// The script in an object. The caller has compared the digest of the object with this one.
///
/// # Errors
/// If it is not the object of a script.
pub fn read(digest: &str, object: &[u8]) -> Result<Script, ObjectError> {
    let mut reading = Reading(object);
    let entry = reading.path()?;
    if entry.contains('/') || !is_entry(Path::new(entry)) {
        return Err(ObjectError::Entry);
    }
    let (mut files, mut bytes) = (Vec::<File>::new(), 0);
    while !reading.0.is_empty() {
        let (path, content) = (reading.path()?, reading.text()?);
        bytes += content.len();
        if files.len() >= MOST_FILES {
            return Err(ObjectError::TooManyFiles);
        }
        if bytes > MOST_BYTES {
            return Err(ObjectError::TooLarge);
        }
        if files.last().is_some_and(|before| *before.path >= *path) {
            return Err(ObjectError::Order);
        }
        files.push(File { path: path.into(), content: content.into() });
    }
    let script =
        Script { place: place(digest), entry: entry.into(), digest: digest.into(), files, bytecode: None };
    let has_entry = script.file(entry).is_some();
    if has_entry { Ok(script) } else { Err(ObjectError::NoEntry) }
}

/// The place by which a stored script is known.
pub fn place(digest: &str) -> Arc<Path> {
    Path::new(digest).into()
}

/// The digest of the script that is known by this place, if it is one of a store.
pub fn digest_of(place: &Path) -> Option<&str> {
    place.to_str().filter(|place| place.starts_with(DIGEST) && !is_entry(Path::new(place)))
}

/// What was not read yet.
pub(super) struct Reading<'o>(pub(super) &'o [u8]);

impl<'o> Reading<'o> {
    pub(super) fn text(&mut self) -> Result<&'o [u8], ObjectError> {
        let (length, rest) = self.0.split_first_chunk::<LENGTH>().ok_or(ObjectError::Truncated)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| ObjectError::Truncated)?;
        let (text, rest) = rest.split_at_checked(length).ok_or(ObjectError::Truncated)?;
        self.0 = rest;
        Ok(text)
    }

    /// A path that a folder could have, too.
    fn path(&mut self) -> Result<&'o str, ObjectError> {
        let path = std::str::from_utf8(self.text()?).map_err(|_| ObjectError::Path)?;
        // `.` and `..` are hidden, too.
        let is_hidden = path.split('/').any(|name| name.is_empty() || name.starts_with('.'));
        let is_path = path.len() <= LONGEST_PATH
            && !is_hidden
            && !path.contains(is_odd)
            && path.split('/').count() <= DEEPEST
            && is_file(Path::new(path));
        if is_path { Ok(path) } else { Err(ObjectError::Path) }
    }
}

#[cfg(test)]
mod tests;
