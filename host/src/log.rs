//! The log: every record that leaves the process, of the host and of guests.
//!
//! A record is one line (G10.1, G10.5): a guest's text must not be able to start a second one, to look like
//! the record of another invocation, or to control a terminal; [`crate::text::printable`] implements this.
//! Nothing else may write to stdout or stderr.
//!
//! May use: text.

mod guest_line;
mod record;

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::text::bounded::cut;
use record::{FRAME, Message, frame, json_record, text_record};

/// The settings for records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// `AWS_LAMBDA_LOG_FORMAT`.
    pub format: Format,
    /// `AWS_LAMBDA_LOG_LEVEL`: records below it are dropped.
    pub level: Level,
    /// `_LAMBDA_TELEMETRY_LOG_FD`: a descriptor for framed records (G10.6).
    pub telemetry_fd: Option<u32>,
    /// Whether receipts may wait until the thread that writes them has nothing else to do, because the environment is
    /// not frozen between events (L8.4).
    pub batches: bool,
}

/// The format of records (`AWS_LAMBDA_LOG_FORMAT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Separated by tabs: time, request id, level, message.
    Text,
    /// One JSON object per line.
    Json,
}

/// The importance of a record (`AWS_LAMBDA_LOG_LEVEL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Every step.
    Trace,
    /// For debugging.
    Debug,
    /// The normal course of events.
    Info,
    /// Something is unusual, but the event continued.
    Warn,
    /// An event failed.
    Error,
    /// The process ends.
    Fatal,
}

impl Level {
    /// The level of this name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal]
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The bits of a telemetry frame's type (G10.6).
    fn frame_bits(self) -> u32 {
        match self {
            Self::Trace => 0x04,
            Self::Debug => 0x08,
            Self::Info => 0x0c,
            Self::Warn => 0x10,
            Self::Error => 0x14,
            Self::Fatal => 0x18,
        }
    }
}

/// The subject of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The invocation; `None` while the process starts or waits.
    pub request_id: Option<Arc<str>>,
    /// The tenant of the invocation.
    pub tenant_id: Option<Arc<str>>,
}

/// The error that a record reports, in addition to its message.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// As the caller sees it.
    pub error_type: &'a str,
    /// As the caller sees it.
    pub error_message: &'a str,
    /// As the caller sees it.
    pub stack_trace: &'a [String],
}

/// The result of logging a line that a guest printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The size of its record, including its end; 0 if there is none.
    pub written: usize,
    /// How much of the line is in the record, in bytes, or would be at another level.
    pub of_line: usize,
}

/// The end of a record.
const END: usize = "\n".len();

/// Writes records.
#[derive(Debug)]
pub struct Log {
    format: Format,
    level: Level,
    batches: bool,
    /// `None`: stdout.
    telemetry: Option<Mutex<File>>,
    /// The records of a log that is not written.
    #[cfg(feature = "compiler")]
    kept: Option<Mutex<Vec<String>>>,
}

