//! An HTTP service that answers with what it was asked, written with `wstd` and with nothing of ours.
#![expect(clippy::print_stdout, reason = "a test looks for it in the log")]

use serde_json::json;
use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let body = String::from_utf8_lossy(body.contents().await?).into_owned();
    println!("{} {}", head.method, head.uri.path());
    let headers = head.headers.iter();
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect();
    let answer = json!({ "method": head.method.as_str(), "uri": head.uri.to_string(), "headers": headers, "body": body });
    let response = Response::builder().status(201).header("Content-Type", "application/json");
    let response = response.header("Set-Cookie", "a=1").header("Set-Cookie", "b=2; Secure");
    Ok(response.body(answer.to_string().into())?)
}
