//! Counts the events that this instance has seen.

use std::sync::atomic::{AtomicU32, Ordering};

static SEEN: AtomicU32 = AtomicU32::new(0);

#[bulkhead::handler]
fn state() -> u32 {
    SEEN.fetch_add(1, Ordering::Relaxed) + 1
}

fn main() {}
