//! An HTTP service that ends as the path says, written with `wstd`.
#![expect(clippy::panic, reason = "it ends as it is asked to")]

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    match request.uri().path() {
        "/panic" => panic!("as asked"),
        "/error" => return Err(Error::msg("as asked")),
        "/loop" => while std::hint::black_box(true) {},
        "/sleep" => drop(wstd::task::sleep(wstd::time::Duration::from_secs(60)).await),
        "/memory" => drop(std::hint::black_box(vec![1_u8; 1 << 30])),
        "/huge" => return Ok(Response::new(vec![b'a'; 7 << 20].into())),
        "/quotes" => return Ok(Response::new("\"".repeat(4 << 20).into())),
        "/bytes" => return Ok(Response::new(vec![0, 159, 146, 150].into())),
        "/echo" => return Ok(Response::new(request.into_body())),
        "/teapot" => return Ok(Response::builder().status(418).body(Body::empty())?),
        _ => {}
    }
    Ok(Response::new("ping".to_owned().into()))
}
