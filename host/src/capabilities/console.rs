//! A guest's stdout and stderr: lines become log records, up to a limit (G10.8).
//!
//! Output that a guest prints before its event is known, while its sandbox is prepared, is kept until then.
//! The text of a panic is extracted, for the error that the caller gets. The record about that error has the text, so
//! its lines have no records of their own, unless the event ends in another way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime_wasi::cli::StdoutStream;
use wasmtime_wasi::p2::StreamResult;

use crate::capabilities::output::{Output, Sink};
use crate::log::{Level, Log, Scope};

/// The most that is kept of a panic's text.
const MAX_PANIC: usize = 16 * 1024;
/// The last line of Rust's panics and failed allocations. It has no record: a handler has no such variable.
const NOTE: &[u8] = b"note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
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
    panic: Option<Panic>,
    /// The end of stderr, for a command: the text of its error.
    tail: Option<Vec<u8>>,
}

/// The last text that begins as Rust begins a panic.
#[derive(Debug)]
struct Panic {
    /// Its lines, beginning with the first.
    text: Vec<u8>,
    /// Whether its lines have no records yet.
    is_held: bool,
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
        Output(Stream { console: self.clone(), kind: Kind::Stdout })
    }

    /// The stream for a guest's stderr.
    pub fn stderr(&self) -> impl StdoutStream + 'static {
        Output(Stream { console: self.clone(), kind: Kind::Stderr })
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

    /// Writes unfinished lines.
    pub fn finish(&self) {
        let mut shared = self.lock();
        for kind in [Kind::Stdout, Kind::Stderr] {
            let rest = std::mem::take(shared.partial(kind));
            if !rest.is_empty() {
                shared.line(kind, &rest);
            }
        }
    }

    /// Writes what is left: a panic, unless the record about the event's error has its text, and a record about
    /// dropped output.
    pub fn end(&self, panic_is_reported: bool) {
        let mut shared = self.lock();
        if !panic_is_reported {
            shared.tell_panic();
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
        self.lock().panic.as_ref().map(|panic| String::from_utf8_lossy(&panic.text).into_owned())
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
                if line == NOTE || self.look_for_panic(line) {
                    return;
                }
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

    /// Keeps the last panic's lines, beginning with the line that Rust starts it with. Returns whether the line waits
    /// for the end of the event.
    fn look_for_panic(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b"thread '") && contains(line, b" panicked at ") {
            self.tell_panic();
            let is_held = line.len() <= MAX_PANIC;
            self.panic = Some(Panic { text: line[..line.len().min(MAX_PANIC)].to_owned(), is_held });
            return is_held;
        }
        match &mut self.panic {
            Some(panic) if panic.text.len() + line.len() < MAX_PANIC => {
                panic.text.push(b'\n');
                panic.text.extend_from_slice(line);
                panic.is_held
            }
            Some(_) => {
                self.tell_panic();
                false
            }
            None => false,
        }
    }

    /// Writes the lines of a panic that have no records yet.
    fn tell_panic(&mut self) {
        let Some(panic) = self.panic.as_mut().filter(|panic| panic.is_held) else { return };
        panic.is_held = false;
        let text = panic.text.clone();
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.for_each(|line| self.put(Level::Error, line));
    }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// One of the two streams. It takes everything and never fails: a handler must not panic because it prints too much.
#[derive(Debug, Clone)]
struct Stream {
    console: Console,
    kind: Kind,
}

impl Sink for Stream {
    fn take(&self, bytes: &[u8]) -> StreamResult<()> {
        self.console.write(self.kind, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
