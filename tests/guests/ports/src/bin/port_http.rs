//! An HTTP service over the types of `lambda_http`.

use bulkhead::http::{Body, Error, Request, RequestExt, RequestPayloadExt, Response, run, service_fn};

async fn handler(request: Request) -> Result<Response<Body>, Error> {
    let parameters = request.query_string_parameters();
    let name = parameters.first("name").unwrap_or("stranger");
    let numbers: Vec<u32> = request.json()?.unwrap_or_default();
    let text =
        format!("{} {} {name}: {}", request.method(), request.raw_http_path(), numbers.iter().sum::<u32>());
    let status = if name == "teapot" { 418 } else { 200 };
    Ok(Response::builder().status(status).header("content-type", "text/html").body(text.into())?)
}

#[bulkhead::http::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
