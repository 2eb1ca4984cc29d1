//! A file or directory of `/tmp`, whatever its name.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, ErrorCode, NewTimestamp,
};

use super::content::Content;
use super::tree::NodeId;

/// The names in a directory.
pub(super) type Names = BTreeMap<Box<str>, NodeId>;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The parent. Used only for a directory that has a name.
    pub(super) parent: NodeId,
    /// Whether it has a name. A node without a name is freed when it is no longer open.
    pub(super) named: bool,
    /// The number of its descriptors and streams.
    pub(super) open: usize,
    /// A number that is never used again.
    pub(super) serial: u64,
    accessed: Datetime,
    modified: Datetime,
    changed: Datetime,
}

#[derive(Debug)]
pub(super) enum Kind {
    File(Content),
    Directory(Names),
}

impl Kind {
    pub(super) fn file() -> Self {
        Self::File(Content::default())
    }

    pub(super) fn directory() -> Self {
        Self::Directory(Names::new())
    }
}

impl Node {
    pub(super) fn new(kind: Kind, parent: NodeId, serial: u64) -> Self {
        let now = now();
        Self { kind, parent, named: true, open: 0, serial, accessed: now, modified: now, changed: now }
    }

    pub(super) fn type_(&self) -> DescriptorType {
        match self.kind {
            Kind::File(_) => DescriptorType::RegularFile,
            Kind::Directory(_) => DescriptorType::Directory,
        }
    }

    pub(super) fn content(&self) -> Result<&Content, ErrorCode> {
        match &self.kind {
            Kind::File(content) => Ok(content),
            Kind::Directory(_) => Err(ErrorCode::BadDescriptor),
        }
    }

    /// Its bytes, for changes.
    pub(super) fn content_mut(&mut self) -> Result<&mut Content, ErrorCode> {
        self.touch();
        match &mut self.kind {
            Kind::File(content) => Ok(content),
            Kind::Directory(_) => Err(ErrorCode::BadDescriptor),
        }
    }

    pub(super) fn names(&self) -> Result<&Names, ErrorCode> {
        match &self.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    /// Its names, for changes.
    pub(super) fn names_mut(&mut self) -> Result<&mut Names, ErrorCode> {
        self.touch();
        match &mut self.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    /// The first name after `after`.
    pub(super) fn name_after(&self, after: &str) -> Result<Option<(&str, NodeId)>, ErrorCode> {
        let rest = self.names()?.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        Ok(rest.map(|(name, node)| (&**name, *node)).next())
    }

    pub(super) fn stat(&self) -> DescriptorStat {
        let size = match &self.kind {
            Kind::File(content) => u64::try_from(content.len()).unwrap_or(u64::MAX),
            Kind::Directory(_) => 0,
        };
        DescriptorStat {
            type_: self.type_(),
            link_count: u64::from(self.named),
            size,
            data_access_timestamp: Some(self.accessed),
            data_modification_timestamp: Some(self.modified),
            status_change_timestamp: Some(self.changed),
        }
    }

    /// Sets the times that a guest chooses. Reading does not change them.
    pub(super) fn set_times(
        &mut self,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> Result<(), ErrorCode> {
        let accessed = chosen(access, self.accessed)?;
        self.modified = chosen(modification, self.modified)?;
        self.accessed = accessed;
        self.changed = now();
        Ok(())
    }

    fn touch(&mut self) {
        self.modified = now();
        self.changed = self.modified;
    }
}

fn chosen(time: NewTimestamp, current: Datetime) -> Result<Datetime, ErrorCode> {
    match time {
        NewTimestamp::NoChange => Ok(current),
        NewTimestamp::Now => Ok(now()),
        NewTimestamp::Timestamp(Datetime { seconds, nanoseconds }) => {
            let carried = u64::from(nanoseconds / 1_000_000_000);
            let seconds = seconds.checked_add(carried).ok_or(ErrorCode::Overflow)?;
            Ok(Datetime { seconds, nanoseconds: nanoseconds % 1_000_000_000 })
        }
    }
}

fn now() -> Datetime {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Datetime { seconds: time.as_secs(), nanoseconds: time.subsec_nanos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, nanoseconds: u32) -> NewTimestamp {
        NewTimestamp::Timestamp(Datetime { seconds, nanoseconds })
    }

    #[test]
    fn times_are_set_one_by_one() {
        let mut node = Node::new(Kind::file(), NodeId::ROOT, 1);
        let before = node.stat().data_access_timestamp.unwrap();
        node.set_times(NewTimestamp::NoChange, at(5, 2_000_000_001)).unwrap();
        let stat = node.stat();
        let modified = stat.data_modification_timestamp.unwrap();
        assert_eq!((modified.seconds, modified.nanoseconds), (7, 1));
        assert_eq!(stat.data_access_timestamp.unwrap().seconds, before.seconds);
        assert!(matches!(
            node.set_times(at(u64::MAX, u32::MAX), NewTimestamp::Now),
            Err(ErrorCode::Overflow)
        ));
        assert_eq!(node.stat().data_modification_timestamp.unwrap().seconds, 7);
    }

    #[test]
    fn writing_sets_the_time_and_reading_does_not() {
        let mut node = Node::new(Kind::file(), NodeId::ROOT, 1);
        node.set_times(at(1, 0), at(1, 0)).unwrap();
        node.content().unwrap().read(0, 1);
        assert_eq!(node.stat().data_modification_timestamp.unwrap().seconds, 1);
        node.content_mut().unwrap().write(0, b"x");
        assert!(node.stat().data_modification_timestamp.unwrap().seconds > 1);
        assert_eq!(node.stat().size, 1);
    }
}
