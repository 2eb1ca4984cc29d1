//! Hunts for secrets: sends a request for each of the event's `methods`, `urls` and `headers`, and answers with all it has seen.
use serde_json::Value;
use wstd::http::{Body, Client, Request};

async fn seen(method: &str, url: &str, header: &str) -> wstd::http::Result<String> {
    let (name, value) = header.split_once(": ").unwrap_or(("x-none", "none"));
    let request = Request::builder().method(method).uri(url).header(name, value);
    let mut response = Client::new().send(request.body(Body::empty())?).await?;
    let body = response.body_mut().bytes_contents().await;
    Ok(format!("{:?} {body:?}", response.headers()))
}

#[bulkhead::handler]
#[expect(clippy::print_stdout, reason = "the log is searched, too")]
fn hunt(event: Value) -> Vec<String> {
    let all = |key: &str| event[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut found: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    let requests =
        all("methods").flat_map(|m| all("urls").flat_map(move |u| all("headers").map(move |h| (m, u, h))));
    found.extend(requests.map(|(m, u, h)| format!("{:?}", wstd::runtime::block_on(seen(m, u, h)))));
    println!("{found:?}");
    found
}

fn main() {}
