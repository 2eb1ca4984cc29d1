//! Its `init` reads an environment variable.

#![expect(clippy::disallowed_methods, reason = "it is what this guest is for")]

use std::sync::LazyLock;

static STAGE: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("STAGE").ok());

#[bulkhead::init]
fn init() {
    LazyLock::force(&STAGE);
}

#[bulkhead::handler]
fn stage() -> Option<String> {
    STAGE.clone()
}

fn main() {}
