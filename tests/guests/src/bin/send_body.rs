//! Sends a body of a length that it does not say, with the event's `method`, `headers` and `trailers`, to its `authority`,
//! and answers with the status or the error.

use std::collections::BTreeMap;

use serde::Deserialize;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{ErrorCode, Fields, Method, OutgoingBody, OutgoingRequest, Scheme};

#[derive(Deserialize)]
struct Asked {
    method: String,
    authority: String,
    body: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    trailers: BTreeMap<String, String>,
}

fn fields(pairs: &BTreeMap<String, String>) -> Result<Fields, String> {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    Fields::from_list(&pairs).map_err(|error| format!("{error:?}"))
}

fn send(asked: &Asked) -> Result<u16, String> {
    let failed = |error: ErrorCode| format!("{error:?}");
    let refused = |()| "refused".to_owned();
    let request = OutgoingRequest::new(fields(&asked.headers)?);
    request.set_method(&Method::Other(asked.method.clone())).map_err(refused)?;
    request.set_scheme(Some(&Scheme::Http)).map_err(refused)?;
    request.set_authority(Some(&asked.authority)).map_err(refused)?;
    let body = request.body().map_err(refused)?;
    let stream = body.write().map_err(refused)?;
    let response = handle(request, None).map_err(failed)?;
    if !asked.body.is_empty() {
        stream.blocking_write_and_flush(asked.body.as_bytes()).map_err(|error| format!("{error:?}"))?;
    }
    drop(stream);
    let trailers = if asked.trailers.is_empty() { None } else { Some(fields(&asked.trailers)?) };
    OutgoingBody::finish(body, trailers).map_err(failed)?;
    response.subscribe().block();
    let response = response.get().and_then(Result::ok).ok_or("no response")?;
    response.map(|response| response.status()).map_err(failed)
}

#[bulkhead::handler]
fn send_body(asked: Asked) -> (u16, String) {
    send(&asked).map_or_else(|error| (0, error), |status| (status, String::new()))
}

fn main() {}
