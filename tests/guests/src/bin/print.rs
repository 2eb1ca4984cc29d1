//! Writes the event's bytes to stdout, and nothing else.

use std::io::Write;

use bulkhead::Raw;

#[bulkhead::handler]
fn print(event: Raw) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&event.0)?;
    stdout.flush()
}

fn main() {}
