//! Panics, exits or hangs if the event says so, and greets otherwise.

use bulkhead_bench_handlers::{Request, Response, faulty};

#[bulkhead::handler]
fn handle(request: Request) -> Response {
    faulty(&request)
}

fn main() {}
