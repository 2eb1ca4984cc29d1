//! Has the host keep requests whose methods are a megabyte each, and counts them.

use wasip2::http::types::{Fields, Method, OutgoingRequest};

#[bulkhead::handler]
fn hoard_methods(requests: usize) -> usize {
    let method = Method::Other("X".repeat(1024 * 1024));
    let mut kept = Vec::new();
    for _ in 0..requests {
        let request = OutgoingRequest::new(Fields::new());
        if request.set_method(&method).is_err() {
            break;
        }
        kept.push(request);
    }
    kept.len()
}

fn main() {}
