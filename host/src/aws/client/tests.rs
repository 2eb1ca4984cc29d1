//! Servers that keep connections, close them, and answer in all ways that are wrong.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;
use crate::http1::ReplyError;
use crate::http1::test_server::{OK, Server as TestServer, certificate, receive};

const PATIENCE: Duration = Duration::from_secs(60);

fn target(server: &TestServer) -> Server {
    Server::of_url(&server.uri()).unwrap().0
}

fn get(server: &Server) -> Request<'_> {
    Request {
        server,
        method: "GET",
        target: "/a?b",
        headers: &[("x", "y")],
        body: b"",
        most: 100,
        time: PATIENCE,
        is_repeatable: true,
    }
}

/// What becomes of a request that a server answers like this, and then closes the connection.
fn answered(reply: &str) -> Result<Reply, ClientError> {
    let server = TestServer::start(&[&[reply]]);
    Client::default().send(&get(&target(&server)))
}

#[test]
fn a_request_has_its_headers_and_a_connection_is_kept() {
    let server = TestServer::start(&[&[OK, OK, OK]]);
    let (client, target) = (Client::default(), target(&server));
    for _ in 0..2 {
        let reply = client.send(&get(&target)).unwrap();
        assert_eq!(
            (reply.status, &*reply.body, reply.header("Content-Length")),
            (200, &b"ok"[..], Some("2"))
        );
    }
    let put = Request { method: "PUT", ..get(&target) };
    client.send(&put).unwrap();
    assert_eq!(server.connections(), [0, 0, 0]);
    let host = target.authority();
    let head = format!("GET /a?b HTTP/1.1\r\nhost: {host}\r\nx: y\r\naccept-encoding: identity\r\n\r\n");
    assert_eq!(server.requests()[0], head);
    assert!(server.requests()[2].contains("\r\ncontent-length: 0\r\n"), "{:?}", server.requests());
}

#[test]
fn a_connection_that_was_kept_and_has_closed_is_replaced() {
    let closes = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    // After its first reply, the first one takes a request and closes without a reply.
    let server = TestServer::start(&[&[OK, ""], &[OK, ""], &[closes]]);
    let (client, target) = (Client::default(), target(&server));
    client.send(&get(&target)).unwrap();
    assert_eq!(client.send(&get(&target)).unwrap().status, 200);
    // What may have been done already is not done again.
    let put = Request { method: "PUT", is_repeatable: false, ..get(&target) };
    assert!(matches!(client.send(&put), Err(ClientError::Broken(_))));
    assert_eq!(client.send(&get(&target)).unwrap().status, 200);
    assert_eq!(server.connections(), [0, 0, 1, 1, 2]);
    // A new connection that breaks is an error at once.
    let server = TestServer::start(&[&[""], &[OK]]);
    assert!(matches!(Client::default().send(&get(&self::target(&server))), Err(ClientError::Broken(_))));
}

#[test]
fn a_connection_is_not_kept_if_more_came_than_a_reply() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil…",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok…",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok…",
    ] {
        let server = TestServer::start(&[&[reply], &[OK]]);
        let (client, target) = (Client::default(), target(&server));
        for _ in 0..2 {
            assert_eq!(client.send(&get(&target)).unwrap().body, b"ok");
        }
        assert_eq!(server.connections(), [0, 1], "{reply}");
    }
}

#[test]
fn a_connection_is_not_kept_if_more_came_than_a_reply_in_a_record_of_tls() {
    // Of a large reply, the rest is read as long as it is; what follows it in the same record is not.
    let (roots, tls) = certificate();
    let body = "x".repeat(12_000);
    let length = body.len();
    let smuggled = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil…"
    );
    let server = TestServer::at("127.0.0.1:0", Some(tls), &[&[&smuggled], &[OK]]);
    let target = Server { is_tls: true, host: "localhost".to_owned(), port: server.port() };
    let client = Client::new(ExtraRoots::read(&roots).unwrap());
    let request = Request { most: 20_000, ..get(&target) };
    assert_eq!(client.send(&request).unwrap().body.len(), length);
    assert_eq!(client.lock().len(), 0);
    assert_eq!(client.send(&request).unwrap().body, b"ok");
    assert_eq!(server.connections(), [0, 1]);
}

#[test]
fn a_connection_is_not_kept_if_its_reply_can_be_read_in_two_ways() {
    let both =
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n…";
    let server = TestServer::start(&[&[both], &[OK]]);
    let (client, target) = (Client::default(), target(&server));
    for _ in 0..2 {
        assert_eq!(client.send(&get(&target)).unwrap().body, b"ok");
    }
    assert_eq!(server.connections(), [0, 1]);
}

