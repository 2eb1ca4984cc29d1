//! Returns the bytes of the event.

use bulkhead::Raw;

#[bulkhead::handler]
fn echo(event: Raw) -> Raw {
    event
}

fn main() {}
