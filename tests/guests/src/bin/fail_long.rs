//! Fails with a message of so many bytes as the event says.

use bulkhead::Diagnostic;

#[bulkhead::handler]
fn fail_long(length: usize) -> Result<(), Diagnostic> {
    Err(Diagnostic { error_type: "Long".into(), error_message: "é".repeat(length / 2) })
}

fn main() {}
