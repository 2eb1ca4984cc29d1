//! HTTP requests that arrive as events, and the responses to them.
//!
//! API Gateway, function URLs, load balancers and VPC Lattice each encode a request as JSON in their own way,
//! and expect the response in a matching way. This module implements all of them, the [`HttpSource`]s,
//! without depending on components; a service must not be able to tell whether its request came through a
//! socket or as an event. The documentation of the sources and their real behaviour differ in places. The
//! treatment is documented where it is implemented: paths and queries in `target.rs`, headers in
//! `headers.rs`.
//!
//! Data without a place in a request, such as the caller's identity, the stage and the request id, is in the
//! header [`REQUEST_CONTEXT`].
//!
//! May use: text.

mod body;
mod body_encoding;
mod context;
mod error;
mod event;
mod headers;
mod pairs;
mod response;
mod source;
mod target;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, Uri};

pub(crate) use error::shown;
pub use error::{HttpEventError, Refusal};
pub use headers::REQUEST_CONTEXT;
pub use response::{PRELUDE_END, ResponseError, STREAM_CONTENT_TYPE, has_body, prelude};
pub use source::HttpSource;

use context::Context;
use event::Event;

use crate::text::json::Object;

/// The path for an event that is not an HTTP event.
const EVENTS_PATH: &str = "/events";

/// An event that is an HTTP request.
#[derive(Debug)]
pub struct HttpEvent {
    /// The form of the event, which determines that of the response.
    pub source: HttpSource,
    /// The request. Its URI has a scheme and an authority.
    pub request: Request<Bytes>,
}

impl HttpEvent {
    /// Parses an event.
    ///
    /// # Errors
    /// If it is not an HTTP event, or if its request is not valid: [`HttpEventError::refusal`] tells them
    /// apart.
    pub fn parse(event: &Bytes) -> Result<Self, HttpEventError> {
        let text = str::from_utf8(event).map_err(|_| HttpEventError::NotHttp("it is not UTF-8 text"))?;
        let Object(parts): Object<Event<'_>> = serde_json::from_str(text)
            .map_err(|_| HttpEventError::NotHttp("it is not a JSON object, or has a duplicate key"))?;
        let context = Context::of(parts.request_context);
        let source = HttpSource::of(&parts, &context).map_err(HttpEventError::NotHttp)?;
        let body = body::read(source, event, &parts)?;
        let method = method(source, &parts, &context)?;
        let mut headers = headers::read(source, &parts, &body)?;
        let path_and_query = target::read(source, &parts, &context)?;
        let refused = |refusal| HttpEventError::Refused { origin: source, refusal };
        let authority = target::authority(&headers, &context).map_err(refused)?;
        let scheme = target::scheme(&headers);
        headers::name_host(&mut headers, &authority).map_err(refused)?;
        let uri = uri(scheme, authority, path_and_query).map_err(refused)?;
        Ok(Self { source, request: request(method, uri, headers, body) })
    }

    /// Another event as a request: `POST /events` with the event as its body.
    pub fn plain(event: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(target::NO_HOST));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers::set_length(&mut headers, event.len());
        let path = PathAndQuery::from_static(EVENTS_PATH);
        // These three always form a valid URI.
        let uri = uri(Scheme::HTTP, Authority::from_static(target::NO_HOST), path).unwrap_or_default();
        Self { source: HttpSource::Plain, request: request(Method::POST, uri, headers, event) }
    }
}

fn request(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

/// Built from its parts: in a text, a path that starts with two slashes would become a host.
fn uri(scheme: Scheme, authority: Authority, path_and_query: PathAndQuery) -> Result<Uri, Refusal> {
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path_and_query)
        .build()
        .map_err(|_| Refusal::Target)
}

fn method(source: HttpSource, event: &Event<'_>, context: &Context<'_>) -> Result<Method, HttpEventError> {
    let (field, value) = match source {
        HttpSource::HttpApi | HttpSource::FunctionUrl => ("requestContext.http.method", context.method()),
        HttpSource::Lattice | HttpSource::LatticeV1 => ("method", event.method),
        HttpSource::RestApi
        | HttpSource::HttpApiV1
        | HttpSource::WebSocket
        | HttpSource::Alb
        | HttpSource::AlbMultiValue
        | HttpSource::Plain => ("httpMethod", event.http_method),
    };
    match source.text(field, value)? {
        Some(method) => Method::from_bytes(method.as_bytes()).map_err(|_| HttpEventError::Refused {
            origin: source,
            refusal: Refusal::Method(shown(&method)),
        }),
        // On a WebSocket, only the request that opens it has a method. A message has a body.
        None if source == HttpSource::WebSocket && context.is_message() => Ok(Method::POST),
        None if source == HttpSource::WebSocket => Ok(Method::GET),
        None => Err(HttpEventError::Field {
            origin: source,
            field,
            error: serde::de::Error::missing_field("method"),
        }),
    }
}
