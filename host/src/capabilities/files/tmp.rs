//! A private `/tmp` in memory: made for one event, gone with its sandbox, never larger than its limit.
//!
//! It is not a directory of the host. So there is nothing to escape from and nothing to clean up, and the
//! limit is exact: it counts the bytes of each file and, for each file and directory, the length of its name
//! and 512 bytes. It has files and directories, but no links. An open file or directory that a guest removes
//! stays until it is closed, and counts.
//!
//! A descriptor is a [`Handle`]; beneath it are [`tree`], [`node`] and [`content`].

mod content;
mod node;
mod place;
mod tree;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tree::{NodeId, Tree};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, MetadataHashValue,
    NewTimestamp, OpenFlags,
};

use place::Place;

/// The `/tmp` of one sandbox. Clones share it.
#[derive(Debug, Clone)]
pub struct Tmp {
    tree: Arc<Mutex<Tree>>,
}

impl Tmp {
    /// An empty `/tmp` with a limit in bytes.
    pub fn new(limit: usize) -> Self {
        Self { tree: Arc::new(Mutex::new(Tree::new(limit))) }
    }

    /// Whether a call of the guest ever failed because of the limit.
    pub fn hit_limit(&self) -> bool {
        self.lock().refused()
    }

    /// The number of bytes in use.
    pub fn used(&self) -> usize {
        self.lock().used()
    }

    /// `/tmp` itself.
    pub(super) fn root(&self) -> Handle {
        Handle::new(self, NodeId::ROOT, DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY)
    }

    fn lock(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open file or directory of `/tmp`. It stays usable after its name is removed.
#[derive(Debug)]
pub(super) struct Handle {
    tmp: Tmp,
    node: NodeId,
    flags: DescriptorFlags,
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(&self.tmp, self.node, self.flags)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tmp.lock().release(self.node);
    }
}

impl Handle {
    fn new(tmp: &Tmp, node: NodeId, flags: DescriptorFlags) -> Self {
        tmp.lock().retain(node);
        Self { tmp: tmp.clone(), node, flags }
    }

    /// The mode in which it was opened. For a directory the mode has no effect, as in Wasmtime's own files: a
    /// guest that has a directory may change its content.
    pub(super) fn flags(&self) -> DescriptorFlags {
        self.flags
    }

    pub(super) fn type_(&self) -> Result<DescriptorType, ErrorCode> {
        Ok(self.tmp.lock().node(self.node)?.type_())
    }

    /// Fails for a directory: the operation is for files only.
    pub(super) fn expect_file(&self) -> Result<(), ErrorCode> {
        self.tmp.lock().node(self.node)?.content().map(drop)
    }

    /// Fails unless it is a file opened for reading.
    pub(super) fn expect_readable(&self) -> Result<(), ErrorCode> {
        self.expect(DescriptorFlags::READ)
    }

    /// Fails unless it is a file opened for writing.
    pub(super) fn expect_writable(&self) -> Result<(), ErrorCode> {
        self.expect(DescriptorFlags::WRITE)
    }

    fn expect(&self, flag: DescriptorFlags) -> Result<(), ErrorCode> {
        self.expect_file()?;
        if self.flags.contains(flag) { Ok(()) } else { Err(ErrorCode::BadDescriptor) }
    }

    /// Reads up to `len` bytes, at most 64 KiB. Empty at the end.
    pub(super) fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, ErrorCode> {
        self.expect_readable()?;
        Ok(self.tmp.lock().node(self.node)?.content()?.read(offset, len))
    }

    /// Writes all or nothing.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), ErrorCode> {
        self.expect_writable()?;
        self.tmp.lock().write(self.node, offset, bytes)
    }

    /// Appends all or nothing.
    pub(super) fn append(&self, bytes: &[u8]) -> Result<(), ErrorCode> {
        self.expect_writable()?;
        self.tmp.lock().append(self.node, bytes)
    }

