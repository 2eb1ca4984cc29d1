//! Sends the event's `method`, `url`, `headers` and `body`, and answers with all that came back, or fails with the error.
use bulkhead::Diagnostic;
use serde_json::{Value, json};
use wstd::http::{Body, Client, Request};
use wstd::runtime::block_on;

async fn send(event: &Value) -> wstd::http::Result<Value> {
    let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let mut request = Request::builder().method(&*text("method")).uri(text("url"));
    for (name, value) in event["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let mut response = Client::new().send(request.body(Body::from(text("body")))?).await?;
    let headers = format!("{:?}", response.headers());
    let (status, body) = (response.status().as_u16(), response.body_mut().bytes_contents().await?);
    Ok(json!({ "status": status, "headers": headers, "body": String::from_utf8_lossy(&body) }))
}

#[bulkhead::handler]
fn call(event: Value) -> Result<Value, Diagnostic> {
    let failed = |error| Diagnostic { error_type: "Call".to_owned(), error_message: format!("{error:?}") };
    block_on(send(&event)).map_err(failed)
}

fn main() {}
