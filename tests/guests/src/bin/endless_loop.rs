//! Says so, then loops for ever, without a single call to the host.

use serde_json::Value;

#[expect(clippy::print_stdout, reason = "it is what a test waits for")]
#[bulkhead::handler]
fn endless_loop(event: Value) -> Value {
    if event != "ping" {
        println!("looping");
        loop {
            std::hint::black_box(());
        }
    }
    event
}

fn main() {}