    pub(super) fn set_size(&self, size: u64) -> Result<(), ErrorCode> {
        self.expect_file()?;
        if !self.flags.contains(DescriptorFlags::WRITE) {
            return Err(ErrorCode::Invalid); // as ftruncate(2) has it
        }
        self.tmp.lock().resize(self.node, size)
    }

    pub(super) fn stat(&self) -> Result<DescriptorStat, ErrorCode> {
        Ok(self.tmp.lock().node(self.node)?.stat())
    }

    pub(super) fn set_times(
        &self,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> Result<(), ErrorCode> {
        self.tmp.lock().node_mut(self.node)?.set_times(access, modification)
    }

    /// Whether two handles refer to the same file or directory, which may be removed.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tmp.tree, &other.tmp.tree) && self.node == other.node
    }

    pub(super) fn hash(&self) -> Result<MetadataHashValue, ErrorCode> {
        Ok(MetadataHashValue { lower: self.tmp.lock().node(self.node)?.serial, upper: 0 })
    }

    /// The entry of this directory with the first name after `after`.
    pub(super) fn entry_after(&self, after: &str) -> Result<Option<DirectoryEntry>, ErrorCode> {
        let tree = self.tmp.lock();
        let Some((name, node)) = tree.node(self.node)?.name_after(after)? else { return Ok(None) };
        Ok(Some(DirectoryEntry { type_: tree.node(node)?.type_(), name: name.to_owned() }))
    }

    pub(super) fn expect_directory(&self) -> Result<(), ErrorCode> {
        self.tmp.lock().expect_directory(self.node)
    }

    /// Opens the target of `path` only for queries.
    pub(super) fn find(&self, path: &str) -> Result<Self, ErrorCode> {
        let node = {
            let tree = self.tmp.lock();
            tree.expect_directory(self.node)?;
            Place::find(&tree, self.node, path)?.node(&tree)?
        };
        Ok(Self::new(&self.tmp, node, DescriptorFlags::empty()))
    }

    pub(super) fn open(&self, path: &str, how: OpenFlags, flags: DescriptorFlags) -> Result<Self, ErrorCode> {
        self.expect_directory()?;
        let node = self.tmp.lock().open(self.node, path, how, flags)?;
        let mut handle = Self::new(&self.tmp, node, DescriptorFlags::empty());
        handle.flags = granted(how, flags, handle.type_()?);
        Ok(handle)
    }

    pub(super) fn create_directory(&self, path: &str) -> Result<(), ErrorCode> {
        self.expect_directory()?;
        self.tmp.lock().create_directory(self.node, path)
    }

    pub(super) fn unlink(&self, path: &str) -> Result<(), ErrorCode> {
        self.expect_directory()?;
        self.tmp.lock().unlink(self.node, path)
    }

    pub(super) fn remove_directory(&self, path: &str) -> Result<(), ErrorCode> {
        self.expect_directory()?;
        self.tmp.lock().remove_directory(self.node, path)
    }

    pub(super) fn rename(&self, path: &str, new: &Self, new_path: &str) -> Result<(), ErrorCode> {
        self.expect_directory()?;
        new.expect_directory()?;
        self.tmp.lock().rename(self.node, path, new.node, new_path)
    }
}

/// The access mode of a descriptor by Wasmtime's rules: a file that is created or truncated is writable, and
/// a file that is not opened for writing is readable.
fn granted(how: OpenFlags, flags: DescriptorFlags, type_: DescriptorType) -> DescriptorFlags {
    let mut granted = flags;
    if !flags.contains(DescriptorFlags::WRITE) {
        granted |= DescriptorFlags::READ;
    }
    if how.contains(OpenFlags::CREATE) || how.contains(OpenFlags::TRUNCATE) {
        granted |= DescriptorFlags::WRITE;
    }
    if type_ == DescriptorType::Directory { granted } else { granted & !DescriptorFlags::MUTATE_DIRECTORY }
}

#[cfg(test)]
mod model;
