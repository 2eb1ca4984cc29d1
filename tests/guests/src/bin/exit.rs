//! Exits with the code that the event says.

use serde_json::Value;

#[expect(clippy::disallowed_methods, clippy::exit, reason = "it is what this guest is for")]
#[bulkhead::handler]
fn exit(event: Value) -> Value {
    if event != "ping" {
        let code = event.as_i64().and_then(|code| code.try_into().ok()).unwrap_or(0);
        std::process::exit(code);
    }
    event
}

fn main() {}
