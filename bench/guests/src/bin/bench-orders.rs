//! Reads a list, sums it up, filters it, and writes the rest.

use bulkhead_bench_handlers::{Orders, Summary, summarize};

#[bulkhead::handler]
fn orders(event: Orders) -> Summary {
    summarize(event)
}

fn main() {}
