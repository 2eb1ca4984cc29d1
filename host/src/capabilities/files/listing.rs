//! Listings of directories, read piece by piece.
//!
//! A listing holds its position, not the remaining names: a guest with hundreds of listings of a directory
//! with thousands of files must neither fill the host's memory with names, nor keep a processor busy until
//! all of them are read.

use std::fs::File;
use std::mem::MaybeUninit;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::types::HostDirectoryEntryStream;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::FilesView;
use super::tmp::Handle;

/// The buffer for one read of a directory of the task root: enough for some dozens of names, and for the
/// longest one.
const PIECE: usize = 2 * 1024;

/// A listing with its position.
#[derive(Debug)]
pub(super) enum Listing {
    Tmp(Names),
    TaskRoot(Entries),
}

/// Of a directory of `/tmp`: names in byte order. Entries that are added or removed meanwhile are seen if
/// they lie ahead.
#[derive(Debug)]
pub(super) struct Names {
    directory: Handle,
    /// A name is never empty, so the first one comes after this.
    last: String,
}

/// Of a directory of the task root, in the order of its file system.
#[derive(Debug)]
pub(super) struct Entries {
    /// With a position of its own.
    directory: OwnedFd,
    /// The entries that were read, the next one last.
    piece: Vec<FsResult<DirectoryEntry>>,
    #[expect(dead_code, reason = "held to be counted")]
    counted: Arc<()>,
}

impl Listing {
    pub(super) fn of_tmp(directory: Handle) -> Self {
        Self::Tmp(Names { directory, last: String::new() })
    }

    /// Of an open directory; `counted` counts the open listings.
    pub(super) fn of_task_root(directory: &File, counted: Arc<()>) -> Result<Self, ErrorCode> {
        // A duplicated descriptor would share the position.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(directory, ".", flags, Mode::empty()).map_err(code)?;
        Ok(Self::TaskRoot(Entries { directory, piece: Vec::new(), counted }))
    }

    fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        match self {
            Self::Tmp(names) => Ok(names.next()?),
            Self::TaskRoot(entries) => entries.next(),
        }
    }
}

impl Names {
    fn next(&mut self) -> Result<Option<DirectoryEntry>, ErrorCode> {
        let entry = self.directory.entry_after(&self.last)?;
        if let Some(entry) = &entry {
            self.last.clone_from(&entry.name);
        }
        Ok(entry)
    }
}

impl Entries {
    fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        // A piece may contain only the directory itself and its parent.
        while self.piece.is_empty() {
            if !self.read()? {
                return Ok(None);
            }
        }
        self.piece.pop().transpose()
    }

    /// Reads a piece; `false` at the end.
    fn read(&mut self) -> Result<bool, ErrorCode> {
        let mut buffer = [MaybeUninit::uninit(); PIECE];
        let mut entries = RawDir::new(&self.directory, &mut buffer);
        let mut is_end = true;
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(code)?;
            is_end = false;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let type_ = self.type_of(&entry);
                let name = str::from_utf8(name).map(str::to_owned);
                let entry = name.map(|name| DirectoryEntry { type_, name });
                self.piece.push(entry.map_err(|_| FsError::from(ErrorCode::IllegalByteSequence)));
            }
            if entries.is_buffer_empty() {
                break;
            }
        }
        self.piece.reverse();
        Ok(!is_end)
    }

    fn type_of(&self, entry: &rustix::fs::RawDirEntry<'_>) -> DescriptorType {
        let told = entry.file_type();
        if told != FileType::Unknown {
            return descriptor_type(told);
        }
        // Some file systems do not return the type with the name.
        let stat = rustix::fs::statat(&self.directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
        stat.map_or(DescriptorType::Unknown, |stat| descriptor_type(FileType::from_raw_mode(stat.st_mode)))
    }
}

fn descriptor_type(file: FileType) -> DescriptorType {
    match file {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

fn code(error: Errno) -> ErrorCode {
    std::io::Error::from(error).into()
}

impl HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.host.table.get_mut(&listing(&stream))?.next()
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.host.table.delete(listing(&stream))?;
        Ok(())
    }
}

/// The host's type of a listing. All listings are ours.
fn listing(stream: &Resource<DirectoryEntryStream>) -> Resource<Listing> {
    Resource::new_own(stream.rep())
}
