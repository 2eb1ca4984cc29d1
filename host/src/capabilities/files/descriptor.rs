//! Descriptors: each call goes to `/tmp` or to Wasmtime, depending on the descriptor.
//!
//! A call that concerns both, such as moving a file from one to the other, fails as it would between two
//! devices.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntryStream, ErrorCode, Filesize,
    HostDescriptor, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::FilesView;
use super::listing::Listing;
use super::stream::{Reader, Source, Writer};
use super::tmp::Handle;
use crate::capabilities::checked_writes::CheckedWrites;

type Fd = Resource<Descriptor>;

impl HostDescriptor for FilesView<'_> {
    async fn advise(&mut self, fd: Fd, offset: Filesize, len: Filesize, advice: Advice) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.expect_file()?),
            None => self.host.advise(fd, offset, len, advice).await,
        }
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(_) => Ok(()),
            None => self.host.sync_data(fd).await,
        }
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.flags()),
            None => self.host.get_flags(fd).await,
        }
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.type_()?),
            None => self.host.get_type(fd).await,
        }
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.set_size(size)?),
            None => self.host.set_size(fd, size).await,
        }
    }

    async fn set_times(&mut self, fd: Fd, access: NewTimestamp, modification: NewTimestamp) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.set_times(access, modification)?),
            None => self.host.set_times(fd, access, modification).await,
        }
    }

    async fn read(&mut self, fd: Fd, len: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        let Some(handle) = self.tmp(&fd) else { return self.host.read(fd, len, offset).await };
        let bytes = handle.read(offset, len)?;
        let ended = bytes.is_empty();
        Ok((bytes, ended))
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let Some(handle) = self.tmp(&fd) else { return self.host.write(fd, bytes, offset).await };
        handle.write(offset, &bytes)?;
        Ok(bytes.len().try_into().map_err(|_| ErrorCode::Overflow)?)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        let listing = match self.tmp(&fd) {
            Some(handle) => {
                handle.expect_directory()?;
                Listing::of_tmp(handle.clone())
            }
            None => self.task_root_listing(&fd)?,
        };
        Ok(Resource::new_own(self.host.table.push(listing)?.rep()))
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(_) => Ok(()),
            None => self.host.sync(fd).await,
        }
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.create_directory(&path)?),
            None => self.host.create_directory_at(fd, path).await,
        }
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.stat()?),
            None => self.host.stat(fd).await,
        }
    }

    async fn stat_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.find(&path)?.stat()?),
            None => self.host.stat_at(fd, flags, path).await,
        }
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.find(&path)?.set_times(access, modification)?),
            None => self.host.set_times_at(fd, flags, path, access, modification).await,
        }
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FsResult<()> {
        match (self.tmp(&fd), self.tmp(&new_fd)) {
            // `/tmp` has no links.
            (Some(_), Some(_)) => Err(ErrorCode::NotPermitted.into()),
            (None, None) => self.host.link_at(fd, flags, path, new_fd, new_path).await,
            (Some(_), None) | (None, Some(_)) => Err(ErrorCode::CrossDevice.into()),
        }
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        if let Some(handle) = self.tmp(&fd) {
            let handle = handle.open(&path, how, flags)?;
            return Ok(self.push(handle)?);
        }
        self.files.expect_room()?;
        let opened = self.host.open_at(fd, path_flags, path, how, flags).await?;
        self.files.held += 1;
        Ok(opened)
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        if self.tmp(&fd).is_some() {
            self.host.table.delete(Resource::<Handle>::new_own(fd.rep()))?;
            return Ok(());
        }
        HostDescriptor::drop(&mut self.host, fd)?;
        self.files.held_one_less();
        Ok(())
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let Some(handle) = self.tmp(&fd) else { return self.host.readlink_at(fd, path).await };
        handle.find(&path)?;
        // No entry of `/tmp` is a link.
        Err(ErrorCode::Invalid.into())
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.remove_directory(&path)?),
            None => self.host.remove_directory_at(fd, path).await,
        }
    }

    async fn rename_at(&mut self, fd: Fd, path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        match (self.tmp(&fd), self.tmp(&new_fd)) {
            (Some(old), Some(new)) => Ok(old.rename(&path, new, &new_path)?),
            (None, None) => self.host.rename_at(fd, path, new_fd, new_path).await,
            (Some(_), None) | (None, Some(_)) => Err(ErrorCode::CrossDevice.into()),
        }
    }

    async fn symlink_at(&mut self, fd: Fd, old_path: String, new_path: String) -> FsResult<()> {
        match self.tmp(&fd) {
            // `/tmp` has no links.
            Some(_) => Err(ErrorCode::NotPermitted.into()),
            None => self.host.symlink_at(fd, old_path, new_path).await,
        }
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.unlink(&path)?),
            None => self.host.unlink_file_at(fd, path).await,
        }
    }

    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let source = match self.tmp(&fd) {
            Some(handle) => {
                if handle.type_()? == DescriptorType::Directory {
                    return Err(ErrorCode::IsDirectory.into());
                }
                handle.expect_readable()?;
                Source::Tmp(handle.clone())
            }
            None => self.task_root_source(&fd)?,
        };
        let reader: DynInputStream = Box::new(Reader::new(source, offset));
        Ok(self.host.table.push(reader)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let Some(handle) = self.tmp(&fd) else { return self.host.write_via_stream(fd, offset) };
        handle.expect_writable()?;
        let writer: DynOutputStream = Box::new(CheckedWrites(Writer::at(handle.clone(), offset)));
        Ok(self.host.table.push(writer)?)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let Some(handle) = self.tmp(&fd) else { return self.host.append_via_stream(fd) };
        handle.expect_writable()?;
        let writer: DynOutputStream = Box::new(CheckedWrites(Writer::at_end(handle.clone())));
        Ok(self.host.table.push(writer)?)
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        match (self.tmp(&a), self.tmp(&b)) {
            (Some(a), Some(b)) => Ok(a.is_same(b)),
            (None, None) => self.host.is_same_object(a, b).await,
            (Some(_), None) | (None, Some(_)) => Ok(false),
        }
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.hash()?),
            None => self.host.metadata_hash(fd).await,
        }
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        match self.tmp(&fd) {
            Some(handle) => Ok(handle.find(&path)?.hash()?),
            None => self.host.metadata_hash_at(fd, flags, path).await,
        }
    }
}

impl FilesView<'_> {
    /// The source of a stream over a file of the task root. Wasmtime's stream is not used, because a guest
    /// can make it keep data that it has read.
    fn task_root_source(&self, fd: &Fd) -> Result<Source, FsError> {
        let file = match self.host.table.get(fd)? {
            Descriptor::File(file) => file,
            Descriptor::Dir(_) => return Err(ErrorCode::IsDirectory.into()),
        };
        self.files.expect_room()?;
        Ok(Source::TaskRoot(file.file.clone(), self.files.streams.clone()))
    }

    /// A listing of a directory of the task root. Wasmtime's is not used, because it holds all names from the
    /// start.
    fn task_root_listing(&self, fd: &Fd) -> Result<Listing, FsError> {
        let directory = match self.host.table.get(fd)? {
            Descriptor::File(_) => return Err(ErrorCode::NotDirectory.into()),
            Descriptor::Dir(directory) => directory,
        };
        self.files.expect_room()?;
        Ok(Listing::of_task_root(&directory.dir, self.files.streams.clone())?)
    }
}
