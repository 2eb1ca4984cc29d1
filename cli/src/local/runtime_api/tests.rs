//! The calls of a runtime, byte for byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::super::events::{Answer, Event};
use super::*;

/// A server, and what has become of the only event, once a runtime has said this.
async fn said(requests: &'static [&'static str]) -> (Vec<String>, Answer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let events = Arc::new(Events::new(Duration::from_secs(3)));
    tokio::spawn(serve(listener, Arc::clone(&events)));
    events.begin_environment(EnvironmentId::ONLY);
    let event = Event {
        body: Bytes::from_static(b"{}"),
        tenant_id: Some(HeaderValue::from_static("acme")),
        client_context: Some(HeaderValue::from_static("{}")),
        trace_id: Some(HeaderValue::from_static("Root=1-2-3")),
    };
    let answer = events.send(ID.to_owned(), event);
    let said = tokio::task::spawn_blocking(move || requests.iter().map(|text| say(address, text)).collect());
    (said.await.unwrap(), answer.await.unwrap().collect().await)
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

const ID: &str = "00000000-0000-4000-8000-000000000001";

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

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
        "lambda-runtime-trace-id: Root=1-2-3",
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

#[tokio::test]
async fn a_page_of_the_web_takes_and_answers_no_event() {
    const STOLEN: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        sec-fetch-site: cross-site\r\n\r\n";
    const FORGED: &str = "POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000001/response \
        HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: https://example.com\r\ncontent-length: 2\r\n\r\nno";
    const RESPONSE: &str = "POST /2018-06-01/runtime/invocation/00000000-0000-4000-8000-000000000001/response \
        HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let (said, answer) = said(&[STOLEN, NEXT, FORGED, RESPONSE]).await;
    assert!(said[0].starts_with("HTTP/1.1 404 ") && said[2].starts_with("HTTP/1.1 404 "), "{said:?}");
    assert_eq!(answer, Answer::Replied(Bytes::from_static(b"ok")));
}
