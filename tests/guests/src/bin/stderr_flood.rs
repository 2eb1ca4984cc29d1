//! Prints lines that look like panics to stderr, for ever.

#[expect(clippy::print_stderr, reason = "it is what this guest is for")]
#[bulkhead::handler]
fn stderr_flood() {
    loop {
        eprintln!("thread 'main' (1) panicked at {}:1:1:\n{}", "a".repeat(1000), "b".repeat(5000));
    }
}

fn main() {}
