//! The event and the answer of a service: the event becomes a request, and the response is collected while
//! the service runs.
//!
//! A service may set its response and write the body while it still runs, so body and service take turns. The
//! answer is sent when the service has returned: its work after the response is part of the event too.

mod collected;
mod scripted;
mod service_error;
mod streamed;

use std::pin::pin;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::response::Parts;
use hyper::http::uri;
use hyper::{Method, Request, StatusCode};
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{Error, WasiHttpView};

use crate::capabilities::response_stream::{self, Head};
use crate::capabilities::{Serving, State, script_http};
use crate::http_event::{HttpEvent, HttpEventError, HttpSource, ResponseError};
use crate::policy::Policy;
use crate::sandbox::outcome::Outcome;
use collected::{Receiver, Receiving};
pub(super) use scripted::answer_of_script;
pub use service_error::ServiceError;
use streamed::{open, stream};

/// Lets a service handle an event.
pub(super) async fn handle(
    service: &Proxy,
    store: &mut Store<State>,
    event: &Bytes,
    policy: &Policy,
) -> wasmtime::Result<Outcome> {
    let HttpEvent { source, request } = match script_http::request_of(event, policy) {
        Ok(event) => event,
        Err(error) => return refuse(error, &store.data().response, policy).await,
    };
    if script_http::streams(source, policy) {
        return stream(service, store, request).await;
    }
    let response = serve(service, store, request, policy.limits.response).await?;
    let reply = response.and_then(|(head, body)| {
        reply(source, head.status, &head.headers, &body, policy.limits.response).map_err(ServiceError::from)
    });
    Ok(reply.unwrap_or_else(Outcome::ServiceFailed))
}

/// The outcome of an event that is not a request: an answer to its client, if the client is at fault.
async fn refuse(
    error: HttpEventError,
    response: &response_stream::Response,
    policy: &Policy,
) -> wasmtime::Result<Outcome> {
    let Some((source, status)) = error.refusal() else { return Ok(Outcome::NotHttp(error)) };
    let refused = Refused::new(status, &error);
    match script_http::streams(source, policy) {
        true => refused.stream(response).await,
        false => Ok(refused.whole(source, policy.limits.response)),
    }
}

/// The answer to the client of an invalid request, without the service.
struct Refused {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Refused {
    fn new(status: StatusCode, error: &HttpEventError) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Self { status, headers, text: format!("{error}\n") }
    }

    fn whole(self, source: HttpSource, limit: usize) -> Outcome {
        let reply = reply(source, self.status, &self.headers, self.text.as_bytes(), limit);
        reply.unwrap_or_else(|error| Outcome::ServiceFailed(error.into()))
    }

    /// A reader of a stream does not understand a buffered response.
    async fn stream(self, response: &response_stream::Response) -> wasmtime::Result<Outcome> {
        let head = Head::http(self.status, &self.headers);
        let sent = match head.map_err(ServiceError::from).and_then(|head| open(response, head)) {
            Ok(writer) => writer.send(self.text.into()).await.map(drop),
            Err(error) => return Ok(Outcome::ServiceFailed(error)),
        };
        sent?;
        Ok(Outcome::Replied(Vec::new()))
    }
}

/// The response in the form that the event's sender expects, if that is not too large: a body may be six
/// times as long in JSON.
fn reply(
    source: HttpSource,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    limit: usize,
) -> Result<Outcome, ResponseError> {
    let size = source.response_len(status, headers, body)?;
    if size > limit {
        return Ok(Outcome::ResponseTooLarge { size: Some(size), limit });
    }
    source.response(status, headers, body).map(Outcome::Replied)
}

/// The arguments of a service: the request, and the outparam for its response.
fn arguments(
    store: &mut Store<State>,
    request: Request<Bytes>,
) -> wasmtime::Result<(Resource<HostIncomingRequest>, Resource<HostResponseOutparam>, Receiver)> {
    let scheme = scheme(request.uri());
    store.data_mut().serving = Serving::Request { is_head: request.method() == Method::HEAD };
    let request = request.map(|body| Full::new(body).map_err(|never| -> Error { match never {} }));
    let (sender, receiver) = oneshot::channel();
    let mut http = store.data_mut().http();
    Ok((http.new_incoming_request(scheme, request)?, http.new_response_outparam(sender)?, receiver))
}

/// Calls the service. The response comes while it runs, and counts only if it returns.
async fn serve(
    service: &Proxy,
    store: &mut Store<State>,
    request: Request<Bytes>,
    limit: usize,
) -> wasmtime::Result<Result<(Parts, Vec<u8>), ServiceError>> {
    let is_head = request.method() == Method::HEAD;
    let (request, outparam, receiver) = arguments(store, request)?;
    let mut receiving = Receiving::new(receiver, is_head, limit);
    {
        let mut call = pin!(service.wasi_http_incoming_handler().call_handle(store, request, outparam));
        tokio::select! {
            biased;
            returned = &mut call => returned?,
            received = receiving.rest() => {
                received?;
                call.await?;
            }
        }
    }
    // The last written bytes still have to be taken. Bytes that are not written by now never come.
    tokio::select! {
        biased;
        received = receiving.rest() => received?,
        () = std::future::ready(()) => (),
    }
    Ok(receiving.finish())
}

fn scheme(uri: &hyper::Uri) -> Scheme {
    if uri.scheme() == Some(&uri::Scheme::HTTP) { Scheme::Http } else { Scheme::Https }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(event: &'static str) -> (HttpSource, Refused) {
        let error = HttpEvent::parse(&Bytes::from_static(event.as_bytes())).unwrap_err();
        let (source, status) = error.refusal().unwrap();
        (source, Refused::new(status, &error))
    }

    #[test]
    fn a_bad_request_is_answered_without_the_service() {
        let (source, refused) = refused(r#"{"httpMethod": "GET", "path": "/../b", "requestContext": {}}"#);
        let Outcome::Replied(response) = refused.whole(source, 1000) else {
            panic!("a client is told what is wrong")
        };
        let response: serde_json::Value = serde_json::from_slice(&response).unwrap();
        assert_eq!(response["statusCode"], 400);
        assert!(response["body"].as_str().unwrap().contains("`..`"), "{response}");
    }

    #[tokio::test]
    async fn a_bad_request_is_answered_by_a_stream_where_that_is_read() {
        let channel = response_stream::ResponseChannel::default();
        let mut response = response_stream::Response::default();
        response.begin(Some(channel.clone()), 1000);
        let (_, refused) = refused(r#"{"rawPath": "/../b", "requestContext": {"http": {"method": "GET"}}}"#);
        assert!(matches!(refused.stream(&response).await.unwrap(), Outcome::Replied(_)));
        let mut opened = channel.take().expect("a stream");
        assert!(opened.head.prelude[0].starts_with(br#"{"statusCode":400,"#));
        assert!(opened.pieces.recv().await.unwrap().ends_with(b"`..`\n"));
    }

    #[test]
    fn a_response_is_measured_as_it_is_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let reply = |limit| reply(HttpSource::HttpApi, StatusCode::OK, &headers, &[1; 100], limit).unwrap();
        let Outcome::Replied(response) = reply(10_000) else { panic!("it is not that long") };
        assert!(response.len() > 600, "control characters take six bytes each");
        assert!(matches!(reply(response.len()), Outcome::Replied(_)));
        let size = Some(response.len());
        assert!(
            matches!(reply(response.len() - 1), Outcome::ResponseTooLarge { size: told, .. } if told == size)
        );
    }
}
