//! Has the host keep headers that are as large as it lets them be, and counts them.

use wasip2::http::types::Fields;

#[bulkhead::handler]
fn hoard_fields(requests: usize) -> usize {
    let value = vec![b'x'; 1000 - size_of::<usize>() * 5];
    let mut kept = Vec::new();
    for _ in 0..requests {
        let fields = Fields::new();
        // One more, and it would be a trap.
        for _ in 0..60 {
            let _ = fields.append("x", &value);
        }
        kept.push(fields);
    }
    kept.len()
}

fn main() {}