#[test]
fn a_connection_that_rested_for_long_is_not_used_again() {
    let server = TestServer::start(&[&[OK, OK, OK], &[OK, OK]]);
    let (client, target) = (Client::default(), target(&server));
    client.send(&get(&target)).unwrap();
    client.send(&get(&target)).unwrap();
    let long_ago = SystemTime::now() - LONGEST_REST - Duration::from_secs(1);
    client.lock()[0].since = long_ago;
    client.send(&get(&target)).unwrap();
    assert_eq!(server.connections(), [0, 0, 1]);
    // Nor one of the future: the clock was set.
    client.lock().iter_mut().for_each(|kept| kept.since = SystemTime::now() + LONGEST_REST);
    assert!(client.take(&target).is_none());
}

#[test]
fn a_kept_connection_whose_server_says_nothing_takes_the_time_of_the_request_and_no_more() {
    let server = TestServer::start(&[&[OK, "…"]]);
    let (client, target) = (Client::default(), target(&server));
    client.send(&get(&target)).unwrap();
    let request = Request { time: Duration::from_millis(50), ..get(&target) };
    let error = client.send(&request).unwrap_err();
    assert!(matches!(error, ClientError::TimedOut), "{error:?}");
}

#[test]
fn few_connections_are_kept() {
    let servers: Vec<_> = (0..MAX_KEPT + 3).map(|_| TestServer::start(&[&["…"], &[OK]])).collect();
    let client = Client::default();
    let keep = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let all: Vec<_> = (0..MAX_KEPT + 3).map(|_| TestServer::start(&[&[keep, keep]])).collect();
    for server in &all {
        client.send(&get(&target(server))).unwrap();
    }
    assert_eq!(client.lock().len(), MAX_KEPT);
    assert_eq!(client.lock()[0].server, target(&all[3]), "the oldest ones are closed");
    drop(servers);
}

#[test]
fn bodies_and_interim_replies() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1;x\r\n!\r\n0\r\nt: u\r\n\r\n";
    assert_eq!(answered(chunked).unwrap().body, b"ok!");
    let continued = format!("HTTP/1.1 100 Continue\r\n\r\n{OK}");
    assert_eq!(answered(&continued).unwrap().body, b"ok");
    let unchanged = answered("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n").unwrap();
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    let server = TestServer::start(&[&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"]]);
    let target = target(&server);
    let head = Request { method: "HEAD", ..get(&target) };
    assert_eq!(Client::default().send(&head).unwrap().body, b"");
}

#[test]
fn what_is_not_a_body_is_read_up_to_a_limit() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(4_000);
    assert!(matches!(answered(&format!("{interim}…")), Err(ClientError::HeadTooLarge)));
    let extensions = format!("1;{}\r\nx\r\n", "e".repeat(4_000)).repeat(40);
    let trailers = "0\r\n".to_owned() + &"t: u\r\n".repeat(20_000);
    for rest in [extensions, trailers] {
        match answered(&format!("{head}{rest}…")) {
            Err(ClientError::Reply(ReplyError::Framing(text))) => assert!(text.contains("around the chunks")),
            other => panic!("{other:?}"),
        }
    }
    // The smallest chunks are allowed, as are some interim replies.
    let chunks = "1\r\nx\r\n".repeat(100);
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(10);
    let reply = answered(&format!("{interim}{head}{chunks}0\r\nt: u\r\n\r\n")).unwrap();
    assert_eq!(reply.body.len(), 100);
}

#[test]
fn a_redirect_is_a_reply_like_others() {
    let elsewhere = TestServer::start(&[&[OK]]);
    let reply =
        format!("HTTP/1.1 301 Moved\r\nlocation: {}\r\ncontent-length: 4\r\n\r\nmove", elsewhere.uri());
    let reply = answered(&reply).unwrap();
    assert_eq!((reply.status, &*reply.body), (301, &b"move"[..]));
    assert_eq!(elsewhere.requests(), [] as [String; 0]);
}

#[test]
fn replies_that_are_cut_off_or_have_a_wrong_length_or_form() {
    let broken = |reply: &str| matches!(answered(reply), Err(ClientError::Broken(_)));
    assert!(broken("HTTP/1.1 200 OK\r\ncontent-len"));
    assert!(broken("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok"));
    assert!(broken("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok"));
    assert!(broken("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"));
    let framing = |reply: &str| matches!(answered(reply), Err(ClientError::Reply(ReplyError::Framing(_))));
    assert!(framing("HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok"));
    assert!(framing("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"));
    assert!(framing("HTTP/1.1 200 OK\r\n\r\nok"), "it may be cut off");
    assert!(framing("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok"));
    assert!(framing("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokay\r\n"));
    for odd in ["SSH-2.0-OpenSSH_9.6\r\n…", "<html>…", "HTTP/1.1 two OK\r\n\r\n"] {
        assert!(matches!(answered(odd), Err(ClientError::Reply(ReplyError::Http(_)))), "{odd}");
    }
}

