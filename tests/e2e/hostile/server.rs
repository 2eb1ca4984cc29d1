//! Servers that a tenant may reach and that attack: what they send and what that takes is its event's, and ends; its
//! neighbours have their turns meanwhile.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bulkhead_tests::{Answer, Event, Kind, QueuedEvent};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1024 * 1024;

/// A server that answers every request with `head` and then with `more` for as long as anybody takes it; and its port, with
/// a message for each connection that was closed.
fn endless(head: &'static str, more: &'static str) -> (u16, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port for a server");
    let port = listener.local_addr().expect("its address").port();
    let (closing, closed) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let closing = closing.clone();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(head.as_bytes()));
                flood(&stream, more);
                let _ = closing.send(());
            });
        }
    });
    (port, closed)
}

fn flood(mut stream: &TcpStream, more: &str) {
    let more = more.repeat(1 + 16 * 1024 / more.len());
    while stream.write_all(more.as_bytes()).is_ok() {}
}

/// Mallory's handler may reach loopback, under these limits; alice's means no harm.
fn stage(limits: &str) -> Stage {
    let toml = format!(
        "[handlers.http]\n[handlers.http.grants]\nallowed_outbound_hosts = ['*://*:*']\n\
         allowed_private_networks = ['127.0.0.0/8']\n[handlers.http.limits]\n{limits}\n\
         [handlers.echo]\n[tenants.mallory]\nhandler = 'http'\n[tenants.alice]\nhandler = 'echo'\n"
    );
    Stage::managed_of_manifest(8, &toml, &["http", "echo"])
}

fn ask(stage: &Stage, port: u16) -> QueuedEvent {
    let event = json!({ "url": format!("http://127.0.0.1:{port}/") });
    stage.api.queue(Event::json(event.to_string()).tenant("mallory"))
}

/// Lets mallory ask this server four times at once, sends events of alice meanwhile, and gives mallory's answers with their
/// receipts.
fn beside_alice(stage: &mut Stage, port: u16) -> Vec<(Answer, Value)> {
    let asked: Vec<QueuedEvent> = (0..4).map(|_| ask(stage, port)).collect();
    asked.iter().for_each(|queued| stage.api.wait_delivered(*queued));
    for _ in 0..50 {
        let answer = stage.api.send(Event::json("1").tenant("alice"));
        assert_eq!((answer.kind, answer.text()), (Kind::Response, "1"));
        let took = answer.answered - answer.delivered;
        assert!(took < SECOND, "a neighbour waited {took:?}");
    }
    let answers: Vec<Answer> = asked.into_iter().map(|queued| stage.api.answer(queued)).collect();
    stage.api.wait_idle();
    stage.running.wait_receipts(stage.api.posts().len());
    assert!(stage.running.is_alive());
    let receipts = stage.running.receipts().into_iter().filter(|receipt| receipt["tenantId"] == "mallory");
    answers.into_iter().zip(receipts).collect()
}

/// Each ends at `outbound_bytes`, and its receipt says what came.
fn ends_at_its_bytes(head: &'static str, more: &'static str) {
    let (port, closed) = endless(head, more);
    let mut stage = stage("outbound_bytes = '256KiB'\ncpu_time = '60s'\nwall_time = '60s'");
    for (answer, receipt) in beside_alice(&mut stage, port) {
        // In the head it is an error of the request, in the body one of the stream.
        let text = answer.text();
        assert!(text.contains("HttpResponseBodySize") || text.contains("body size"), "{text}");
        assert_eq!(receipt["limit"], "outbound_bytes");
        let bytes = receipt["outboundBytesIn"].as_u64().expect("a number");
        assert!((255 * 1024..=256 * 1024 + 1).contains(&bytes), "{receipt}");
        assert!(receipt["cpuMs"].as_f64() > Some(0.0), "{receipt}");
    }
    (0..4).for_each(|_| closed.recv_timeout(30 * SECOND).expect("each connection was closed"));
}

#[test]
fn interim_responses_without_end_are_counted_and_charged() {
    ends_at_its_bytes("", "HTTP/1.1 103 Early Hints\r\n\r\n");
}

#[test]
fn the_framing_of_chunks_is_counted_and_charged() {
    ends_at_its_bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n");
}

#[test]
fn what_a_server_makes_costly_ends_the_event_at_its_processor_time() {
    let (port, closed) = endless("", "HTTP/1.1 103 Early Hints\r\n\r\n");
    let mut stage = stage("outbound_bytes = '100GiB'\ncpu_time = '100ms'\nwall_time = '60s'");
    for (answer, receipt) in beside_alice(&mut stage, port) {
        assert_error(&answer, "Function.CpuLimitExceeded");
        assert_eq!(receipt["limit"], "cpu_time");
        let cpu = receipt["cpuMs"].as_f64().expect("a number");
        assert!((100.0..1000.0).contains(&cpu), "{receipt}");
    }
    (0..4).for_each(|_| closed.recv_timeout(30 * SECOND).expect("each connection was closed"));
}

