//! Answers with so many bytes as the event says.

use bulkhead::Raw;

#[bulkhead::handler]
fn sized(length: usize) -> Raw {
    Raw(vec![b'x'; length])
}

fn main() {}
