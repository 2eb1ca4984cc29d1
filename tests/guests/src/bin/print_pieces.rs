//! Writes one line in pieces, with the clock asked between them, then panics before its end.

#![expect(clippy::panic, clippy::print_stdout, reason = "it is what this guest is for")]

use std::io::Write;

#[bulkhead::handler]
fn print_pieces(pieces: Vec<String>) -> std::io::Result<()> {
    for piece in pieces {
        print!("{piece}");
        std::io::stdout().flush()?;
        std::hint::black_box(std::time::SystemTime::now());
    }
    panic!("before the end of the line")
}

fn main() {}
