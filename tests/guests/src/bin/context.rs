//! Answers with everything that its context holds.

use bulkhead::Context;

#[bulkhead::handler]
fn context(context: Context) -> Context {
    context
}

fn main() {}
