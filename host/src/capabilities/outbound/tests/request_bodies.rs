//! Either the whole body of a request reaches the server, or the guest gets an error.

use http_body::{Body, Frame};
use hyper::header::HeaderMap;
use std::io::Read as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

use super::*;

/// A body of unknown length, as guests write it.
struct Pieces(mpsc::Receiver<Frame<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}

/// A request whose body has no end while its sender exists.
fn unfinished(method: Method, uri: &str) -> (mpsc::Sender<Frame<Bytes>>, Request<WasiBody>) {
    let (guest, pieces) = mpsc::channel(8);
    (guest, request(method, uri, "").map(|_| Pieces(pieces).boxed_unsync()))
}

#[tokio::test]
async fn a_body_is_sent_with_any_method() {
    for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::OPTIONS] {
        let server = Server::start(&[&["HTTP/1.1 204 No Content\r\n\r\n"]]);
        let (guest, request) = unfinished(method.clone(), &server.uri());
        guest.try_send(Frame::data(Bytes::from_static(b"{\"query\":1}"))).unwrap();
        drop(guest);
        let response = Handler::new().outbound("a").send(request, None).await.unwrap();
        assert_eq!(response.status(), 204);
        let asked = &server.requests()[0];
        assert!(asked.contains("transfer-encoding: chunked\r\n"), "{asked}");
        assert!(asked.ends_with("\r\n\r\nB\r\n{\"query\":1}\r\n0\r\n\r\n"), "{asked}");
    }
}

#[tokio::test]
async fn a_body_with_nothing_in_it_is_none() {
    for method in [Method::GET, Method::HEAD] {
        let server = Server::start(&[&["HTTP/1.1 204 No Content\r\n\r\n"]]);
        let (guest, request) = unfinished(method, &server.uri());
        guest.try_send(Frame::data(Bytes::new())).unwrap();
        drop(guest);
        Handler::new().outbound("a").send(request, None).await.unwrap();
        let asked = &server.requests()[0];
        assert!(!asked.contains("chunked") && !asked.contains("content-length"), "{asked}");
    }
}

#[tokio::test]
async fn a_guest_that_waits_for_the_response_before_it_ends_its_body_gets_it() {
    let server = Server::start(&[&["HTTP/1.1 204 No Content\r\n\r\n…"]]);
    let (guest, request) = unfinished(Method::POST, &server.uri());
    guest.try_send(Frame::data(Bytes::from_static(b"x"))).unwrap();
    drop(guest);
    Handler::new().outbound("a").send(request, None).await.unwrap();
    // Also `GET`, which may have no body; this server reads only the head.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        let _ = stream.read(&mut [0; 100]);
    });
    let (guest, request) = unfinished(Method::GET, &uri);
    assert_eq!(Handler::new().outbound("a").send(request, None).await.unwrap().status(), 204);
    drop(guest);
}

#[tokio::test]
async fn a_length_that_the_guest_gives_is_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\nfour") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.push(byte[0]);
        }
        stream.write_all(OK.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    let (guest, mut request) = unfinished(Method::GET, &uri);
    request.headers_mut().insert("content-length", "4".parse().unwrap());
    guest.try_send(Frame::data(Bytes::from_static(b"four"))).unwrap();
    drop(guest);
    Handler::new().outbound("a").send(request, None).await.unwrap();
    let asked = server.join().unwrap();
    assert!(asked.contains("content-length: 4\r\n") && !asked.contains("chunked"), "{asked}");
}

#[tokio::test]
async fn trailers_are_refused_and_not_left_out() {
    let server = Server::start(&[&["…"]]);
    let (guest, request) = unfinished(Method::POST, &server.uri());
    let trailers: HeaderMap = [("x-sum".parse().unwrap(), "1".parse().unwrap())].into_iter().collect();
    guest.try_send(Frame::data(Bytes::from_static(b"x"))).unwrap();
    guest.try_send(Frame::trailers(trailers)).unwrap();
    drop(guest);
    let refused = Handler::new().outbound("a").send(request, None).await;
    assert!(matches!(refused, Err(Error::HttpRequestTrailerSectionSize(Some(0)))), "{refused:?}");
}

#[tokio::test]
async fn a_server_of_an_older_http_gets_no_second_request_without_its_body() {
    let old = "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok";
    let server = Server::start(&[&[old, old], &[OK]]);
    let handler = Handler::new();
    handler.get("a", &server.uri()).await.unwrap();
    let (guest, request) = unfinished(Method::POST, &server.uri());
    guest.try_send(Frame::data(Bytes::from_static(b"body"))).unwrap();
    drop(guest);
    handler.outbound("a").send(request, None).await.unwrap();
    let asked = server.requests();
    assert!(asked[1].ends_with("4\r\nbody\r\n0\r\n\r\n"), "{asked:?}");
    assert_eq!(server.connections(), [0, 1]);
}
