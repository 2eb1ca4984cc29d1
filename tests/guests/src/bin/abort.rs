//! Traps without a panic.

use serde_json::Value;

#[inline(never)] // so that the stack trace has a name to show
fn give_up() -> Value {
    std::process::abort()
}

#[bulkhead::handler]
fn abort(event: Value) -> Value {
    if event == "ping" { event } else { give_up() }
}

fn main() {}
