//! Says so, then sleeps for so many milliseconds as the event says.

use std::time::Duration;

#[expect(clippy::print_stdout, reason = "it is what a test waits for")]
#[bulkhead::handler]
fn sleep(milliseconds: u64) -> u64 {
    println!("asleep");
    std::thread::sleep(Duration::from_millis(milliseconds));
    milliseconds
}

fn main() {}
