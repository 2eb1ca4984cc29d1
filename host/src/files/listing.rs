//! Listings of directories of `/tmp`.
//!
//! A listing holds the name that it came to, not the names that are left: a guest with thousands of listings of a
//! directory of thousands of files must not fill the host's memory with names.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::HostDirectoryEntryStream;
use wasmtime_wasi::p2::bindings::filesystem::types::{DirectoryEntry, DirectoryEntryStream, ErrorCode};

use super::FilesView;
use super::tmp::Handle;

/// Names in the order of their bytes. What is made or removed meanwhile is seen where it lies ahead.
#[derive(Debug)]
pub(super) struct Listing {
    directory: Handle,
    /// No name is empty, so that the first one comes after it.
    last: String,
}

impl Listing {
    pub(super) fn new(directory: Handle) -> Self {
        Self { directory, last: String::new() }
    }

    fn next(&mut self) -> Result<Option<DirectoryEntry>, ErrorCode> {
        let entry = self.directory.entry_after(&self.last)?;
        if let Some(entry) = &entry {
            self.last.clone_from(&entry.name);
        }
        Ok(entry)
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        match self.listing(&stream) {
            Some(listing) => Ok(self.host.table.get_mut(&listing)?.next()?),
            None => self.host.read_directory_entry(stream).await,
        }
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        if let Some(listing) = self.listing(&stream) {
            self.host.table.delete(listing)?;
            return Ok(());
        }
        HostDirectoryEntryStream::drop(&mut self.host, stream)?;
        self.files.held_one_less();
        Ok(())
    }
}
