//! Sends so many requests as the event's `count` to its `url`, and counts how each ended.

use std::collections::BTreeMap;

use serde_json::Value;
use wstd::http::{Body, Client, Request, error::ErrorCode};
use wstd::runtime::block_on;

#[bulkhead::handler]
fn http_many(event: Value) -> BTreeMap<String, u32> {
    let url = event["url"].as_str().unwrap_or_default();
    let mut ends = BTreeMap::new();
    for _ in 0..event["count"].as_u64().unwrap_or(0) {
        let Ok(request) = Request::get(url).body(Body::empty()) else { break };
        let end = match block_on(Client::new().send(request)) {
            Ok(response) => response.status().as_u16().to_string(),
            Err(error) => format!("{:?}", error.downcast_ref::<ErrorCode>()),
        };
        *ends.entry(end).or_default() += 1;
    }
    ends
}

fn main() {}
