//! The files of a store, wherever it is.

use std::time::SystemTime;

use bulkhead_host::store::Bucket;
use bulkhead_host::store::layout::Key;

use super::{Files, Folder, Found};

/// A store in a directory or in a bucket.
#[derive(Debug)]
pub(in crate::tenants) enum StoreFiles {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

impl StoreFiles {
    /// Where it is.
    pub(in crate::tenants) fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => folder.shown(),
            Self::Bucket(bucket) => bucket.url().to_string(),
        }
    }

    fn files(&self) -> &dyn Files {
        match self {
            Self::Folder(folder) => folder,
            Self::Bucket(bucket) => &**bucket,
        }
    }
}

impl Files for StoreFiles {
    fn read(&self, key: &Key, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
        self.files().read(key, most)
    }

    fn write(&self, key: &Key, content: &[u8]) -> anyhow::Result<()> {
        self.files().write(key, content)
    }

    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        self.files().create(key, content)
    }

    fn replace(&self, key: &Key, content: &[u8], before: Option<&[u8]>) -> anyhow::Result<bool> {
        self.files().replace(key, content, before)
    }

    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>> {
        self.files().list(folder)
    }

    fn remove_unchanged(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        self.files().remove_unchanged(key, content)
    }

    fn remove_older(&self, key: &Key, time: SystemTime) -> anyhow::Result<bool> {
        self.files().remove_older(key, time)
    }
}
