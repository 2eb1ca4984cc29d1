//! Reads a list, adds it up, filters it, and writes what is left.

use bulkhead_bench_handlers::{Orders, Summary, summarize};

#[bulkhead::handler]
fn orders(event: Orders) -> Summary {
    summarize(event)
}

fn main() {}
