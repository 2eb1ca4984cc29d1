//! Has the host keep headers that are as large as it lets them be, and counts them.

use wasip2::http::types::Fields;

#[bulkhead::handler]
fn hoard_fields(requests: usize) -> usize {
    let value = vec![b'x'; 1000];
    let mut kept = Vec::new();
    for _ in 0..requests {
        let fields = Fields::new();
        while fields.append("x", &value).is_ok() {}
        kept.push(fields);
    }
    kept.len()
}

fn main() {}
