//! Two requests in one write, and servers that close the connection between them.

use std::io::Write as _;

use super::super::wire::tests::Step::{Read, WaitForEnd, Write};
use super::super::wire::tests::{Step, serve_all};
use super::*;

const POST: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody";
const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const BOTH: usize = POST.len() + GET.len();
const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
const EVENT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nevent";

fn request(bytes: &[u8]) -> Request {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    Request { head: bytes[..at].to_vec(), body: bytes[at..].to_vec().into() }
}

/// What a client reads from a server that takes these steps, if it sends the two requests and then asks for both replies; and
/// what the server read.
async fn both(connections: Vec<Vec<Step>>) -> (Result<[Reply; 2], ConnectionError>, Vec<u8>) {
    let (address, served) = serve_all(connections).await;
    let mut connection = Connection::new(address.to_string());
    let (first, second) = (request(POST), request(GET));
    let replies = async {
        let sent = connection.begin(&first, Some(&second)).await?;
        let accepted = connection.finish(sent, &first).await?;
        let event = match connection.second() {
            Some(sent) => connection.finish(sent, &second).await?,
            None => connection.send(&second).await?,
        };
        assert!(connection.second().is_none(), "it is asked for once");
        Ok([accepted, event])
    };
    let replies = replies.await;
    drop(connection);
    (replies, served.await.unwrap())
}

async fn both_arrive(connections: Vec<Vec<Step>>) -> Vec<u8> {
    let (replies, read) = both(connections).await;
    let [accepted, event] = replies.unwrap();
    assert_eq!((accepted.status.as_u16(), &*accepted.body), (202, &b""[..]));
    assert_eq!((event.status.as_u16(), &*event.body), (200, &b"event"[..]));
    read
}

#[tokio::test]
async fn the_replies_to_two_requests_come_in_turn() {
    let together: &[u8] = [ACCEPTED, EVENT].concat().leak();
    for steps in [
        vec![Read(BOTH), Write(ACCEPTED), Write(EVENT), WaitForEnd],
        vec![Read(BOTH), Write(together), WaitForEnd],
        vec![Read(POST.len()), Write(ACCEPTED), Read(GET.len()), Write(EVENT), WaitForEnd],
    ] {
        assert_eq!(both_arrive(vec![steps]).await, [POST, GET].concat());
    }
}

#[tokio::test]
async fn the_second_request_is_sent_again_if_the_connection_ends_before_its_reply() {
    const CLOSES: &[u8] = b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    for first in [ACCEPTED, CLOSES] {
        let again = vec![Read(GET.len()), Write(EVENT), WaitForEnd];
        let read = both_arrive(vec![vec![Read(BOTH), Write(first)], again]).await;
        assert_eq!(read, [POST, GET, GET].concat());
    }
}

#[tokio::test]
async fn a_new_connection_that_ends_before_the_first_reply_is_an_error() {
    let (replies, _) = both(vec![vec![Read(BOTH)]]).await;
    assert!(matches!(replies, Err(ConnectionError::Broken(_))), "{replies:?}");
}

#[tokio::test]
async fn both_requests_are_sent_again_if_a_used_connection_ends_before_the_first_reply() {
    let first = vec![Read(POST.len()), Write(ACCEPTED), Read(BOTH)];
    let again = vec![Read(POST.len()), Write(ACCEPTED), Read(GET.len()), Write(EVENT), WaitForEnd];
    let (address, served) = serve_all(vec![first, again]).await;
    let mut connection = Connection::new(address.to_string());
    let (post, get) = (request(POST), request(GET));
    connection.send(&post).await.unwrap();
    let sent = connection.begin(&post, Some(&get)).await.unwrap();
    assert_eq!(connection.finish(sent, &post).await.unwrap().status.as_u16(), 202);
    assert!(connection.second().is_none(), "the new connection knows nothing of it");
    assert_eq!(connection.send(&get).await.unwrap().body, "event");
    drop(connection);
    assert_eq!(served.await.unwrap(), [POST, POST, GET, POST, GET].concat());
}

#[tokio::test]
async fn an_answer_is_not_sent_again_once_its_status_has_arrived() {
    for broken in [
        &b"HTTP/1.1 202 Accepted\r\ncontent-length: 16\r\n\r\n{\"stat"[..],
        b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{\"stat",
    ] {
        let first = vec![Read(POST.len()), Write(ACCEPTED), Read(POST.len()), Write(broken)];
        let other = vec![Read(GET.len()), Write(EVENT), WaitForEnd];
        let (address, served) = serve_all(vec![first, other]).await;
        let mut connection = Connection::new(address.to_string());
        for _ in 0..2 {
            assert_eq!(connection.send(&request(POST)).await.unwrap().status.as_u16(), 202);
        }
        assert_eq!(connection.send(&request(GET)).await.unwrap().body, "event");
        drop(connection);
        assert_eq!(served.await.unwrap(), [POST, POST, GET].concat());
    }
}

/// As on a thread that is about to compute for long.
#[test]
fn a_connection_that_is_made_elsewhere_belongs_to_the_thread_of_the_first_one() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (home, elsewhere) = (runtime(), runtime());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut connection = Connection::new(listener.local_addr().unwrap().to_string());
    home.block_on(connection.open());
    connection.close();
    drop(listener.accept().unwrap());
    let handle = home.handle().clone();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let at_home = std::thread::spawn(move || home.block_on(ended));
    let get = request(GET);
    let requested = elsewhere.block_on(connection.begin(&get, None)).unwrap();
    // Nobody runs this any more, so a connection that belonged to it would never be ready.
    std::mem::forget(elsewhere);
    let reply = handle.spawn(async move { connection.finish(requested, &get).await });
    listener.accept().unwrap().0.write_all(EVENT).unwrap();
    assert_eq!(handle.block_on(reply).unwrap().unwrap().body, "event");
    drop(end);
    let _ = at_home.join().unwrap();
}

#[tokio::test]
async fn a_connection_on_which_a_reply_is_missing_is_not_used_for_another_request() {
    let first = vec![Read(BOTH), Write(ACCEPTED), WaitForEnd];
    let other = vec![Read(POST.len()), Write(ACCEPTED), WaitForEnd];
    let (address, served) = serve_all(vec![first, other]).await;
    let mut connection = Connection::new(address.to_string());
    let (post, get) = (request(POST), request(GET));
    let sent = connection.begin(&post, Some(&get)).await.unwrap();
    connection.finish(sent, &post).await.unwrap();
    connection.send(&post).await.unwrap();
    drop(connection);
    assert_eq!(served.await.unwrap(), [POST, GET, POST].concat());
}
