//! The Runtime API: the HTTP calls of a custom runtime, served on the loopback address.
//!
//! Status codes and texts are Lambda's, so that a runtime sees here what it would see there (sections 2 to 5 of
//! `docs/runtime-api.md`).

mod response;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::events::{Delivery, EnvironmentId, Events, Failure, Reply, Unknown};

/// The prefix of all paths.
pub(crate) const PREFIX: &str = "/2018-06-01/runtime/";

/// The caller of the Runtime API, and its events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'c> {
    pub(crate) events: &'c Events,
    pub(crate) environment: EnvironmentId,
    /// The function name that events carry.
    pub(crate) function: &'c str,
}

/// Serves one function with one environment until it is dropped.
pub(super) async fn serve(listener: TcpListener, events: Arc<Events>) {
    loop {
        // The process may be out of file descriptors; others may be closed later.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let events = Arc::clone(&events);
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let events = Arc::clone(&events);
                async move {
                    let path = request.uri().path().to_owned();
                    let caller =
                        Caller { events: &events, environment: EnvironmentId::ONLY, function: "local" };
                    let call = path.strip_prefix(PREFIX).filter(|_| !is_of_the_web(request.headers()));
                    Ok::<_, Infallible>(match call {
                        Some(call) => caller.respond(call, request.map(Body::new)).await,
                        None => not_found(),
                    })
                }
            });
            // If a connection breaks, the runtime opens another.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Whether a web page sent the request. Runtimes are programs, and a page may neither take nor answer an
/// event.
pub(crate) fn is_of_the_web(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site")
}

impl Caller<'_> {
    /// Returns the next event: its id and the headers of the runtime.
    pub(crate) async fn next(self) -> (String, Response<Full<Bytes>>) {
        let delivery = self.events.next(self.environment).await;
        (delivery.request_id.clone(), next(delivery, self.function))
    }

    /// Answers a call, which is named by the path after [`PREFIX`].
    pub(crate) async fn respond(self, call: &str, request: Request<Body>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if call == "invocation/next" && head.method == Method::GET {
            return self.next().await.1;
        }
        if head.method != Method::POST {
            return not_found();
        }
        let id = call.strip_prefix("invocation/").and_then(|call| call.split_once('/'));
        if let Some((id, "response")) = id {
            return response::take(self.events, id, &head.headers, body).await;
        }
        let Ok(body) = body.collect().await else { return cut_short() };
        let failure = Failure { body: body.to_bytes(), error_type: error_type(&head.headers) };
        match id {
            None if call == "init/error" => {
                self.events.fail_start(self.environment, failure);
                accepted()
            }
            Some((id, "error")) => answered(&self.events.answer(id, Reply::Failed(failure))),
            Some(_) | None => not_found(),
        }
    }
}

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

fn error_type(headers: &HeaderMap) -> String {
    let told = headers.get(ERROR_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    told.unwrap_or_else(|| "Runtime.Unknown".to_owned())
}

fn next(delivery: Delivery, function: &str) -> Response<Full<Bytes>> {
    let Delivery { request_id, deadline_ms, event } = delivery;
    let mut response = Response::new(Full::new(event.body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        headers.insert("lambda-runtime-aws-request-id", request_id);
    }
    headers.insert("lambda-runtime-deadline-ms", HeaderValue::from(deadline_ms));
    if let Ok(arn) = HeaderValue::try_from(arn(function)) {
        headers.insert("lambda-runtime-invoked-function-arn", arn);
    }
    let optional = [
        ("lambda-runtime-aws-tenant-id", event.tenant_id),
        ("lambda-runtime-client-context", event.client_context),
        ("lambda-runtime-trace-id", event.trace_id),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    response
}

/// An example account and region.
pub(crate) fn arn(function: &str) -> String {
    format!("arn:aws:lambda:us-east-1:123456789012:function:{function}")
}

fn answered(answered: &Result<(), Unknown>) -> Response<Full<Bytes>> {
    match answered {
        Ok(()) => accepted(),
        Err(Unknown) => error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
    }
}

fn accepted() -> Response<Full<Bytes>> {
    reply(StatusCode::ACCEPTED, r#"{"status":"OK"}"#.to_owned())
}

pub(crate) fn not_found() -> Response<Full<Bytes>> {
    reply(StatusCode::NOT_FOUND, "404 page not found\n".to_owned())
}

fn cut_short() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", "the body is incomplete")
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    reply(status, serde_json::json!({ "errorMessage": message, "errorType": error_type }).to_string())
}

fn reply(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
