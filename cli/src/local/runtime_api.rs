//! The Runtime API: the calls that a custom runtime makes, over HTTP on this machine's own address.
//!
//! Statuses and texts are Lambda's, so that a runtime sees here what it would see there (RUNTIME_API 2 to 5).

use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::events::{Answer, Delivery, Events, Unknown};

/// Answers on every connection until it is dropped.
pub(super) async fn serve(listener: TcpListener, events: Arc<Events>) {
    loop {
        // Out of descriptors, for example: others may be closed meanwhile.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let events = Arc::clone(&events);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let events = Arc::clone(&events);
                async move { Ok::<_, Infallible>(respond(request, &events).await) }
            });
            // A connection that breaks is the runtime's to open again.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(request: Request<Incoming>, events: &Events) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else { return not_found() };
    if path == "invocation/next" && head.method == Method::GET {
        return next(events.next().await);
    }
    if head.method != Method::POST {
        return not_found();
    }
    let Ok(body) = body.collect().await else {
        return error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", "the body is cut short");
    };
    let trailers = body.trailers().cloned().unwrap_or_default();
    let body = body.to_bytes();
    if path == "init/error" {
        events.give_up(Answer::NotStarted { body, error_type: error_type(&head.headers) });
        return accepted();
    }
    let call = path.strip_prefix("invocation/").and_then(|path| path.split_once('/'));
    let answered = match call {
        Some((id, "response")) => events.answer(id, response(body, &trailers)),
        Some((id, "error")) => {
            events.answer(id, Answer::Failed { body, error_type: error_type(&head.headers) })
        }
        Some(_) | None => return not_found(),
    };
    match answered {
        Ok(()) => accepted(),
        Err(Unknown) => error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
    }
}

/// A stream that broke off says so behind its last byte (S7.3).
fn response(body: Bytes, trailers: &HeaderMap) -> Answer {
    if trailers.contains_key(ERROR_TYPE) {
        let encoded = trailers.get("lambda-runtime-function-error-body");
        let told = encoded.and_then(|value| BASE64_STANDARD.decode(value.as_bytes()).ok());
        return Answer::Failed { body: told.map_or(body, Bytes::from), error_type: error_type(trailers) };
    }
    Answer::Replied(body)
}

const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

fn error_type(headers: &HeaderMap) -> String {
    let told = headers.get(ERROR_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    told.unwrap_or_else(|| "Runtime.Unknown".to_owned())
}

fn next(delivery: Delivery) -> Response<Full<Bytes>> {
    let Delivery { request_id, deadline_ms, event } = delivery;
    let mut response = Response::new(Full::new(event.body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        headers.insert("lambda-runtime-aws-request-id", request_id);
    }
    headers.insert("lambda-runtime-deadline-ms", HeaderValue::from(deadline_ms));
    headers.insert("lambda-runtime-invoked-function-arn", HeaderValue::from_static(ARN));
    if let Some(tenant_id) = event.tenant_id {
        headers.insert("lambda-runtime-aws-tenant-id", tenant_id);
    }
    if let Some(context) = event.client_context {
        headers.insert("lambda-runtime-client-context", context);
    }
    response
}

/// Nobody's account, somewhere.
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:local";

fn accepted() -> Response<Full<Bytes>> {
    reply(StatusCode::ACCEPTED, r#"{"status":"OK"}"#.to_owned())
}

fn not_found() -> Response<Full<Bytes>> {
    reply(StatusCode::NOT_FOUND, "404 page not found\n".to_owned())
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    reply(status, serde_json::json!({ "errorMessage": message, "errorType": error_type }).to_string())
}

fn reply(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use super::super::events::Event;
    use super::*;

    /// A server, and what has become of the only event, once a runtime has said this.
    async fn said(requests: &'static [&'static str]) -> (Vec<String>, Answer) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let events = Arc::new(Events::new(Duration::from_secs(3)));
        tokio::spawn(serve(listener, Arc::clone(&events)));
        let answer = events.send(Event {
            body: Bytes::from_static(b"{}"),
            tenant_id: Some(HeaderValue::from_static("acme")),
            client_context: Some(HeaderValue::from_static("{}")),
        });
        let said =
            tokio::task::spawn_blocking(move || requests.iter().map(|text| say(address, text)).collect());
        (said.await.unwrap(), answer.await.unwrap())
    }

    /// One request on a connection of its own, and the response as text.
    fn say(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    const NEXT: &str =
        "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn an_event_has_lambda_s_headers_and_one_answer() {
        const RESPONSE: &str = "POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000001/response \
            HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
        let (said, answer) = said(&[NEXT, RESPONSE, RESPONSE]).await;
        for header in [
            "lambda-runtime-aws-request-id: 00000000-0000-4000-8000-000000000001",
            "lambda-runtime-aws-tenant-id: acme",
            "lambda-runtime-client-context: {}",
            "lambda-runtime-deadline-ms: 1",
            "lambda-runtime-invoked-function-arn: arn:aws:lambda:",
        ] {
            assert!(said[0].contains(header), "{header} in {}", said[0]);
        }
        assert!(said[1].starts_with("HTTP/1.1 202 ") && said[1].ends_with(r#"{"status":"OK"}"#));
        assert!(said[2].starts_with("HTTP/1.1 400 ") && said[2].contains("InvalidRequestID"));
        assert_eq!(answer, Answer::Replied(Bytes::from_static(b"ok")));
    }

    #[tokio::test]
    async fn s7_3_a_stream_that_broke_off_is_a_failure() {
        let (_, answer) = said(&[
            NEXT,
            "POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000001/response HTTP/1.1\r\nhost: x\r\n\
             connection: close\r\ntransfer-encoding: chunked\r\n\
             trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n2\r\nok\r\n0\r\n\
             Lambda-Runtime-Function-Error-Type: Function.Panic\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n",
        ])
        .await;
        let body = Bytes::from_static(b"{}");
        assert_eq!(answer, Answer::Failed { body, error_type: "Function.Panic".to_owned() });
    }

    #[tokio::test]
    async fn a_bootstrap_that_cannot_start_answers_every_event() {
        let (said, answer) = said(&[
            "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\
             lambda-runtime-function-error-type: Runtime.NoSuchHandler\r\n\r\n{}",
        ])
        .await;
        assert!(said[0].starts_with("HTTP/1.1 202 "), "{}", said[0]);
        let body = Bytes::from_static(b"{}");
        assert_eq!(answer, Answer::NotStarted { body, error_type: "Runtime.NoSuchHandler".to_owned() });
    }

    #[tokio::test]
    async fn what_is_no_call_is_not_found() {
        let (said, _) = said(&[
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            "POST /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: 0\r\n\r\n",
            "POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000001/error HTTP/1.1\r\nhost: x\r\n\
             connection: close\r\ncontent-length: 0\r\n\r\n",
        ])
        .await;
        assert!(said[..2].iter().all(|said| said.starts_with("HTTP/1.1 404 ")), "{said:?}");
    }
}
