//! Guests that attack over HTTP: the Runtime API by every name, servers that smuggle, and hosts that never end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::hostile::{AttackResults, guest};

/// Every host, and no private network.
const EVERY_HOST: &str = r#"allowed_outbound_hosts = ["*://*:*"]"#;
/// Every host, and the network that the Runtime API lies in too.
const LOOPBACK: &str = r#"allowed_outbound_hosts = ["*://*:*"]
    allowed_private_networks = ["127.0.0.0/8", "::1/128"]"#;
/// What leads to the loopback interface, one way or another.
const SPELLINGS: [&str; 17] = [
    "127.0.0.1",
    "127.1",
    "127.000.000.001",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "localhost",
    "LOCALHOST",
    "0.0.0.0",
    "0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::]",
];

/// A server that does the same with every connection, and its port.
fn serve(behave: impl Fn(TcpStream) + Send + Copy + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port for a server");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || behave(stream));
        }
    });
    port
}

fn url(url: impl Into<String>) -> String {
    json!({ "url": url.into() }).to_string()
}

/// Every request failed in this way.
fn assert_errors(results: &AttackResults, expected: &str) {
    for answer in &results.answers {
        let body = answer.json();
        let error = body["error"].as_str().unwrap_or_else(|| panic!("no error: {body}"));
        // The guest's client may notice first that nobody takes its body.
        assert!(error.starts_with(expected) || error == "connection reset", "{error}");
    }
}

/// Every way to the Runtime API is refused, and the first of its connections stays the only one.
fn never_reaches_the_runtime_api(grants: &str) {
    let path = "/2018-06-01/runtime/invocation/next";
    let urls = SPELLINGS.map(|host| url(format!("http://{host}:{{api}}{path}")));
    let results = guest("http").grants(grants).events(&urls).run();
    assert_errors(&results, "ErrorCode::DestinationIpProhibited");
    assert_eq!(results.records().len(), SPELLINGS.len(), "each is logged");
}

#[test]
fn the_runtime_api_with_every_host_allowed() {
    never_reaches_the_runtime_api(EVERY_HOST);
}

#[test]
fn the_runtime_api_with_its_network_granted() {
    never_reaches_the_runtime_api(LOOPBACK);
}

#[test]
fn http() {
    let nothing = guest("http").events(&[url("http://127.0.0.1:{api}/"), url("https://example.com/")]).run();
    assert_errors(&nothing, "ErrorCode::HttpRequestDenied");
    let records = nothing.records();
    assert!(
        records[1]
            .contains(r#"add "https://example.com" to allowed_outbound_hosts in [handlers.hostile.grants]"#),
        "{records:?}"
    );
    let metadata = [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "10.0.0.1",
    ];
    let metadata = metadata.map(|host| url(format!("http://{host}/latest/meta-data/")));
    let refused = guest("http").grants(EVERY_HOST).events(&metadata).run();
    assert_errors(&refused, "ErrorCode::DestinationIpProhibited");
    assert_eq!(refused.records().len(), 6, "each is logged");
}

#[test]
fn smuggle() {
    guest("smuggle").grants(EVERY_HOST).replies("[]");
}

#[test]
fn http_many() {
    let event = json!({ "url": "http://example.com/", "count": 500 }).to_string();
    let results =
        guest("http_many").limit("cpu_time", "1000ms").limit("wall_time", "2000ms").events(&[event]).run();
    results.each(|_, receipt| {
        assert_eq!(
            (&receipt["outboundRequests"], &receipt["limit"]),
            (&32.into(), &"outbound_requests".into())
        );
    });
    // A denial has a record each, and that the limit was reached has one.
    assert_eq!(results.records().len(), 2 * 33);
}

#[test]
fn upload() {
    let port = serve(|mut stream| drop(std::io::copy(&mut stream, &mut std::io::sink())));
    let event = json!({ "url": format!("http://127.0.0.1:{port}/"), "mebibytes": 4 }).to_string();
    let attack = guest("upload").grants(LOOPBACK).limit("outbound_bytes", "1MiB").events(&[event]);
    attack.run().each(|answer, receipt| {
        assert_ne!(answer.text(), "\"200\"");
        assert_eq!(receipt["limit"], "outbound_bytes");
        assert!(receipt["outboundBytesOut"].as_u64() < Some(2 * 1024 * 1024), "{receipt}");
    });
}

/// What a server does that answers with a head and then with anything.
fn head(mut stream: &TcpStream, head: &str) {
    // It may be gone already.
    let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(head.as_bytes()));
}

