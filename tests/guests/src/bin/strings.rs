//! Hands the host a text of so many MiB as the event says, as the message of an error.

use bulkhead::Diagnostic;

#[bulkhead::handler]
fn strings(mebibytes: usize) -> Result<(), Diagnostic> {
    Err(Diagnostic { error_type: "Long".into(), error_message: "x".repeat(mebibytes * 1024 * 1024) })
}

fn main() {}
