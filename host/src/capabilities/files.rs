//! The files of a sandbox: directories of the task root that it may read, and a `/tmp` of its own.
//!
//! Both are part of WASI's one file system. The linker calls [`FilesView`], which handles `/tmp` itself, in
//! [`tmp`], and passes the rest to Wasmtime's implementation, which never lets a path leave its directory.
//! The directories are fixed at init, in [`directories`].
//!
//! *Invariant:* the things that a guest holds open cost the host a bounded number of file descriptors and
//! bytes. So the host never reads ahead: streams and listings hold a position and at most a small piece, and
//! only [`MAX_OPEN`] of the task root's files can be open.

mod descriptor;
mod directories;
mod listing;
mod stream;
mod tmp;

use std::sync::Arc;

use wasmtime::component::{HasData, Linker, Resource, ResourceTableError};
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::p2::FsError;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};

pub use directories::{Directories, FilesError, GrantError, Granted, check};
pub use tmp::Tmp;

/// The path of a guest's `/tmp`.
const TMP: &str = "/tmp";

/// The number of files, directories and listings of the task root, and streams of its files, that a guest can
/// have open. Lambda gives a process 1024 file descriptors, and the host needs some for itself.
pub const MAX_OPEN: usize = 256;

/// The host's state of one sandbox's files.
#[derive(Debug, Default)]
pub struct Files {
    tmp: Option<Tmp>,
    /// Descriptors of the task root that the guest holds.
    held: usize,
    /// Cloned for each stream of a file and each listing of a directory of the task root.
    streams: Arc<()>,
    missed: Missed,
}

/// Requests of the guest for files that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missed {
    /// It asked for its directories, and there were none.
    pub directories: bool,
    /// It tried something that is not allowed.
    pub permission: bool,
}

impl Files {
    /// The files of a new sandbox, with a `/tmp` of `tmp` bytes, or without one if that is 0.
    pub fn new(tmp: usize) -> Self {
        Self { tmp: (tmp > 0).then(|| Tmp::new(tmp)), ..Self::default() }
    }

    /// Its `/tmp`, if it has one.
    pub fn tmp(&self) -> Option<&Tmp> {
        self.tmp.as_ref()
    }

    /// The failed requests since the last call.
    pub fn take_missed(&mut self) -> Missed {
        std::mem::take(&mut self.missed)
    }

    /// Fails if the guest holds too much of the task root.
    fn expect_room(&self) -> Result<(), types::ErrorCode> {
        let open = self.held + Arc::strong_count(&self.streams) - 1;
        if open < MAX_OPEN { Ok(()) } else { Err(types::ErrorCode::Quota) }
    }

    fn held_one_less(&mut self) {
        self.held = self.held.saturating_sub(1);
    }
}

/// A sandbox's files, for the linker.
#[expect(missing_debug_implementations, reason = "Wasmtime's half has none")]
pub struct FilesView<'a> {
    /// Wasmtime's part: the directories of the task root, and the table of resources that both parts share.
    pub host: WasiFilesystemCtxView<'a>,
    /// Our part.
    pub files: &'a mut Files,
}

/// Links `wasi:filesystem`, which is `types` and `preopens`.
///
/// # Errors
/// When they are linked already.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> FilesView<'_>,
) -> wasmtime::Result<()> {
    preopens::add_to_linker::<T, HasFiles>(linker, view)?;
    types::add_to_linker::<T, HasFiles>(linker, view)
}

struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = FilesView<'a>;
}

impl FilesView<'_> {
    /// The handle of a descriptor in `/tmp`; `None` if the descriptor is Wasmtime's.
    fn tmp(&self, descriptor: &Resource<types::Descriptor>) -> Option<&tmp::Handle> {
        self.host.table.get(&Resource::new_borrow(descriptor.rep())).ok()
    }

    /// Creates a descriptor of `/tmp`, which looks like any other to the guest.
    fn push(&mut self, handle: tmp::Handle) -> Result<Resource<types::Descriptor>, ResourceTableError> {
        Ok(Resource::new_own(self.host.table.push(handle)?.rep()))
    }
}

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<types::Descriptor>, String)>> {
        let mut directories = preopens::Host::get_directories(&mut self.host)?;
        self.files.held += directories.len();
        if let Some(root) = self.files.tmp.as_ref().map(Tmp::root) {
            directories.push((self.push(root)?, TMP.to_owned()));
        }
        self.files.missed.directories |= directories.is_empty();
        Ok(directories)
    }
}

impl types::Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        use types::ErrorCode::{Access, NotPermitted, ReadOnly};
        let code = self.host.convert_error_code(error)?;
        self.files.missed.permission |= matches!(code, Access | NotPermitted | ReadOnly);
        Ok(code)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        self.host.filesystem_error_code(error)
    }
}

#[cfg(test)]
mod tests;
