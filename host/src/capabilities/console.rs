//! A guest's stdout and stderr: lines become log records, up to a limit (G10.8).
//!
//! Output that a guest prints before its event is known, while its sandbox is prepared, is kept until then.
//! The text of a panic is extracted, for the error that the caller gets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::capabilities::checked_writes::CheckedWrites;
use crate::log::{Level, Log, Scope};

/// The most that a guest may write in one call; its own buffers are smaller.
const PERMIT: usize = 64 * 1024;
/// The most that is kept of a panic's text.
const MAX_PANIC: usize = 16 * 1024;
/// The size of the end of stderr that is kept.
const MAX_TAIL: usize = 2 * 1024;
/// A longer line becomes several records.
const MAX_LINE: usize = 32 * 1024;
/// The number of bytes that a waiting line counts in addition to its own: about the overhead of its record.
const WAITING: usize = 64;

/// The output of a sandbox.
#[derive(Debug, Clone)]
pub struct Console {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    log: Arc<Log>,
    /// `None` while the sandbox waits for its event.
    scope: Option<Scope>,
    kept: Vec<(Level, Vec<u8>)>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The remaining size of the records, in bytes.
    left: usize,
    /// The size of the waiting records.
    left_waiting: usize,
    /// The size of the written records.
    printed: usize,
    /// The number of the guest's own bytes.
    dropped: usize,
    panic: Option<Vec<u8>>,
    /// The end of stderr, for a command: the text of its error.
    tail: Option<Vec<u8>>,
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stdout,
    Stderr,
}

impl Console {
    /// A console for one sandbox, whose records may take `limit` bytes of the log.
    pub fn new(log: Arc<Log>, limit: usize) -> Self {
        let shared = Shared {
            log,
            scope: None,
            kept: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            left: limit,
            left_waiting: limit,
            printed: 0,
            dropped: 0,
            panic: None,
            tail: None,
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Keeps the end of stderr, even beyond the limit.
    #[must_use]
    pub fn with_tail(self) -> Self {
        self.lock().tail = Some(Vec::new());
        self
    }

    /// The stream for a guest's stdout.
    pub fn stdout(&self) -> impl StdoutStream + 'static {
        Stream { console: self.clone(), kind: Kind::Stdout }
    }

    /// The stream for a guest's stderr.
    pub fn stderr(&self) -> impl StdoutStream + 'static {
        Stream { console: self.clone(), kind: Kind::Stderr }
    }

    /// Forgets the output, for another event with this limit.
    pub fn renew(&self, limit: usize) {
        let mut shared = self.lock();
        (shared.left, shared.printed, shared.dropped, shared.panic) = (limit, 0, 0, None);
    }

    /// Sets the event. From now on, lines are written, beginning with the waiting ones.
    pub fn begin(&self, scope: Scope) {
        let mut shared = self.lock();
        shared.scope = Some(scope);
        for (level, line) in std::mem::take(&mut shared.kept) {
            shared.put(level, &line);
        }
    }

    /// Writes an unfinished line, and a record about dropped output.
    pub fn finish(&self) {
        let mut shared = self.lock();
        for kind in [Kind::Stdout, Kind::Stderr] {
            let rest = std::mem::take(shared.partial(kind));
            if !rest.is_empty() {
                shared.line(kind, &rest);
            }
        }
        if let (Some(scope), true) = (&shared.scope, shared.dropped > 0) {
            let text = format!(
                "truncated: the handler printed {} bytes more than its limit for logs, and they were dropped",
                shared.dropped
            );
            shared.log.record(Level::Warn, scope, &text);
        }
    }

    /// The size of its records in the log, and whether output was dropped because of the limit.
    pub fn printed(&self) -> (usize, bool) {
        let shared = self.lock();
        (shared.printed, shared.dropped > 0)
    }

    /// The message of the guest's panic, if there was one.
    pub fn panic_text(&self) -> Option<String> {
        self.lock().panic.as_deref().map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// The end of the guest's stderr, if it is kept.
    pub fn stderr_tail(&self) -> String {
        let shared = self.lock();
        let tail = shared.tail.as_deref().unwrap_or_default();
        String::from_utf8_lossy(&tail[tail.len().saturating_sub(MAX_TAIL)..]).trim().to_owned()
    }

    fn write(&self, kind: Kind, bytes: &[u8]) {
        let mut shared = self.lock();
        if kind == Kind::Stderr {
            shared.keep_tail(bytes);
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let mut line = std::mem::take(shared.partial(kind));
            line.extend_from_slice(&rest[..end]);
            shared.line(kind, &line);
            rest = &rest[end + 1..];
        }
        shared.partial(kind).extend_from_slice(rest);
        if shared.partial(kind).len() > MAX_LINE {
            let line = std::mem::take(shared.partial(kind));
            shared.line(kind, &line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn partial(&mut self, kind: Kind) -> &mut Vec<u8> {
        match kind {
            Kind::Stdout => &mut self.stdout,
            Kind::Stderr => &mut self.stderr,
        }
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let Some(tail) = &mut self.tail else { return };
        tail.extend_from_slice(&bytes[bytes.len().saturating_sub(MAX_TAIL)..]);
        if tail.len() > 8 * MAX_TAIL {
            tail.drain(..tail.len() - MAX_TAIL);
        }
    }

    fn line(&mut self, kind: Kind, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let level = match kind {
            Kind::Stdout => Level::Info,
            Kind::Stderr => {
                // This is done even beyond the limit, so that the panic of a handler that prints a lot is
                // reported.
                self.look_for_panic(line);
                Level::Error
            }
        };
        // Rust starts a panic with an empty line; a record without text would be useless.
        if line.is_empty() {
            return;
        }
        self.put(level, line);
    }

    /// Writes a line, or the part of it that fits; after that, nothing more.
    fn put(&mut self, level: Level, line: &[u8]) {
        if self.scope.is_none() {
            return self.keep(level, line);
        }
        let (Some(scope), 1..) = (&self.scope, self.left) else {
            self.dropped += line.len();
            return;
        };
        let text = String::from_utf8_lossy(line);
        let recorded = self.log.record_guest_line(level, scope, &text, self.left);
        self.printed += recorded.written;
        let rest = text.len() - recorded.of_line;
        self.dropped += rest;
        self.left = if rest > 0 { 0 } else { self.left - recorded.written };
    }

    /// Keeps a line until the event is known.
    fn keep(&mut self, level: Level, line: &[u8]) {
        match self.left_waiting.checked_sub(line.len() + WAITING) {
            Some(left) => {
                self.left_waiting = left;
                self.kept.push((level, line.to_owned()));
            }
            None => self.dropped += line.len(),
        }
    }

    /// Keeps the last panic's lines, beginning with the line that Rust starts it with.
    fn look_for_panic(&mut self, line: &[u8]) {
        let starts = line.starts_with(b"thread '") && contains(line, b" panicked at ");
        match &mut self.panic {
            _ if starts => self.panic = Some(line[..line.len().min(MAX_PANIC)].to_owned()),
            Some(panic) if panic.len() + line.len() < MAX_PANIC => {
                panic.push(b'\n');
                panic.extend_from_slice(line);
            }
            Some(_) | None => {}
        }
    }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// One of the two streams for WASI. It accepts everything at once and never fails: a handler must not panic
/// because it prints too much.
#[derive(Debug, Clone)]
struct Stream {
    console: Console,
    kind: Kind,
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3, which is not linked, calls this.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(CheckedWrites(self.clone()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.console.write(self.kind, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[cfg(test)]
mod tests;
