//! The log: every record that leaves the process, of the host and of guests alike.
//!
//! A record is one line (G10.1, G10.5): text in a guest's hands must not be able to start a second one, to
//! look like another invocation's, or to speak to a terminal. Nothing else may write to stdout or stderr.

mod record;

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::LogSettings;
use record::{Message, frame, json_record, text_record};
pub(crate) use record::{printable, steers};

/// How records look (`AWS_LAMBDA_LOG_FORMAT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tab-separated: time, request id, level, message.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much a record matters (`AWS_LAMBDA_LOG_LEVEL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Every step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// The ordinary course of things.
    Info,
    /// Something is odd, but the event went on.
    Warn,
    /// An event failed.
    Error,
    /// The process ends.
    Fatal,
}

impl Level {
    /// The level of that name, in any case.
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

/// Whom a record is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The invocation; none while the process starts or waits.
    pub request_id: Option<String>,
    /// The tenant of the invocation.
    pub tenant_id: Option<String>,
}

/// The error that a record reports, beside its message.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// As the caller sees it.
    pub error_type: &'a str,
    /// As the caller sees it.
    pub error_message: &'a str,
    /// As the caller sees it.
    pub stack_trace: &'a [String],
}

/// Writes records.
#[derive(Debug)]
pub struct Log {
    format: Format,
    level: Level,
    /// None: stdout.
    telemetry: Option<Mutex<File>>,
}

impl Log {
    /// A log as the environment wants it.
    pub fn new(settings: &LogSettings) -> Self {
        // Opened anew, by path, so that no descriptor is taken over unsafely; a descriptor that cannot be
        // opened for writing means stdout, silently (G10.6).
        let telemetry = settings
            .telemetry_fd
            .and_then(|fd| File::options().append(true).open(format!("/proc/self/fd/{fd}")).ok());
        Self { format: settings.format, level: settings.level, telemetry: telemetry.map(Mutex::new) }
    }

    /// Records what the host has to say.
    pub fn record(&self, level: Level, scope: &Scope, text: &str) {
        self.write(level, scope, Message::Text(text));
    }

    /// Records a line that a guest printed.
    ///
    /// In JSON format, a line that is a JSON object stays one: it becomes the message, and its `level`, if
    /// it has one, the level of the record. It cannot name another invocation or tenant.
    pub fn record_guest_line(&self, level: Level, scope: &Scope, line: &str) {
        if self.format == Format::Json && line.trim_start().starts_with('{') && !line.contains(steers) {
            #[derive(serde::Deserialize)]
            struct Leveled<'a> {
                #[serde(borrow)]
                level: Option<Cow<'a, str>>,
            }
            if let Ok(object) = serde_json::from_str::<&RawValue>(line) {
                let named = serde_json::from_str::<Leveled<'_>>(line).ok().and_then(|line| line.level);
                let level = named.and_then(|name| Level::parse(&name)).unwrap_or(level);
                return self.write(level, scope, Message::Object(object));
            }
        }
        self.write(level, scope, Message::Text(line));
    }

    /// Records that an event failed, with what the caller is told (G10.9).
    pub fn record_failure(&self, scope: &Scope, failure: Failure<'_>) {
        self.write(Level::Error, scope, Message::Failure(failure));
    }

    /// Writes the receipt of an event, whatever the level; it is one line of JSON already.
    pub fn record_receipt(&self, line: &str) {
        self.put(Format::Json, Level::Info, SystemTime::now(), line.to_owned());
    }

    fn write(&self, level: Level, scope: &Scope, message: Message<'_>) {
        if level < self.level {
            return;
        }
        let now = SystemTime::now();
        let record = match self.format {
            Format::Text => text_record(now, level, scope, message),
            Format::Json => json_record(now, level, scope, message),
        };
        self.put(self.format, level, now, record);
    }

    fn put(&self, format: Format, level: Level, now: SystemTime, mut record: String) {
        // A log that cannot be written is no reason to fail an event, so errors end here.
        match &self.telemetry {
            Some(file) => {
                let frame = frame(format, level, now, record.as_bytes());
                let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame);
            }
            None => {
                record.push('\n');
                let mut stdout = std::io::stdout().lock();
                let _ = stdout.write_all(record.as_bytes()).and_then(|()| stdout.flush());
            }
        }
    }
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
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_named() {
        assert!(Level::Trace < Level::Debug && Level::Error < Level::Fatal);
        assert_eq!(Level::parse("Fatal"), Some(Level::Fatal));
        assert_eq!(Level::parse("off"), None);
    }
}