#[test]
fn replies_that_are_too_large() {
    let too_large = |reply: &str| match answered(reply) {
        Err(ClientError::TooLarge { length, most: 100 }) => length,
        other => panic!("{other:?}"),
    };
    assert_eq!(too_large("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n…"), 101);
    assert_eq!(too_large("HTTP/1.1 200 OK\r\ncontent-length: 999999999999999\r\n\r\n…"), 999_999_999_999_999);
    let chunks = "50\r\n".to_owned() + &"x".repeat(0x50) + "\r\n";
    let endless = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}…", chunks.repeat(9));
    assert_eq!(too_large(&endless), 160);
    for head in [
        format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(100_000)),
        format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(100_000)),
    ] {
        let error = answered(&format!("{head}…")).unwrap_err();
        assert!(matches!(error, ClientError::HeadTooLarge | ClientError::Reply(_)), "{error:?}");
    }
    // One that reports an error is not read.
    let reply = answered("HTTP/1.1 500 Oh\r\ncontent-length: 99999999\r\n\r\n…").unwrap();
    assert_eq!((reply.status, reply.body.len()), (500, 0));
    let reply = answered("HTTP/1.1 502 Oh\r\n\r\nuntil it is closed").unwrap();
    assert_eq!((reply.status, reply.body.len()), (502, 0));
}

/// Sends a request whose server writes a byte of its reply again and again, after the beginning.
fn dripped(beginning: &str) -> (ClientError, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let beginning = beginning.to_owned();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        receive(&mut stream);
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        // Until the client has closed the connection.
        while !matches!(stream.read(&mut [0]), Ok(0)) {
            if stream.write_all(b"1").is_err() {
                break;
            }
        }
    });
    let target = Server::of_url(&url).unwrap().0;
    let client = Client::default();
    let started = Instant::now();
    let time = Duration::from_millis(200);
    let error = client.send(&Request { most: 1 << 30, time, ..get(&target) }).unwrap_err();
    server.join().unwrap();
    (error, started.elapsed())
}

#[test]
fn a_server_that_is_slow_is_not_waited_for_longer_than_the_time_of_the_request() {
    for beginning in [
        "",
        "HTTP/1.1 200 OK\r\na: ",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\n",
        "HTTP/1.1 503 Slow Down\r\ncontent-length: 9999\r\n\r\n",
    ] {
        let (error, took) = dripped(beginning);
        let is_in_time = matches!(error, ClientError::TimedOut | ClientError::Reply(_));
        assert!(is_in_time && took < Duration::from_secs(20), "{beginning:?}: {error:?} after {took:?}");
    }
    // One that accepts and says nothing, and one that does not even accept.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = Server::of_url(&format!("http://{}", listener.local_addr().unwrap())).unwrap().0;
    let request = Request { time: Duration::from_millis(50), ..get(&silent) };
    assert!(matches!(Client::default().send(&request), Err(ClientError::TimedOut)));
    let request = Request { time: Duration::ZERO, ..get(&silent) };
    assert!(matches!(Client::default().send(&request), Err(ClientError::Connect { .. })));
}

#[test]
fn a_server_that_is_gone_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = Server::of_url(&format!("http://{address}")).unwrap().0;
    let error = Client::default().send(&get(&gone)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{address} cannot be connected to: ")), "{error}");
    let nowhere = Server::of_url("http://no-such-host.invalid").unwrap().0;
    let error = Client::default().send(&get(&nowhere)).unwrap_err().to_string();
    assert!(error.starts_with("no-such-host.invalid cannot be connected to: "), "{error}");
}

#[test]
fn a_large_request_that_is_rejected_has_its_reply() {
    let rejects = "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno…";
    let server = TestServer::start(&[&[rejects]]);
    let target = target(&server);
    let body = vec![0; 100];
    let put = Request { method: "PUT", body: &body, is_repeatable: false, ..get(&target) };
    assert_eq!(Client::default().send(&put).unwrap().status, 403);
}

#[test]
fn tls_trusts_only_known_authorities() {
    let (roots, tls) = certificate();
    let server = TestServer::at("127.0.0.1:0", Some(tls), &[&[OK, OK], &[OK]]);
    let target = Server { is_tls: true, host: "localhost".to_owned(), port: server.port() };
    let client = Client::new(ExtraRoots::read(&roots).unwrap());
    for _ in 0..2 {
        assert_eq!(client.send(&get(&target)).unwrap().body, b"ok");
    }
    assert_eq!(server.connections(), [0, 0]);
    let error = Client::default().send(&get(&target)).unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}
