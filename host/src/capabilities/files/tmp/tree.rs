//! The tree of `/tmp`: its names, and the number of bytes that count against the limit.
//!
//! Nodes are stored in one vector and refer to each other by index, so that a tree of any depth is dropped
//! without recursion. A change that would exceed the limit is rejected before anything is allocated.

use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, DescriptorType, ErrorCode, OpenFlags};

use super::node::{Kind, Node};
use super::place::{Entry, Place};

/// The bytes that a file or directory counts besides its name and content: about the host's own memory for
/// it.
pub(super) const NODE: usize = 512;

/// The index of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(usize);

impl NodeId {
    /// `/tmp` itself, which counts nothing and is never removed.
    pub(super) const ROOT: Self = Self(0);
}

#[derive(Debug)]
pub(super) struct Tree {
    /// `None` in place of removed nodes.
    nodes: Vec<Option<Node>>,
    /// The indices of removed nodes.
    free: Vec<usize>,
    serial: u64,
    used: usize,
    limit: usize,
    refused: bool,
}

impl Tree {
    pub(super) fn new(limit: usize) -> Self {
        let root = Node::new(Kind::directory(), NodeId::ROOT, 0);
        // So that no sum of sizes within it overflows.
        let limit = limit.min(usize::MAX / 2);
        Self { nodes: vec![Some(root)], free: Vec::new(), serial: 0, used: 0, limit, refused: false }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Whether a change ever exceeded the limit.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    pub(super) fn node(&self, id: NodeId) -> Result<&Node, ErrorCode> {
        self.nodes.get(id.0).and_then(Option::as_ref).ok_or(ErrorCode::BadDescriptor)
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, ErrorCode> {
        self.nodes.get_mut(id.0).and_then(Option::as_mut).ok_or(ErrorCode::BadDescriptor)
    }

    /// The node with this name.
    pub(super) fn entry(&self, directory: NodeId, name: &str) -> Result<Option<NodeId>, ErrorCode> {
        Ok(self.node(directory)?.names()?.get(name).copied())
    }

    pub(super) fn expect_directory(&self, id: NodeId) -> Result<(), ErrorCode> {
        self.node(id)?.names().map(drop)
    }

    /// Finds a file or directory, or creates a file.
    pub(super) fn open(
        &mut self,
        base: NodeId,
        path: &str,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> Result<NodeId, ErrorCode> {
        let creates = how.contains(OpenFlags::CREATE);
        let truncates = how.contains(OpenFlags::TRUNCATE);
        let exclusive = how.contains(OpenFlags::EXCLUSIVE);
        let directory = how.contains(OpenFlags::DIRECTORY);
        if directory && (creates || truncates || exclusive) {
            return Err(ErrorCode::Invalid);
        }
        let place = Place::find(self, base, path)?;
        match place {
            // A created node is a file.
            Place::Named(Entry { slash: true, .. }) if creates => return Err(ErrorCode::IsDirectory),
            Place::Named(entry @ Entry { node: None, .. }) if creates => {
                return self.create(entry, Kind::file());
            }
            Place::Named(_) | Place::Reached(_) => {}
        }
        let id = place.node(self)?;
        if creates && exclusive {
            return Err(ErrorCode::Exist);
        }
        match self.node(id)?.kind {
            Kind::Directory(_) if creates || truncates || flags.contains(DescriptorFlags::WRITE) => {
                Err(ErrorCode::IsDirectory)
            }
            Kind::File(_) if directory => Err(ErrorCode::NotDirectory),
            Kind::File(_) if truncates => self.resize(id, 0).map(|()| id),
            Kind::File(_) | Kind::Directory(_) => Ok(id),
        }
    }

    pub(super) fn create_directory(&mut self, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        match Place::find(self, base, path)? {
            Place::Named(entry @ Entry { node: None, .. }) => self.create(entry, Kind::directory()).map(drop),
            Place::Named(_) | Place::Reached(_) => Err(ErrorCode::Exist),
        }
    }

    pub(super) fn unlink(&mut self, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        let Place::Named(entry) = Place::find(self, base, path)? else { return Err(ErrorCode::IsDirectory) };
        let id = entry.existing(self)?;
        match self.node(id)?.kind {
            Kind::Directory(_) => Err(ErrorCode::IsDirectory),
            Kind::File(_) => self.detach(entry, id),
        }
    }

    pub(super) fn remove_directory(&mut self, base: NodeId, path: &str) -> Result<(), ErrorCode> {
        let Place::Named(entry) = Place::find(self, base, path)? else { return Err(ErrorCode::Invalid) };
        let id = entry.existing(self)?;
        if !self.node(id)?.names()?.is_empty() {
            return Err(ErrorCode::NotEmpty);
        }
        self.detach(entry, id)
    }

    /// Renames `path` below `base` to `new_path` below `new_base`, and replaces the node there.
    pub(super) fn rename(
        &mut self,
        base: NodeId,
        path: &str,
        new_base: NodeId,
        new_path: &str,
    ) -> Result<(), ErrorCode> {
        let Place::Named(old) = Place::find(self, base, path)? else { return Err(ErrorCode::Busy) };
        let Place::Named(new) = Place::find(self, new_base, new_path)? else { return Err(ErrorCode::Busy) };
        let id = old.existing(self)?;
        self.check_rename(id, new)?;
        match new.node {
            Some(replaced) if replaced == id => return Ok(()),
            Some(replaced) => self.detach(new, replaced)?,
            None => {}
        }
        // A replaced name had the same length, so this cannot fail halfway.
        self.charge(new.name.len().saturating_sub(old.name.len()))?;
        self.refund(old.name.len().saturating_sub(new.name.len()));
        self.node_mut(old.directory)?.names_mut()?.remove(old.name);
        self.node_mut(new.directory)?.names_mut()?.insert(new.name.into(), id);
        self.node_mut(id)?.parent = new.directory;
        Ok(())
    }

    fn check_rename(&self, id: NodeId, new: Entry<'_>) -> Result<(), ErrorCode> {
        if !self.node(new.directory)?.named {
            return Err(ErrorCode::NoEntry);
        }
        let moved = self.node(id)?.type_();
        if moved != DescriptorType::Directory && new.slash {
            return Err(ErrorCode::NotDirectory);
        }
        if moved == DescriptorType::Directory && self.is_within(new.directory, id)? {
            return Err(ErrorCode::Invalid);
        }
        let Some(replaced) = new.node.filter(|replaced| *replaced != id) else { return Ok(()) };
        match (&self.node(replaced)?.kind, moved == DescriptorType::Directory) {
            (Kind::File(_), false) => Ok(()),
            (Kind::File(_), true) => Err(ErrorCode::NotDirectory),
            (Kind::Directory(_), false) => Err(ErrorCode::IsDirectory),
            (Kind::Directory(names), true) if names.is_empty() => Ok(()),
            (Kind::Directory(_), true) => Err(ErrorCode::NotEmpty),
        }
    }

    /// Whether a directory is `outer` or lies in it.
    fn is_within(&self, mut id: NodeId, outer: NodeId) -> Result<bool, ErrorCode> {
        while id != outer && id != NodeId::ROOT {
            id = self.node(id)?.parent;
        }
        Ok(id == outer)
    }

    /// Writes at an offset in a file, all or nothing.
    pub(super) fn write(&mut self, id: NodeId, offset: u64, bytes: &[u8]) -> Result<(), ErrorCode> {
        if bytes.is_empty() {
            return self.node(id)?.content().map(drop);
        }
        // A guest may pass any offset, and one that this machine cannot represent exceeds the limit too.
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = offset.saturating_add(bytes.len());
        let len = self.node(id)?.content()?.len();
        self.charge(end.saturating_sub(len))?;
        self.node_mut(id)?.content_mut()?.write(offset, bytes);
        Ok(())
    }

    /// Appends to a file, all or nothing.
    pub(super) fn append(&mut self, id: NodeId, bytes: &[u8]) -> Result<(), ErrorCode> {
        let end = self.node(id)?.content()?.len();
        self.write(id, u64::try_from(end).unwrap_or(u64::MAX), bytes)
    }

    pub(super) fn resize(&mut self, id: NodeId, size: u64) -> Result<(), ErrorCode> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let len = self.node(id)?.content()?.len();
        self.charge(size.saturating_sub(len))?;
        self.refund(len.saturating_sub(size));
        self.node_mut(id)?.content_mut()?.resize(size);
        Ok(())
    }

    /// Keeps a node while a descriptor or stream has it.
    pub(super) fn retain(&mut self, id: NodeId) {
        if let Ok(node) = self.node_mut(id) {
            node.open += 1;
        }
    }

    /// Undoes [`Self::retain`].
    pub(super) fn release(&mut self, id: NodeId) {
        if let Ok(node) = self.node_mut(id) {
            node.open = node.open.saturating_sub(1);
        }
        self.remove_unused(id);
    }

    fn create(&mut self, entry: Entry<'_>, kind: Kind) -> Result<NodeId, ErrorCode> {
        // A directory that was removed while it was open stays empty.
        if !self.node(entry.directory)?.named {
            return Err(ErrorCode::NoEntry);
        }
        self.charge(NODE + entry.name.len())?;
        self.serial += 1;
        let node = Node::new(kind, entry.directory, self.serial);
        let index = self.free.pop().unwrap_or(self.nodes.len());
        match self.nodes.get_mut(index) {
            Some(slot) => *slot = Some(node),
            None => self.nodes.push(Some(node)),
        }
        let id = NodeId(index);
        self.node_mut(entry.directory)?.names_mut()?.insert(entry.name.into(), id);
        Ok(id)
    }

    /// Removes a name, and its node once it is no longer open.
    fn detach(&mut self, entry: Entry<'_>, id: NodeId) -> Result<(), ErrorCode> {
        self.node_mut(entry.directory)?.names_mut()?.remove(entry.name);
        self.refund(entry.name.len());
        self.node_mut(id)?.named = false;
        self.remove_unused(id);
        Ok(())
    }

    fn remove_unused(&mut self, id: NodeId) {
        let Some(slot) = self.nodes.get_mut(id.0) else { return };
        if let Some(node) = slot.take_if(|node| !node.named && node.open == 0) {
            self.free.push(id.0);
            self.refund(NODE + node.content().map_or(0, |content| content.len()));
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), ErrorCode> {
        let used = self.used.saturating_add(bytes);
        if bytes > 0 && used > self.limit {
            self.refused = true;
            return Err(ErrorCode::InsufficientSpace);
        }
        self.used = used;
        Ok(())
    }

    fn refund(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// Computes `used` from scratch.
    #[cfg(test)]
    pub(super) fn recount(&self) -> usize {
        let count = |node: &Node| match &node.kind {
            Kind::File(content) => NODE + content.len(),
            Kind::Directory(names) => NODE + names.keys().map(|name| name.len()).sum::<usize>(),
        };
        self.nodes.iter().flatten().map(count).sum::<usize>() - NODE
    }
}

#[cfg(test)]
mod tests;
