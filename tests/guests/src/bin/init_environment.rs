//! Its `init` reads an environment variable.

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
