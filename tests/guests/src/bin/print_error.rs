//! Writes the event's bytes to stderr, and nothing else.

use std::io::Write;

use bulkhead::Raw;

#[bulkhead::handler]
fn print_error(event: Raw) -> std::io::Result<()> {
    std::io::stderr().write_all(&event.0)
}

fn main() {}
