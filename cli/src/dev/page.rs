//! The page for people who would rather look, and what it asks for.
//!
//! It is the files beside this one, as they are: no build, no framework, and nothing from elsewhere.

mod assets;
mod details;
mod policies;
mod stream;

use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::dev::api::Api;
use crate::dev::http::response::{self, Body};
use crate::samples;
pub(super) use assets::is_asset;
pub(super) use policies::Policies;

/// Where it is.
pub(super) const PATH: &str = "/";

/// What else is told of this process, before each path.
const PREFIX: &str = "/.bulkhead/";

/// What every answer says to the browser. A script of the page may neither come from elsewhere nor make markup of text.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// The answer, if the path is one of the page's.
pub(super) async fn respond<B>(server: &Api, request: &Request<B>) -> Option<Response<Body>> {
    let path = request.uri().path();
    if request.method() != Method::GET {
        return None;
    }
    let response = match path.strip_prefix(PREFIX) {
        Some("stream") => stream::serve(server, request.uri().query().unwrap_or_default(), request.headers()),
        Some("policies") => policies::serve(server).await,
        Some("samples") => response::json(StatusCode::OK, &samples::names()),
        Some(rest) => match rest.split_once('/')? {
            ("samples", name) => response::raw_json(StatusCode::OK, samples::get(name)?),
            ("events", request_id) => details::serve(server, request_id, request.uri().query()).await,
            ("page", _) => assets::serve(path, &server.access.token)?,
            _ => return None,
        },
        None => assets::serve(path, &server.access.token)?,
    };
    Some(guarded(response))
}

/// Says how a browser has to treat it.
pub(super) fn guarded(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
