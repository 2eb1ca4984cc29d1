//! The ids of requests, which are unique for as long as the command runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives each event an id that looks like a UUID.
#[derive(Debug)]
pub(in crate::dev) struct RequestIds {
    started: u64,
    last: AtomicU64,
}

impl RequestIds {
    pub(in crate::dev) fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { started: started & 0xffff_ffff, last: AtomicU64::new(0) }
    }

    pub(in crate::dev) fn next(&self) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{:08x}-0000-4000-8000-{number:012x}", self.started)
    }
}