#[test]
fn a_flood_ends_with_its_event() {
    let (port, closed) = endless("", "HTTP/1.1 103 Early Hints\r\n\r\n");
    let mut stage = stage("outbound_bytes = '100GiB'\ncpu_time = '60s'\nwall_time = '300ms'");
    for (answer, receipt) in beside_alice(&mut stage, port) {
        assert_error(&answer, "Function.Timeout");
        assert!(receipt["outboundBytesIn"].as_u64() > Some(0), "{receipt}");
    }
    (0..4).for_each(|_| closed.recv_timeout(30 * SECOND).expect("each connection was closed"));
    assert_eq!(stage.api.send(Event::json("1").tenant("alice")).text(), "1");
}

#[test]
fn what_comes_after_the_response_ends_the_connection() {
    let (port, closed) = endless(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    );
    let mut stage = stage("outbound_bytes = '1MiB'");
    for (answer, receipt) in beside_alice(&mut stage, port) {
        assert_eq!(answer.json(), json!({ "status": 200, "body": "ok" }));
        assert!(receipt["outboundBytesIn"].as_u64() < Some(MIB), "{receipt}");
    }
    // Nobody asks for anything any more.
    (0..4).for_each(|_| closed.recv_timeout(30 * SECOND).expect("each connection was closed"));
}

#[test]
fn tls_counts_with_its_handshake() {
    let origin = bulkhead_tests::origin::Origin::tls();
    let authority = origin.authority.clone().expect("an authority");
    let toml = format!(
        "[handlers.http]\n[handlers.http.grants]\nallowed_outbound_hosts = ['https://localhost:{}']\n\
         allowed_private_networks = ['127.0.0.0/8']\n[outbound]\nextra_ca_certificates = ['ca.pem']",
        origin.port()
    );
    let root =
        bulkhead_tests::TaskRoot::new().manifest(&toml).with("http").file("ca.pem", authority.as_bytes());
    let stage = Stage::at(root, |bootstrap| bootstrap);
    let event = json!({ "url": format!("https://localhost:{}/x", origin.port()) });
    assert_eq!(stage.send(&event.to_string()).json()["body"], "/x");
    let receipt = &stage.receipts()[0];
    assert!(receipt["outboundBytesIn"].as_u64() > Some(500), "{receipt}");
    assert!(receipt["outboundBytesOut"].as_u64() > Some(200), "{receipt}");
}

/// A server that answers one request with 204, and gives all that it was asked.
fn asked_once() -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port for a server");
    let port = listener.local_addr().expect("its address").port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut asked = Vec::new();
        let is_whole = |asked: &[u8]| {
            let chunked = String::from_utf8_lossy(asked).contains("chunked");
            asked.ends_with(if chunked { b"\r\n0\r\n\r\n".as_slice() } else { b"\r\n\r\n" })
        };
        let mut byte = [0];
        while !is_whole(&asked) && matches!(stream.read(&mut byte), Ok(1)) {
            asked.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("answer");
        String::from_utf8(asked).expect("text")
    });
    (port, served)
}

fn sender(port: u16) -> Stage {
    let toml = format!(
        "[handlers.send_body.grants]\nallowed_outbound_hosts = ['http://127.0.0.1:{port}']\n\
         allowed_private_networks = ['127.0.0.0/8']"
    );
    Stage::of_manifest(&toml, &["send_body"])
}

fn sent(stage: &Stage, port: u16, asked: &Value) -> Value {
    let mut event = json!({ "authority": format!("127.0.0.1:{port}"), "method": "POST", "body": "" });
    for (key, value) in asked.as_object().into_iter().flatten() {
        event[key] = value.clone();
    }
    stage.send(&event.to_string()).json()
}

#[test]
fn a_body_is_sent_whatever_the_method() {
    for method in ["GET", "HEAD", "DELETE", "POST", "QUERY"] {
        let (port, served) = asked_once();
        let answer = sent(&sender(port), port, &json!({ "method": method, "body": "in the body" }));
        assert_eq!(answer, json!([204, ""]), "{method}");
        let asked = served.join().expect("the server");
        assert!(asked.starts_with(&format!("{method} / HTTP/1.1\r\n")), "{asked}");
        assert!(asked.ends_with("\r\n\r\nB\r\nin the body\r\n0\r\n\r\n"), "{asked}");
    }
    let (port, served) = asked_once();
    assert_eq!(sent(&sender(port), port, &json!({ "method": "GET" })), json!([204, ""]));
    assert!(!served.join().expect("the server").contains("chunked"), "there was nothing in it");
}

#[test]
fn what_cannot_be_sent_is_an_error() {
    let (port, _served) = asked_once();
    let stage = sender(port);
    let trailers = sent(&stage, port, &json!({ "body": "x", "trailers": { "x-sum": "1" } }));
    assert!(
        trailers[1].as_str().is_some_and(|told| told.contains("HttpRequestTrailerSectionSize")),
        "{trailers}"
    );
    for header in
        ["transfer_encoding", "Transfer_Encoding", "content_length", "proxy_connection", "transfer.encoding"]
    {
        let refused = sent(&stage, port, &json!({ "body": "x", "headers": { header: "chunked" } }));
        assert_eq!(refused, json!([0, "HeaderError::Forbidden"]), "{header}");
    }
}
