//! What the unit tests of this folder have in common: a key, a store, and files with somebody at work between any two
//! steps.

use std::path::Path;
use std::time::SystemTime;

use bulkhead_host::policy::manifest::{Manifest, Store};
use bulkhead_host::store::key::SigningKey;
use bulkhead_host::store::layout::Key;

use super::files::{Files, Folder, Found};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

/// The key that the store accepts.
pub(super) fn key() -> SigningKey {
    SigningKey::read(KEY).unwrap()
}

/// The settings of a store in this directory.
pub(super) fn store(path: &Path) -> Store {
    let toml = format!(
        "[store]\nname = 'prod'\nurl = 'file://{}'\npublic_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']",
        path.to_str().unwrap()
    );
    Manifest::parse(&toml).unwrap().store.unwrap()
}

/// Files on which something else is done before and after each step that changes one; it may also end the writer.
pub(super) struct Disturbed<'f, B, A> {
    pub(super) folder: &'f Folder,
    pub(super) before: B,
    pub(super) after: A,
}

impl<B, A> Disturbed<'_, B, A>
where
    B: Fn(&Key, &[u8]) -> anyhow::Result<()>,
    A: Fn(&Key) -> anyhow::Result<()>,
{
    fn step<T>(
        &self,
        key: &Key,
        content: &[u8],
        step: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        (self.before)(key, content)?;
        let done = step()?;
        (self.after)(key)?;
        Ok(done)
    }
}

impl<B, A> Files for Disturbed<'_, B, A>
where
    B: Fn(&Key, &[u8]) -> anyhow::Result<()>,
    A: Fn(&Key) -> anyhow::Result<()>,
{
    fn read(&self, key: &Key, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
        self.folder.read(key, most)
    }

    fn write(&self, key: &Key, content: &[u8]) -> anyhow::Result<()> {
        self.step(key, content, || self.folder.write(key, content))
    }

    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        self.step(key, content, || self.folder.create(key, content))
    }

    fn replace(&self, key: &Key, content: &[u8], before: Option<&[u8]>) -> anyhow::Result<bool> {
        self.step(key, content, || self.folder.replace(key, content, before))
    }

    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>> {
        self.folder.list(folder)
    }

    fn remove_unchanged(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        self.step(key, content, || self.folder.remove_unchanged(key, content))
    }

    fn remove_older(&self, key: &Key, time: SystemTime) -> anyhow::Result<bool> {
        self.step(key, &[], || self.folder.remove_older(key, time))
    }
}
