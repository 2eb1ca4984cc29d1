//! An HTTP service that sends all headers of its request to the server that the path names, and responds as that does.

use wstd::http::{Body, Client, Error, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let mut onward = Request::get(format!("http:/{}", request.uri().path())).body(Body::empty())?;
    *onward.headers_mut() = request.headers().clone();
    Client::new().send(onward).await
}
