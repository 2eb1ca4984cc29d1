//! Answers with the event, after reading it as JSON and writing it as JSON.

use serde_json::Value;

#[bulkhead::handler]
fn json(event: Value) -> Value {
    event
}

fn main() {}
