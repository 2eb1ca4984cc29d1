//! Answers with JSON that is so many arrays deep as the event says, which it may.

use bulkhead::Raw;

#[bulkhead::handler]
fn deep_reply(depth: usize) -> Raw {
    Raw(["[".repeat(depth), "]".repeat(depth)].concat().into_bytes())
}

fn main() {}
