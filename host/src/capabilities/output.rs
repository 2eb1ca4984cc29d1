//! A guest's output that the host takes at once, as a stream of WASI: stdout, stderr, a response that is sent as a whole. It is
//! never a terminal and always ready, and a guest may write at most what `check-write` permits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::capabilities::checked_writes::CheckedWrites;
use crate::capabilities::limits::Exceeded;
use crate::policy::Limit;

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

/// A response that is sent as a whole, so far.
#[derive(Debug, Clone)]
pub(crate) struct Collected {
    /// `None` once it was taken: a sandbox may go on with another event, and a stream of this one must keep nothing then.
    written: Arc<Mutex<Option<Vec<u8>>>>,
    limit: usize,
    is_kept: bool,
}

impl Collected {
    /// A response of at most this many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { written: Arc::new(Mutex::new(Some(Vec::new()))), limit, is_kept: true }
    }

    /// It, or one that is written for nothing, because the response has no body.
    pub(crate) fn kept(self, is_kept: bool) -> Self {
        Self { is_kept, ..self }
    }

    /// What was written. Nothing more can be.
    pub(crate) fn take_all(&self) -> Vec<u8> {
        self.lock().take().unwrap_or_default()
    }

    /// A stream that writes it.
    pub(crate) fn stream(self) -> Box<dyn OutputStream> {
        Output(self).p2_stream()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Collected {
    /// A response that is too large ends the guest: the rest of it could not be sent.
    fn take(&self, bytes: &[u8]) -> StreamResult<()> {
        if !self.is_kept {
            return Ok(());
        }
        let mut open = self.lock();
        let Some(written) = open.as_mut() else { return Err(StreamError::Closed) };
        if bytes.len() > self.limit.saturating_sub(written.len()) {
            let allowed = u64::try_from(self.limit).unwrap_or(u64::MAX);
            return Err(StreamError::Trap(Exceeded { limit: Limit::Response, allowed }.into()));
        }
        written.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_was_taken_takes_nothing_more() {
        let response = Collected::new(5);
        let mut stream = response.clone().stream();
        stream.write(Bytes::from_static(b"one")).unwrap();
        assert_eq!(response.take_all(), b"one");
        assert!(matches!(stream.write(Bytes::from_static(b"two")), Err(StreamError::Closed)));
        assert_eq!(response.take_all(), b"");
    }

    #[test]
    fn a_response_takes_as_much_as_it_may_have() {
        let response = Collected::new(5);
        let mut stream = response.clone().stream();
        stream.write(Bytes::from_static(b"four")).unwrap();
        stream.write(Bytes::from_static(b"5")).unwrap();
        let Err(StreamError::Trap(error)) = stream.write(Bytes::from_static(b"6")) else {
            panic!("there was room for more")
        };
        let exceeded: &Exceeded = error.downcast_ref().unwrap();
        assert_eq!((exceeded.limit, exceeded.allowed), (Limit::Response, 5));
        assert_eq!(response.take_all(), b"four5");
    }

    #[test]
    fn a_response_takes_no_more_in_one_call_than_it_permits() {
        let response = Collected::new(1 << 20);
        let mut stream = response.clone().stream();
        assert!(matches!(stream.write(vec![0; PERMIT + 1].into()), Err(StreamError::Trap(_))));
        stream.write(vec![0; PERMIT].into()).unwrap();
        assert_eq!(response.take_all().len(), PERMIT);
    }

    #[test]
    fn a_response_without_a_body_takes_what_is_written_and_keeps_nothing() {
        let response = Collected::new(0);
        let mut stream = response.clone().kept(false).stream();
        stream.write(Bytes::from_static(b"a body")).unwrap();
        assert_eq!(response.take_all(), b"");
    }
}
