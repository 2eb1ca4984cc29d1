//! One event as a row of a list, small enough to be sent again with each change.

use std::time::UNIX_EPOCH;

use bulkhead_host::dispatch::receipt::Receipt;
use serde::Serialize;

use super::record::{Record, Way};

/// The longest name in a row, in bytes. The record has the whole name.
const LONGEST_NAME: usize = 256;

/// A row. Times are in milliseconds.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dev) struct Row {
    pub(in crate::dev) number: u64,
    request_id: String,
    function: String,
    way: Way,
    tenant_id: Option<String>,
    /// Since 1970.
    received: u64,
    queue_ms: Option<f64>,
    answered_ms: Option<f64>,
    outcome: Option<String>,
    is_complete: bool,
    denials: usize,
    /// The sum of its parts, if it is a batch that was split.
    usage: Option<Usage>,
    parts: Vec<Part>,
    /// How many parts it has in addition.
    more_parts: usize,
}

/// A part of a batch that was split.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    tenant_id: Option<String>,
    handler: Option<String>,
    outcome: String,
    records: Option<usize>,
    denials: usize,
    usage: Usage,
}

/// The figures of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    queue_ms: f64,
    setup_ms: f64,
    wall_ms: f64,
    cpu_ms: f64,
    peak_memory_bytes: usize,
    outbound_requests: u32,
    outbound_ms: f64,
}

impl Row {
    pub(super) fn of(record: &Record) -> Self {
        let since = record.received.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            number: record.number,
            request_id: record.request_id.clone(),
            function: cut(&record.function),
            way: record.way,
            tenant_id: tenant_id(record).map(cut),
            received: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            queue_ms: record.queue_ms,
            answered_ms: record.answered_ms,
            outcome: record.outcome.as_deref().map(cut),
            is_complete: record.is_complete,
            denials: record.denials.len(),
            usage: usage(record),
            parts: record.parts.iter().map(|receipt| Part::of(receipt, record)).collect(),
            more_parts: record.more_parts,
        }
    }
}

/// The tenant that the caller named, or that the event names. The parts of a batch have one each.
fn tenant_id(record: &Record) -> Option<&str> {
    let in_event = record.receipt.as_ref().filter(|receipt| receipt.records.is_none());
    record.tenant_id.as_deref().or_else(|| in_event?.tenant_id.as_deref())
}

/// The usage of an event. The parts of a batch run one after the other.
fn usage(record: &Record) -> Option<Usage> {
    let whole = record.receipt.as_ref().map(Usage::of)?;
    Some(record.parts.iter().map(Usage::of).reduce(Usage::then).unwrap_or(whole))
}

impl Part {
    fn of(receipt: &Receipt, record: &Record) -> Self {
        let tenant_id = receipt.tenant_id.as_deref();
        Self {
            tenant_id: tenant_id.map(cut),
            handler: receipt.handler.as_deref().map(cut),
            outcome: cut(&receipt.outcome),
            records: receipt.records,
            denials: record.denials.iter().filter(|denial| denial.tenant.as_deref() == tenant_id).count(),
            usage: Usage::of(receipt),
        }
    }
}

impl Usage {
    fn of(receipt: &Receipt) -> Self {
        Self {
            queue_ms: receipt.queue_ms,
            setup_ms: receipt.setup_ms,
            wall_ms: receipt.wall_ms,
            cpu_ms: receipt.cpu_ms,
            peak_memory_bytes: receipt.peak_memory_bytes,
            outbound_requests: receipt.outbound_requests,
            outbound_ms: receipt.outbound_ms,
        }
    }

    /// This part, and the next one. The first one's waiting time is that of the event.
    fn then(self, next: Self) -> Self {
        Self {
            queue_ms: self.queue_ms,
            setup_ms: self.setup_ms + next.setup_ms,
            wall_ms: self.wall_ms + next.wall_ms,
            cpu_ms: self.cpu_ms + next.cpu_ms,
            peak_memory_bytes: self.peak_memory_bytes.max(next.peak_memory_bytes),
            outbound_requests: self.outbound_requests.saturating_add(next.outbound_requests),
            outbound_ms: self.outbound_ms + next.outbound_ms,
        }
    }
}

fn cut(name: &str) -> String {
    let end = name.floor_char_boundary(LONGEST_NAME);
    if end == name.len() { name.to_owned() } else { format!("{}…", &name[..end]) }
}
