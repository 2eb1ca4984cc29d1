//! The smallest handler: a typed event in, a typed response out.

#[derive(serde::Deserialize)]
struct Request {
    name: String,
}

#[derive(serde::Serialize)]
struct Response {
    message: String,
}

#[bulkhead::handler]
fn hello(request: Request) -> Response {
    Response { message: format!("Hello {}!", request.name) }
}

#[test]
fn greets_by_name() {
    assert_eq!(hello(Request { name: "world".into() }).message, "Hello world!");
}
