//! Prints so many lines as the event says.

#[expect(clippy::print_stdout, reason = "it is what this guest is for")]
#[bulkhead::handler]
fn log_flood(lines: u64) -> u64 {
    for line in 0..lines {
        println!("line {line} of a flood that should not fill anyone's disk");
    }
    lines
}

fn main() {}
