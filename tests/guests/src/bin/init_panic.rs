//! Its `init` panics.

#![expect(clippy::panic, reason = "it is what this guest is for")]

#[inline(never)] // so that the stack trace has a name to show
fn read_rules() {
    panic!("rule 17 has no end");
}

#[bulkhead::init]
fn init() {
    read_rules();
}

#[bulkhead::handler]
fn answer() {}

fn main() {}
