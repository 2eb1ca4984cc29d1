//! Makes the responses of both ports, whole or in pieces.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bulkhead_host::text::printable;
use futures_util::stream;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc::Receiver;

/// A response with our own JSON, escaped so that a terminal can print it.
pub(in crate::dev) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // Text and numbers always serialise.
    let json = serde_json::to_string(value).unwrap_or_default();
    raw_json(status, printable::json(&json).into_owned())
}

/// A response with JSON as it is.
pub(in crate::dev) fn raw_json(status: StatusCode, body: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// A response with text for people.
pub(in crate::dev) fn text(status: StatusCode, body: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], body.into()).into_response()
}

/// The response to a request that calls this machine by the name of another one.
pub(in crate::dev) fn foreign_host() -> Response {
    json(
        StatusCode::FORBIDDEN,
        &json!({ "message": "only programs on this machine may call this address; use the host name localhost" }),
    )
}

/// A body of which each piece is sent as soon as it is there.
pub(in crate::dev) fn pieces(mut pieces: Receiver<Bytes>) -> Body {
    let next = move |context: &mut std::task::Context<'_>| pieces.poll_recv(context);
    Body::from_stream(stream::StreamExt::map(stream::poll_fn(next), Ok::<_, Infallible>))
}
