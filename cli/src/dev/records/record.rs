//! The record of one event.

use std::time::{Instant, SystemTime};

use bulkhead_host::dispatch::receipt::Receipt;
use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::denial::Denial;
use crate::local::events::EnvironmentId;

/// The way by which an event arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(in crate::dev) enum Way {
    RequestResponse,
    Event,
    ResponseStream,
    FunctionUrl,
}

/// One event.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dev) struct Record {
    /// The number of the event, from 1.
    pub(in crate::dev) number: u64,
    pub(in crate::dev) request_id: String,
    pub(in crate::dev) function: String,
    pub(in crate::dev) way: Way,
    pub(in crate::dev) tenant_id: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    pub(in crate::dev) received: SystemTime,
    /// The time until an environment took it.
    pub(in crate::dev) queue_ms: Option<f64>,
    /// The time until the whole response was there.
    pub(in crate::dev) answered_ms: Option<f64>,
    /// `Replied`, or the type of the error. `None` while the event is in flight.
    pub(in crate::dev) outcome: Option<String>,
    pub(in crate::dev) bytes_in: usize,
    pub(in crate::dev) bytes_out: usize,
    /// The event as text, unless it is too large.
    #[serde(serialize_with = "text")]
    pub(in crate::dev) event: Option<Bytes>,
    pub(in crate::dev) log: Vec<String>,
    pub(in crate::dev) receipt: Option<Receipt>,
    /// The receipts of its first parts, if it is a batch that was split.
    pub(in crate::dev) parts: Vec<Receipt>,
    /// How many parts it has in addition.
    pub(in crate::dev) more_parts: usize,
    /// Whether the environment has finished with it, so nothing more will be printed.
    pub(in crate::dev) is_complete: bool,
    /// Whether the event, its response, its log and its denials were dropped to make room for newer events.
    pub(in crate::dev) is_given_up: bool,
    /// The response as text, or the error as JSON, unless it is too large.
    #[serde(serialize_with = "text")]
    pub(in crate::dev) response: Option<Bytes>,
    /// What the handler tried and was denied.
    pub(in crate::dev) denials: Vec<Denial>,
    #[serde(skip)]
    pub(super) started: Instant,
    #[serde(skip)]
    pub(super) environment: Option<EnvironmentId>,
    #[serde(skip)]
    pub(super) log_bytes: usize,
    /// The bytes of the event, its response, its log and its denials.
    #[serde(skip)]
    pub(super) bytes: usize,
    /// The number of its last change.
    #[serde(skip)]
    pub(super) revision: u64,
}

impl Record {
    /// The time since it arrived.
    pub(super) fn age_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    /// Drops the event, its response, its log and its denials, and returns how many bytes they had.
    pub(super) fn give_up(&mut self) -> usize {
        self.is_given_up = true;
        self.event = None;
        self.response = None;
        self.log = Vec::new();
        self.denials = Vec::new();
        self.more_parts += self.parts.len();
        self.parts = Vec::new();
        std::mem::take(&mut self.bytes)
    }
}

/// The longest name of a tenant or an error that is kept. Lambda has no longer ones.
const LONGEST_NAME: usize = 1024;

pub(super) fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(LONGEST_NAME)].to_owned()
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

fn text<S: Serializer>(bytes: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes)).serialize(serializer)
}
