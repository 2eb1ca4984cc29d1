//! An HTTP service written with `wstd` and nothing of ours: it runs under `wasmtime serve` as well.

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    match (head.method.as_str(), head.uri.path()) {
        ("GET", "/") => text(200, "Hello from a service that knows nothing of Lambda.\n".to_owned()),
        ("POST", "/shout") => {
            let said = String::from_utf8_lossy(body.contents().await?).to_uppercase();
            text(200, said)
        }
        (method, path) => text(404, format!("There is no {method} {path} here.\n")),
    }
}

fn text(status: u16, text: String) -> Result<Response<Body>, Error> {
    let response = Response::builder().status(status).header("content-type", "text/plain; charset=utf-8");
    Ok(response.body(text.into())?)
}
