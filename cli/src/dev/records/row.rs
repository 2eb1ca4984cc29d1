//! One event as a row of a list, small enough to be sent again with each change.

use std::time::UNIX_EPOCH;

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
    usage: Option<Usage>,
}

/// The figures of the receipt.
#[derive(Debug, PartialEq, Serialize)]
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
            tenant_id: record.tenant_id.as_deref().map(cut),
            received: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            queue_ms: record.queue_ms,
            answered_ms: record.answered_ms,
            outcome: record.outcome.as_deref().map(cut),
            is_complete: record.is_complete,
            denials: record.denials.len(),
            usage: record.receipt.as_ref().map(|receipt| Usage {
                queue_ms: receipt.queue_ms,
                setup_ms: receipt.setup_ms,
                wall_ms: receipt.wall_ms,
                cpu_ms: receipt.cpu_ms,
                peak_memory_bytes: receipt.peak_memory_bytes,
                outbound_requests: receipt.outbound_requests,
                outbound_ms: receipt.outbound_ms,
            }),
        }
    }
}

fn cut(name: &str) -> String {
    let end = name.floor_char_boundary(LONGEST_NAME);
    if end == name.len() { name.to_owned() } else { format!("{}…", &name[..end]) }
}