thread_local! {
    /// The lines of this thread that are not written yet.
    static WAITING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The size of the lines that may wait on a thread: half of what a pipe takes at once.
const MOST_WAITING: usize = 32 * 1024;

impl Log {
    /// A log with these settings.
    pub fn new(settings: &LogSettings) -> Self {
        // Opened again by path, because taking over a descriptor would be unsafe; a descriptor that cannot be
        // opened for writing means stdout, silently (G10.6).
        let telemetry = settings
            .telemetry_fd
            .and_then(|fd| File::options().append(true).open(format!("/proc/self/fd/{fd}")).ok());
        Self {
            format: settings.format,
            level: settings.level,
            batches: settings.batches,
            telemetry: telemetry.map(Mutex::new),
            #[cfg(feature = "compiler")]
            kept: None,
        }
    }

    /// A log that keeps its records, in JSON, until they are [taken](Self::take).
    #[cfg(feature = "compiler")]
    pub fn kept() -> Self {
        let settings =
            LogSettings { format: Format::Json, level: Level::Trace, telemetry_fd: None, batches: false };
        Self { kept: Some(Mutex::default()), ..Self::new(&settings) }
    }

    /// The records that were kept since the last call.
    #[cfg(feature = "compiler")]
    pub fn take(&self) -> Vec<String> {
        let kept = self.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    /// Whether records of this level are written.
    pub fn writes(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Writes a message of the host.
    pub fn record(&self, level: Level, scope: &Scope, text: &str) {
        self.write(level, scope, Message::Text(text));
    }

    /// Writes the part of a guest's line that fits, including the overhead of its record.
    ///
    /// A line that is a JSON object with a `level` has that level. In JSON format the object becomes the
    /// message. In text format, an object that also has a `message` becomes this message and its other fields.
    /// It cannot set another invocation or tenant.
    pub fn record_guest_line(&self, level: Level, scope: &Scope, line: &str, room: usize) -> Recorded {
        let written = self.record_object(level, scope, line, room);
        written.map_or_else(
            || self.cut_line(level, scope, line, room),
            |written| Recorded { written, of_line: line.len() },
        )
    }

    /// Writes a line that is a JSON object, if the object has something to say about its record, and if it
    /// fits.
    fn record_object(&self, level: Level, scope: &Scope, line: &str, room: usize) -> Option<usize> {
        if !line.trim_start().starts_with('{') || !is_one_line(line) {
            return None;
        }
        match self.format {
            Format::Json => {
                let object = serde_json::from_str::<&RawValue>(line).ok()?;
                let level = guest_line::level(line).unwrap_or(level);
                self.write_within(level, scope, Message::Object(object), room)
            }
            Format::Text => {
                let text = guest_line::text(line)?;
                self.write_within(guest_line::level(line)?, scope, Message::Text(&text), room)
            }
        }
    }

    /// Writes a line as text, for a line that is not JSON or that has to be cut.
    fn cut_line(&self, level: Level, scope: &Scope, line: &str, room: usize) -> Recorded {
        let mut text = line;
        while !text.is_empty() {
            if let Some(written) = self.write_within(level, scope, Message::Text(text), room) {
                return Recorded { written, of_line: text.len() };
            }
            let empty = self.record_of(level, scope, Message::Text("")).1.len() + END;
            let room = room.saturating_sub(empty);
            // Escaped text is several times as long. The next attempt shows how long.
            text = cut(text, if room < text.len() { room } else { text.len() * 3 / 4 });
        }
        Recorded { written: 0, of_line: 0 }
    }

    /// Logs that an event failed, with the error that the caller gets (G10.9).
    pub fn record_failure(&self, scope: &Scope, failure: Failure<'_>) {
        self.write(Level::Error, scope, Message::Failure(failure));
    }

    /// Writes the receipt of an event, at any level; it is one line of JSON already.
    pub fn record_receipt(&self, line: String) {
        if !self.batches || self.telemetry.is_some() {
            return self.put(Format::Json, Level::Info, SystemTime::now(), line);
        }
        let waiting = WAITING.with_borrow_mut(|waiting| {
            waiting.extend_from_slice(line.as_bytes());
            waiting.push(b'\n');
            waiting.len()
        });
        if waiting >= MOST_WAITING {
            self.flush();
        }
    }

    /// Writes the receipts of this thread that wait, and returns whether there were any. Call this when the
    /// thread has nothing else to do.
    pub fn flush(&self) -> bool {
        WAITING.with_borrow_mut(|waiting| {
            let has_any = !waiting.is_empty();
            if has_any {
                write_out(waiting);
                waiting.clear();
            }
            has_any
        })
    }

    fn write(&self, level: Level, scope: &Scope, message: Message<'_>) {
        self.write_within(level, scope, message, usize::MAX);
    }

    /// Writes a record if it fits, and returns its size; 0 if its level is not logged.
    fn write_within(&self, level: Level, scope: &Scope, message: Message<'_>, room: usize) -> Option<usize> {
        if !self.writes(level) {
            return Some(0);
        }
        let (now, record) = self.record_of(level, scope, message);
        let length = record.len() + END;
        if length > room {
            return None;
        }
        self.put(self.format, level, now, record);
        Some(length)
    }

    fn record_of(&self, level: Level, scope: &Scope, message: Message<'_>) -> (SystemTime, String) {
        let now = SystemTime::now();
        let record = match self.format {
            Format::Text => text_record(now, level, scope, message),
            Format::Json => json_record(now, level, scope, message),
        };
        (now, record)
    }

    fn put(&self, format: Format, level: Level, now: SystemTime, mut record: String) {
        #[cfg(feature = "compiler")]
        if let Some(kept) = &self.kept {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(record);
            return;
        }
        // A log that cannot be written is no reason to fail an event, so errors are ignored here.
        match &self.telemetry {
            Some(file) => {
                let frame = frame(format, level, now, record.as_bytes());
                let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame);
            }
            None => {
                record.push('\n');
                // Records are written in the order in which they were made.
                self.flush();
                write_out(record.as_bytes());
            }
        }
    }
}

/// Writes whole lines to stdout, in one piece.
fn write_out(lines: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(lines).and_then(|()| stdout.flush());
}

/// Whether nothing between the strings of the JSON, where nothing is escaped, ends a line.
fn is_one_line(json: &str) -> bool {
    !json.bytes().any(|byte| byte < b' ' && byte != b'\t')
}

/// A text record for people: each frame on a line of its own. The lines are not yet safe for a terminal.
pub fn on_lines(record: &str) -> String {
    record.replace(FRAME, &FRAME.replace('\r', "\n"))
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
