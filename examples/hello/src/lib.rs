//! A typed event in, a typed response out.

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    name: String,
}

#[derive(Serialize)]
struct Response {
    message: String,
}

#[bulkhead::handler]
fn handle(request: Request) -> Response {
    Response { message: format!("Hello {}!", request.name) }
}

#[test]
fn greets_by_name() {
    assert_eq!(handle(Request { name: "world".into() }).message, "Hello world!");
}
