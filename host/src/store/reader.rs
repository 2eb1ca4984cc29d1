//! Reads the files of a store, wherever it is.

use std::sync::Arc;

use super::bucket::{Bucket, BucketError};
use super::directory::{Directory, FileState};
use super::layout::Key;
use crate::aws::Client;
use crate::policy::Vars;
use crate::policy::manifest::Store;
use crate::policy::manifest::store::StoreUrl;
use crate::text::printable::Shown as _;

/// A directory or a bucket with a store.
#[derive(Debug)]
pub enum Reader {
    /// A directory.
    Directory(Directory),
    /// A bucket.
    Bucket(Box<Bucket>),
}

/// What tells one state of a file from another, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Of a file.
    File(FileState),
    /// The `ETag` of an object; empty if it has none.
    Object(Arc<str>),
}

/// What was found.
#[derive(Debug)]
pub enum Reading {
    /// The file is in the state that is known.
    Unchanged,
    /// There is no such file.
    Absent,
    /// The file.
    Found(State, Vec<u8>),
}

/// A file of the store cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store itself cannot be opened.
    #[error("{}: {error}", path.shown())]
    Store {
        /// Its directory.
        path: std::path::PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// The file cannot be read.
    #[error("{key}: {error}")]
    File {
        /// The file.
        key: Key,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// The object cannot be read.
    #[error("{key}: {error}")]
    Bucket {
        /// The object.
        key: Key,
        /// The reason.
        error: BucketError,
    },
    /// It is a link, or a link leads to it, or it is no file.
    #[error("{key}: this is not a file of the store, but a link, a folder or a device")]
    NotAFile {
        /// The file.
        key: Key,
    },
    /// It is too large.
    #[error("{key}: the file has {length} bytes, and at most {most} are read")]
    TooLarge {
        /// The file.
        key: Key,
        /// Its size.
        length: u64,
        /// The largest allowed size.
        most: u64,
    },
}

impl ReadError {
    /// Whether the file was found, and has a form or a size that no writer gives it.
    pub fn is_of_content(&self) -> bool {
        match self {
            Self::NotAFile { .. } | Self::TooLarge { .. } => true,
            Self::Store { .. } | Self::File { .. } | Self::Bucket { .. } => false,
        }
    }
}

impl Reader {
    /// Reads this store, with the credentials of the function's role if it is a bucket. Nothing is read yet.
    pub fn new(store: &Store, client: Client, vars: &impl Vars) -> Self {
        match &store.url {
            StoreUrl::Directory(path) => Self::Directory(Directory::new(path)),
            StoreUrl::Bucket(url) => Self::Bucket(Box::new(Bucket::new(store, url, client, vars))),
        }
    }

    /// Whether it contains records. Of a bucket that is not asked: one that does not exist cannot be read.
    pub fn has_records(&self) -> bool {
        match self {
            Self::Directory(directory) => directory.has_records(),
            Self::Bucket(_) => true,
        }
    }

    /// A file of at most `most` bytes, unless it is in the state that is known. Of a bucket, it is asked for so many times.
    /// This may block.
    ///
    /// # Errors
    /// If it cannot be read, or is larger.
    pub fn read(
        &self,
        key: &Key,
        most: u64,
        known: Option<&State>,
        attempts: u32,
    ) -> Result<Reading, ReadError> {
        let directory = match self {
            Self::Bucket(bucket) => return bucket.read(key, most, known, attempts),
            Self::Directory(directory) => directory,
        };
        if let Some(State::File(known)) = known
            && directory.state(key).is_ok_and(|state| state == Some(*known))
        {
            return Ok(Reading::Unchanged);
        }
        Ok(match directory.read(key, most)? {
            Some((content, state)) => Reading::Found(State::File(state), content),
            None => Reading::Absent,
        })
    }
}
