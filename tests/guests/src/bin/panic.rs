//! Panics with the event's `text`, repeated `times` times.

#![expect(clippy::panic, reason = "it is what this guest is for")]

use serde_json::Value;

#[inline(never)] // so that the stack trace has a name to show
fn founder(event: &Value) -> Value {
    let times = event["times"].as_u64().and_then(|times| times.try_into().ok());
    panic!("{}", event["text"].as_str().unwrap_or("no text").repeat(times.unwrap_or(1)))
}

#[bulkhead::handler]
fn panic(event: Value) -> Value {
    if event == "ping" {
        return event;
    }
    founder(&event)
}

fn main() {}
