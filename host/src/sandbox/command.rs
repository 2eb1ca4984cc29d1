//! The event and the answer of a command: its stdin, its stdout, and its exit code.
//!
//! The streams exist before the event does. Its stderr is handled by [`crate::capabilities::console`], as for
//! every guest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncRead;
use wasmtime::Store;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

use crate::capabilities::State;
use crate::capabilities::output::{Collected, Output};

/// The input and the output of a command.
#[derive(Debug, Clone)]
pub(super) struct Pipes {
    stdin: Stdin,
    stdout: Collected,
}

/// The unread rest of the event. All streams of it share one position.
#[derive(Debug, Clone, Default)]
struct Stdin(Arc<Mutex<Bytes>>);

impl Pipes {
    /// For a response of at most this many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { stdin: Stdin::default(), stdout: Collected::new(limit) }
    }

    pub(super) fn stdin(&self) -> impl StdinStream + 'static {
        self.stdin.clone()
    }

    pub(super) fn stdout(&self) -> impl StdoutStream + 'static {
        Output(self.stdout.clone())
    }

    /// Runs a command on an event. Returns its exit code and its output.
    pub(super) async fn run(
        &self,
        command: &Command,
        store: &mut Store<State>,
        event: Bytes,
    ) -> wasmtime::Result<(i32, Vec<u8>)> {
        *lock(&self.stdin.0) = event;
        let code = match command.wasi_cli_run().call_run(store).await {
            Ok(Ok(())) => 0,
            // The exit codes that a shell would see.
            Ok(Err(())) => 1,
            Err(error) => match error.downcast_ref() {
                Some(I32Exit(code)) => *code,
                None => return Err(error),
            },
        };
        Ok((code, self.stdout.take_all()))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IsTerminal for Stdin {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Stdin {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        // Only WASI 0.3, which is not linked, calls this.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Stdin {
    async fn ready(&mut self) {}
}

impl InputStream for Stdin {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut rest = lock(&self.0);
        if rest.is_empty() {
            return Err(StreamError::Closed);
        }
        let size = size.min(rest.len());
        Ok(rest.split_to(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_streams_of_stdin_read_one_event() {
        let stdin = Stdin::default();
        let (mut first, mut second) = (stdin.p2_stream(), stdin.p2_stream());
        assert!(matches!(first.read(1), Err(StreamError::Closed)), "there is no event yet");
        *lock(&stdin.0) = Bytes::from_static(b"event");
        assert_eq!(first.read(2).unwrap(), "ev");
        assert_eq!(second.read(usize::MAX).unwrap(), "ent");
        assert!(matches!(first.read(1), Err(StreamError::Closed)));
    }
}
