//! Replies, valid and not, from servers on a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::http1::ReplyError;

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n";

/// What a server does with one connection.
#[derive(Debug, Clone)]
pub(in super::super) enum Step {
    /// Reads this many bytes.
    Read(usize),
    /// Writes these bytes, and lets them arrive.
    Write(&'static [u8]),
    /// Waits until the client has closed the connection.
    WaitForEnd,
    /// Tells the test that it has come to here.
    Tell(Arc<Notify>),
    /// Waits for the test.
    WaitFor(Arc<Notify>),
}

use Step::{Read, Tell, WaitFor, WaitForEnd, Write};

/// A server that accepts one connection. The receiver gets what it read.
async fn serve(steps: Vec<Step>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    serve_all(vec![steps]).await
}

/// A server that accepts one connection after the other, and closes each at the end of its steps. The receiver gets what it
/// read from all of them.
pub(in super::super) async fn serve_all(connections: Vec<Vec<Step>>) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let mut read = Vec::new();
        for steps in connections {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            take(steps, stream, &mut read).await;
        }
        read
    });
    (address, served)
}

async fn take(steps: Vec<Step>, mut stream: TcpStream, read: &mut Vec<u8>) {
    for step in steps {
        match step {
            Read(count) => {
                let start = read.len();
                read.resize(start + count, 0);
                stream.read_exact(&mut read[start..]).await.unwrap();
            }
            Write(bytes) => {
                stream.write_all(bytes).await.unwrap();
                tokio::task::yield_now().await;
            }
            Tell(written) => written.notify_one(),
            WaitFor(told) => told.notified().await,
            WaitForEnd => while stream.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {},
        }
    }
}

async fn exchange(wire: &mut Wire, request: &Request) -> Result<Reply, ConnectionError> {
    wire.send(request, None).await?;
    wire.reply(true).await
}

fn request() -> Request {
    Request { head: REQUEST.to_vec(), body: Bytes::from_static(b"body") }
}

