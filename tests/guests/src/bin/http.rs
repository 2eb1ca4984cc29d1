//! Sends a request to the event's `url`, with its `headers`, and answers with status and body, or with the error.

use serde_json::{Value, json};
use wstd::http::{Body, Client, Request};
use wstd::runtime::block_on;

async fn send(event: &Value) -> wstd::http::Result<Value> {
    let mut request = Request::get(event["url"].as_str().unwrap_or_default());
    for (name, value) in event["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let mut response = Client::new().send(request.body(Body::empty())?).await?;
    let status = response.status().as_u16();
    let body = response.body_mut().bytes_contents().await?;
    Ok(json!({ "status": status, "body": String::from_utf8_lossy(&body) }))
}

#[bulkhead::handler]
fn http(event: Value) -> Value {
    block_on(send(&event)).unwrap_or_else(|error| json!({ "error": format!("{error:?}") }))
}

fn main() {}
