//! Its `init` asks for nothing. An event that is a name gets that variable, any other what a new `HashMap` hashes to.

#![expect(clippy::disallowed_methods, reason = "it is what this guest is for")]

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use serde_json::{Value, json};

static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| (0..100).map(|n| format!("word {n}")).collect());

#[bulkhead::init]
fn init() {
    LazyLock::force(&WORDS);
}

#[bulkhead::handler]
fn ask(event: Value) -> Value {
    match event.as_str() {
        Some(name) => json!(std::env::var(name).ok()),
        None => json!(RandomState::new().hash_one(&*WORDS)),
    }
}

fn main() {}
