//! Has the host keep bodies of requests that are never sent, and counts the bytes that it took.

use wasip2::http::types::{Fields, OutgoingRequest};

#[bulkhead::handler]
fn hoard_bodies(requests: usize) -> usize {
    let (mut kept, mut taken) = (Vec::new(), 0);
    for _ in 0..requests {
        let request = OutgoingRequest::new(Fields::new());
        let Ok(body) = request.body() else { break };
        let Ok(stream) = body.write() else { break };
        while let Ok(room @ 1..) = stream.check_write() {
            let room = usize::try_from(room).unwrap_or(0).min(1024 * 1024);
            if stream.write(&vec![b'x'; room]).is_err() {
                break;
            }
            taken += room;
        }
        kept.push((stream, body, request));
    }
    taken
}

fn main() {}
