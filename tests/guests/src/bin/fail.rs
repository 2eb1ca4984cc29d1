//! Fails with the `type` and `message` of the event.

use bulkhead::Diagnostic;
use serde_json::Value;

#[bulkhead::handler]
fn fail(event: Value) -> Result<Value, Diagnostic> {
    if event == "ping" {
        return Ok(event);
    }
    let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    Err(Diagnostic { error_type: text("type"), error_message: text("message") })
}

fn main() {}
