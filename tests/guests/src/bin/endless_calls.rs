//! Loops for ever, with a call to the host each time round.

use std::time::SystemTime;

use serde_json::Value;

#[bulkhead::handler]
fn endless_calls(event: Value) -> Value {
    if event != "ping" {
        loop {
            std::hint::black_box(SystemTime::now());
        }
    }
    event
}

fn main() {}
