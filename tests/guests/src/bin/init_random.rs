//! Its `init` makes a `HashMap`, which takes its keys from random bytes. Each event tells how a new one hashes.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

static NAMES: LazyLock<HashMap<u8, &str>> = LazyLock::new(|| HashMap::from([(1, "one")]));

#[bulkhead::init]
fn init() {
    LazyLock::force(&NAMES);
}

#[bulkhead::handler]
fn hash() -> u64 {
    RandomState::new().hash_one(NAMES.get(&1))
}

fn main() {}
