//! Streams of files: a position in a file, without data that is read ahead or still to be written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::tmp::Handle;

/// The most that is read or written in one call, as with Wasmtime's own files.
const PIECE: usize = 64 * 1024;

/// Reads a file from a position on.
#[derive(Debug)]
pub(super) struct Reader {
    source: Source,
    position: u64,
}

/// The file that is read.
#[derive(Debug)]
pub(super) enum Source {
    Tmp(Handle),
    /// A file of the task root, and the counter of open ones.
    TaskRoot(Arc<File>, #[expect(dead_code, reason = "held to be counted")] Arc<()>),
}

impl Source {
    fn read(&self, position: u64, len: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Tmp(handle) => {
                handle.read(position, len.try_into().unwrap_or(u64::MAX)).map_err(system_error)
            }
            // On this thread, like all other work on the task root.
            Self::TaskRoot(file, _) => {
                let mut bytes = vec![0; len];
                let len = file.read_at(&mut bytes, position)?;
                bytes.truncate(len);
                Ok(bytes)
            }
        }
    }
}

impl Reader {
    pub(super) fn new(source: Source, position: u64) -> Self {
        Self { source, position }
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.source.read(self.position, size.min(PIECE)).map_err(failed)?;
        if bytes.is_empty() {
            return Err(StreamError::Closed);
        }
        self.position = self.position.saturating_add(bytes.len().try_into().unwrap_or(u64::MAX));
        Ok(bytes.into())
    }
}

/// Writes a file of `/tmp`. Written data is visible at once; after the first failure the stream is closed.
#[derive(Debug)]
pub(super) struct Writer {
    handle: Handle,
    /// `None` if it appends to the file.
    position: Option<u64>,
    closed: bool,
}

impl Writer {
    pub(super) fn at(handle: Handle, position: u64) -> Self {
        Self { handle, position: Some(position), closed: false }
    }

    pub(super) fn at_end(handle: Handle) -> Self {
        Self { handle, position: None, closed: false }
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check_write()?;
        let written = match self.position {
            Some(position) => self.handle.write(position, &bytes),
            None => self.handle.append(&bytes),
        };
        written.map_err(|code| {
            self.closed = true;
            failed(system_error(code))
        })?;
        let len = bytes.len().try_into().unwrap_or(u64::MAX);
        self.position = self.position.map(|position| position.saturating_add(len));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_write().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.closed { Err(StreamError::Closed) } else { Ok(PIECE) }
    }
}

fn failed(error: io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}

/// The error that Wasmtime converts back to this code when a guest asks for it. A stream is made only of a
/// file that can be read or written, so the only error to report is a lack of space. Not every guest asks:
/// the C library of Rust's `wasm32-wasip2` reports every failure of a stream as an I/O error.
fn system_error(code: ErrorCode) -> io::Error {
    if code == ErrorCode::InsufficientSpace {
        rustix::io::Errno::NOSPC.into()
    } else {
        io::Error::other(code)
    }
}