/// The reply that a client reads from a server that writes these pieces after the request and closes the
/// connection.
async fn reply_of(pieces: &[&'static [u8]]) -> (Wire, Result<Reply, ConnectionError>) {
    let steps = [Read(REQUEST.len() + 4)].into_iter().chain(pieces.iter().map(|piece| Write(piece)));
    let (address, served) = serve(steps.collect()).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    let reply = exchange(&mut wire, &request()).await;
    assert_eq!(served.await.unwrap(), [REQUEST, b"body"].concat());
    (wire, reply)
}

#[tokio::test]
async fn a_reply_comes_in_whatever_pieces() {
    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\na: b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n1;x=y\r\no\r\n0\r\nt: u\r\n\r\n";
    const TO_THE_END: &[u8] = b"HTTP/1.0 200 OK\na: b\n\nhello";
    const ANNOUNCED: &[u8] =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\ncontent-length: 5\r\n\r\nhello";
    for (text, is_reusable) in [(WHOLE, true), (CHUNKED, true), (TO_THE_END, false), (ANNOUNCED, true)] {
        for size in [1, 2, 7, text.len()] {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            let (wire, reply) = reply_of(&pieces).await;
            let reply = reply.unwrap();
            assert_eq!((reply.status, &*reply.body), (StatusCode::OK, &b"hello"[..]));
            assert_eq!(reply.headers.get("a"), Some(&b"b"[..]));
            assert_eq!((wire.is_reusable, wire.received.len()), (is_reusable, 0), "{wire:?}");
        }
    }
}

#[tokio::test]
async fn what_ends_too_early_is_broken_and_what_is_odd_is_not_http() {
    for text in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let (_, reply) = reply_of(&[text]).await;
        assert!(matches!(reply, Err(ConnectionError::Broken(_))), "{reply:?}");
    }
    let (_, reply) = reply_of(&[b"\x16\x03\x01 no TLS here\r\n\r\n"]).await;
    assert!(matches!(reply, Err(ConnectionError::Reply(ReplyError::Http(_)))), "{reply:?}");
    for text in [
        &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        let (_, reply) = reply_of(&[text]).await;
        assert!(matches!(reply, Err(ConnectionError::Reply(ReplyError::Framing(_)))), "{reply:?}");
    }
    let (_, reply) = reply_of(&[b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"]).await;
    assert!(matches!(reply, Err(ConnectionError::BodyTooLarge)), "{reply:?}");
}

#[tokio::test]
async fn a_head_without_an_end_is_given_up() {
    let line = vec![b'a'; reply::MAX_HEADERS + 2 * READ].leak();
    let (address, _served) = serve(vec![Read(REQUEST.len() + 4), Write(line), WaitForEnd]).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    let reply = exchange(&mut wire, &request()).await;
    assert!(matches!(reply, Err(ConnectionError::Reply(ReplyError::HeadersTooLarge))), "{reply:?}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_is_not_waited_for() {
    let steps = vec![Read(REQUEST.len() + 4), Write(b"SSH-2.0-OpenSSH_9.6\r\n"), WaitForEnd];
    let (address, _served) = serve(steps).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    let reply = exchange(&mut wire, &request()).await;
    assert!(matches!(reply, Err(ConnectionError::Reply(ReplyError::Http(_)))), "{reply:?}");
}

#[tokio::test]
async fn what_nobody_asked_for_spoils_the_connection() {
    let (mut wire, reply) = reply_of(&[b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK"]).await;
    reply.unwrap();
    assert!(!wire.is_usable());
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_known_to_be_closed() {
    let (mut wire, reply) = reply_of(&[b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).await;
    reply.unwrap();
    wire.stream.readable().await.unwrap();
    assert!(wire.was_closed() && !wire.is_usable());
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_is_taken() {
    const ANSWER: &[u8] = b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig";
    let (address, _served) = serve(vec![Read(100), Write(ANSWER), WaitForEnd]).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    let body = vec![0; 32 * 1024 * 1024];
    let request = Request { head: [REQUEST, &[b' '; 100]].concat(), body: body.into() };
    // The server reads on only after the client has closed the connection.
    let reply = exchange(&mut wire, &request).await.unwrap();
    assert_eq!((reply.status.as_u16(), &*reply.body), (413, &b"big"[..]));
    assert!(!wire.is_usable());
}

#[tokio::test]
async fn what_comes_before_the_end_of_the_request_need_not_end_it() {
    const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    for (early, late) in [(ACCEPTED, &b""[..]), (CONTINUE, ACCEPTED)] {
        let body = Bytes::from(vec![b'x'; 16 * 1024 * 1024]);
        let rest = REQUEST.len() + body.len() - 100;
        let (address, served) = serve(vec![Read(100), Write(early), Read(rest), Write(late)]).await;
        let mut wire = Wire::connect(&address.to_string()).await.unwrap();
        let reply =
            exchange(&mut wire, &Request { head: REQUEST.to_vec(), body: body.clone() }).await.unwrap();
        assert_eq!((reply.status, wire.is_reusable), (StatusCode::OK, true));
        assert!(served.await.unwrap().ends_with(&body));
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_an_interim_reply() {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\n\r\n";
    let written = Arc::new(Notify::new());
    let steps = vec![
        Read(HEAD.len()),
        Write(b"HTTP/1.1 102 Processing\r\n\r\n"),
        Tell(Arc::clone(&written)),
        Read(b"1\r\nx\r\n0\r\n\r\n".len()),
        Write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"),
    ];
    let (address, _served) = serve(steps).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    let (sender, mut pieces) = mpsc::channel(4);
    let send = async {
        written.notified().await;
        sender.send(Piece::Data(Bytes::from_static(b"x"))).await.unwrap();
        sender.send(Piece::End(None)).await.unwrap();
    };
    let (reply, ()) = tokio::join!(wire.stream(HEAD, &mut pieces), send);
    assert_eq!(reply.unwrap().status.as_u16(), 202);
}

#[tokio::test]
async fn a_large_body_comes_whole_and_takes_its_buffer_along() {
    let body: &[u8] = vec![b'x'; 3 * 1024 * 1024].leak();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes().leak();
    let again = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let length = REQUEST.len() + 4;
    let (address, _served) =
        serve(vec![Read(length), Write(head), Write(body), Read(length), Write(again)]).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    assert!(exchange(&mut wire, &request()).await.unwrap().body == body && wire.is_usable());
    assert_eq!(exchange(&mut wire, &request()).await.unwrap().body, "ok");
    assert!(wire.received.capacity() <= 2 * READ, "{}", wire.received.capacity());
}

#[tokio::test]
async fn a_streamed_body_goes_out_in_chunks_and_ends_with_its_trailers() {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\n\r\n";
    const BODY: &[u8] = b"3\r\none\r\n10\r\n0123456789abcdef\r\n0\r\netag: x\r\n\r\n";
    let length = HEAD.len() + BODY.len();
    let (address, served) =
        serve(vec![Read(length), Write(b"HTTP/1.1 202 \r\ncontent-length: 0\r\n\r\n")]).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    let (sender, mut pieces) = mpsc::channel(4);
    let trailers = HeaderMap::from_iter([(hyper::header::ETAG, "x".parse().unwrap())]);
    for piece in ["one", "", "0123456789abcdef"] {
        sender.send(Piece::Data(Bytes::from_static(piece.as_bytes()))).await.unwrap();
    }
    sender.send(Piece::End(Some(trailers))).await.unwrap();
    assert_eq!(wire.stream(HEAD, &mut pieces).await.unwrap().status.as_u16(), 202);
    assert_eq!(served.await.unwrap(), [HEAD, BODY].concat());
    assert!(wire.is_reusable);
}

#[tokio::test]
async fn a_streamed_body_without_an_end_is_cut_off() {
    let (address, _served) = serve(vec![WaitForEnd]).await;
    let mut wire = Wire::connect(&address.to_string()).await.unwrap();
    let (sender, mut pieces) = mpsc::channel(4);
    sender.send(Piece::Data(Bytes::from_static(b"one"))).await.unwrap();
    drop(sender);
    let reply = wire.stream(b"POST / HTTP/1.1\r\n\r\n", &mut pieces).await;
    assert!(matches!(reply, Err(ConnectionError::CutOff)), "{reply:?}");
}

#[tokio::test]
async fn a_server_that_answers_or_goes_away_ends_a_streamed_body() {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\n\r\n";
    for (answer, status) in [(&b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n"[..], Some(400)), (b"", None)]
    {
        let (address, _served) = serve(vec![Read(HEAD.len()), Write(answer)]).await;
        let mut wire = Wire::connect(&address.to_string()).await.unwrap();
        // The other end stays open, and sends nothing.
        let (_sender, mut pieces) = mpsc::channel(4);
        let reply = wire.stream(HEAD, &mut pieces).await;
        assert_eq!(reply.ok().map(|reply| reply.status.as_u16()), status);
        assert!(!wire.is_usable());
    }
}
