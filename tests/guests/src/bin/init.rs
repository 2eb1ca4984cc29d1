//! Answers with a square, whether the table of squares was there before the event, and how many events there were.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

static EVENTS: AtomicU32 = AtomicU32::new(0);
static AHEAD: LazyLock<bool> = LazyLock::new(|| EVENTS.load(Ordering::Relaxed) == 0);
static SQUARES: LazyLock<BTreeMap<u64, u64>> = LazyLock::new(|| (0..1000).map(|n| (n, n * n)).collect());

#[bulkhead::init]
fn init() {
    LazyLock::force(&SQUARES);
    LazyLock::force(&AHEAD);
}

#[bulkhead::handler]
fn square(n: u64) -> (Option<u64>, bool, u32) {
    let events = EVENTS.fetch_add(1, Ordering::Relaxed) + 1;
    (SQUARES.get(&n).copied(), *AHEAD, events)
}

fn main() {}
