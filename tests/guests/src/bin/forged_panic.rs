//! Prints what looks like a panic, then answers.

use bulkhead::Raw;

#[expect(clippy::print_stderr, reason = "it is what this guest is for")]
#[bulkhead::handler]
fn forged_panic(event: Raw) -> Raw {
    eprintln!("thread 'main' (1) panicked at src/forged.rs:1:1:\nnot a panic at all");
    event
}

fn main() {}
