//! Sends a body of so many MiB as the event's `mebibytes` to its `url`, and answers with what came back.

use serde_json::Value;
use wstd::http::{Body, Client, Request};
use wstd::runtime::block_on;

async fn send(event: &Value) -> wstd::http::Result<u16> {
    let size = event["mebibytes"].as_u64().and_then(|size| size.try_into().ok()).unwrap_or(0);
    let request = Request::post(event["url"].as_str().unwrap_or_default());
    let request = request.body(Body::from(vec![b'x'; size * 1024 * 1024]))?;
    Ok(Client::new().send(request).await?.status().as_u16())
}

#[bulkhead::handler]
fn upload(event: Value) -> String {
    block_on(send(&event)).map_or_else(|error| format!("{error:?}"), |status| status.to_string())
}

fn main() {}
