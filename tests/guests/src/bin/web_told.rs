//! An HTTP service that responds as its request's body says: status, headers whose letters are bytes, and body.

use wstd::http::{Body, Error, HeaderValue, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let mut told = request.into_body();
    let (status, headers, body): (u16, Vec<(String, String)>, String) =
        serde_json::from_slice(told.contents().await?)?;
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        let bytes = value.chars().map(u8::try_from).collect::<Result<Vec<u8>, _>>()?;
        response = response.header(name, HeaderValue::from_bytes(&bytes)?);
    }
    Ok(response.body(body.into())?)
}
