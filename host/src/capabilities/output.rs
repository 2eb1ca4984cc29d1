//! A guest's stdout or stderr as a stream of WASI. It is never a terminal and always ready, and a guest may
//! write at most what `check-write` permits.

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::capabilities::checked_writes::CheckedWrites;

/// The most that a guest may write in one call; its own buffers are smaller.
pub const PERMIT: usize = 64 * 1024;

/// Receives everything that a guest writes to one of its streams.
pub trait Sink: Clone + Send + Sync + 'static {
    /// Receives the bytes of one write.
    ///
    /// # Errors
    /// The reason for which the guest is stopped, or may not write more.
    fn take(&self, bytes: &[u8]) -> StreamResult<()>;
}

/// The stream that writes to a sink.
#[derive(Debug, Clone)]
pub struct Output<S>(pub S);

impl<S> IsTerminal for Output<S> {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl<S: Sink> StdoutStream for Output<S> {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3, which is not linked, calls this.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(CheckedWrites(self.clone()))
    }
}

#[async_trait]
impl<S: Sink> Pollable for Output<S> {
    async fn ready(&mut self) {}
}

impl<S: Sink> OutputStream for Output<S> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.take(&bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}
