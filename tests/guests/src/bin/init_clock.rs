//! Its `init` looks at the clock. Each event tells what it saw.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

static MADE: LazyLock<Option<Duration>> = LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).ok());

#[bulkhead::init]
fn init() {
    LazyLock::force(&MADE);
}

#[bulkhead::handler]
fn made() -> Option<u64> {
    MADE.map(|made| made.as_secs())
}

fn main() {}
