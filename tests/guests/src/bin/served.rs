//! A service of the SDK in which the path says what happens.
#![expect(clippy::panic, reason = "one of the ways")]

use std::io;

use bulkhead::http::{HeaderValue, IncomingBody, OutgoingBody, Request, RequestContext, Response};

#[bulkhead::http_handler]
async fn serve(request: Request<IncomingBody>) -> Result<Response<OutgoingBody>, bulkhead::Error> {
    let (head, mut body) = request.into_parts();
    let context = head.extensions.get::<RequestContext>();
    let mut response =
        Response::new(OutgoingBody::from(context.and_then(RequestContext::source_ip).unwrap_or_default()));
    match head.uri.path() {
        "/fail" => return Err("the password is swordfish".into()),
        "/panic" => panic!("a service panics"),
        "/forbidden" => drop(response.headers_mut().insert("connection", HeaderValue::from_static("close"))),
        "/announced" => drop(response.headers_mut().insert("content-length", HeaderValue::from(4096))),
        "/echo" => *response.body_mut() = OutgoingBody::written(move |to| io::copy(&mut body, to).map(drop)),
        "/broken" => *response.body_mut() = OutgoingBody::written(|_| Err(io::Error::other("no more"))),
        "/length" => *response.body_mut() = io::copy(&mut body, &mut io::sink())?.to_string().into(),
        _ => {}
    }
    Ok(response)
}

fn main() {}