fn request_to(port: u16) -> crate::hostile::Attack {
    guest("http")
        .grants(LOOPBACK)
        .limit("outbound_bytes", "1MiB")
        .events(&[url(format!("http://127.0.0.1:{port}/"))])
}

#[test]
fn a_server_whose_body_never_ends() {
    let results = request_to(serve(|mut stream| {
        head(&stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    }))
    .run();
    results.each(|answer, receipt| {
        assert!(answer.text().contains("body size"), "{}", answer.text());
        assert_eq!(receipt["limit"], "outbound_bytes");
        assert!(receipt["outboundBytesIn"].as_u64() < Some(2 * 1024 * 1024), "{receipt}");
    });
}

#[test]
fn a_server_that_sends_a_byte_now_and_then() {
    request_to(serve(|mut stream| {
        head(&stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        // The other side is gone once the event is over; until then it gets a byte whenever it has been quiet.
        let _ = stream.set_read_timeout(Some(std::time::Duration::from_millis(50)));
        while stream.read(&mut [0; 16]).is_err() && stream.write_all(b"x").is_ok() {}
    }))
    .limit("wall_time", "500ms")
    .hits("Function.Timeout", "wall_time");
}

#[test]
fn a_server_that_never_answers() {
    request_to(serve(|mut stream| while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}))
        .limit("wall_time", "500ms")
        .hits("Function.Timeout", "wall_time");
}

#[test]
fn a_server_whose_head_never_ends() {
    let results = request_to(serve(|mut stream| {
        head(&stream, "HTTP/1.1 200 OK\r\n");
        while stream.write_all(format!("x: {}\r\n", "y".repeat(1000)).as_bytes()).is_ok() {}
    }))
    .run();
    assert_errors(&results, "ErrorCode::Http");
}

/// Every request ended at a limit, and its receipts are right.
fn ends_at_a_limit(behave: impl Fn(TcpStream) + Send + Copy + 'static) {
    let results = request_to(serve(behave)).run();
    results.each(|_, receipt| {
        let limit = receipt["limit"].as_str().unwrap_or_default();
        assert!(["outbound_bytes", "cpu_time", "wall_time"].contains(&limit), "{receipt}");
        assert!(receipt["outboundBytesIn"].as_u64() <= Some(1024 * 1024 + 1), "{receipt}");
    });
}

#[test]
fn a_server_whose_interim_responses_never_end() {
    ends_at_a_limit(|mut stream| {
        head(&stream, "HTTP/1.1 103 Early Hints\r\n\r\n");
        while stream.write_all("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(500).as_bytes()).is_ok() {}
    });
}

#[test]
fn a_server_that_sends_chunks_of_a_byte() {
    ends_at_a_limit(|mut stream| {
        head(&stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all("1\r\nx\r\n".repeat(2000).as_bytes()).is_ok() {}
    });
}

#[test]
fn a_server_that_sends_packets_of_a_byte() {
    ends_at_a_limit(|mut stream| {
        let _ = stream.set_nodelay(true);
        head(&stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b"x").is_ok() {}
    });
}

#[test]
fn a_server_that_sends_to_the_runtime_api() {
    // The redirect is the guest's business, which gets it as it is.
    let results = request_to(serve(|stream| {
        head(&stream, "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9001/\r\ncontent-length: 0\r\n\r\n");
    }))
    .run();
    let statuses: Vec<Value> = results.answers.iter().map(|answer| answer.json()["status"].clone()).collect();
    assert_eq!(statuses, [302, 302]);
}

#[test]
fn a_server_that_says_two_things_about_its_length() {
    let results = request_to(serve(|stream| {
        head(&stream, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!");
    }))
    .run();
    assert_errors(&results, "ErrorCode::HttpProtocolError");
}
