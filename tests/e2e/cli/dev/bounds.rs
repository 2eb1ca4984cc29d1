//! What anybody may send to function URLs costs `bulkhead dev` a bounded part of its memory.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use bulkhead_tests::{Dev, TaskRoot};

const MIB: usize = 1024 * 1024;

/// A page of another site sends these headers.
const CROSS_SITE: &str =
    "Origin: https://example.com\r\nSec-Fetch-Site: cross-site\r\nContent-Type: text/plain\r\n";

/// What it may take beside what it took before: 64 MiB on their way, 32 MiB kept, and what reading and writing them takes.
const ROOM: u64 = 128 * MIB as u64;

/// Sends the head of a POST to the URL of `echo`, and so much of a body of this length.
fn post(dev: &Dev, length: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(dev.urls()).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set a time limit");
    let host = dev.host("echo");
    let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{CROSS_SITE}Content-Length: {length}\r\n\r\n");
    // What is refused is not read to its end.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&vec![b'x'; sent]));
    stream
}

/// The status of the answer; none where the connection was closed on what was still written.
fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut start = [0; 12];
    stream.read_exact(&mut start).ok()?;
    std::str::from_utf8(&start).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

fn start() -> (TaskRoot, Dev, u64) {
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &[]);
    assert_eq!(dev.invoke("echo", "1", &[]).text(), "1");
    let before = dev.running.rss();
    (root, dev, before)
}

#[test]
fn a_flood_of_requests_is_kept_within_a_budget() {
    let (_root, dev, before) = start();
    // 250 MB in all; each is small enough to be kept.
    for _ in 0..1000 {
        assert_eq!(status(&mut post(&dev, 240_000, 240_000)), Some(200));
    }
    let taken = dev.running.peak_rss() - before;
    assert!(taken < ROOM, "it took {} MB", taken / 1_000_000);
    let events = dev.request("GET /.bulkhead/events", &[], "").json();
    let events = events.as_array().expect("a list");
    assert_eq!(events.len(), 1000, "what became of them is still known");
    assert!(events[0]["event"].is_null() && events[0]["isGivenUp"] == true, "{}", events[0]);
    assert!(events[999]["event"].is_string() && events[999]["isGivenUp"] == false);
}

#[test]
fn bodies_that_never_end_leave_no_room_for_more_and_none_for_the_api_is_lost() {
    let (_root, dev, before) = start();
    let held: Vec<TcpStream> = (0..10).map(|_| post(&dev, 6 * MIB, 6 * MIB - 1)).collect();
    for _ in 0..5 {
        assert_eq!(status(&mut post(&dev, 6 * MIB, 6 * MIB)), Some(429));
    }
    assert_eq!(dev.url("echo", "POST /", &[], "a").status, 200, "a small one has room");
    let large = format!("\"{}\"", "x".repeat(5 * MIB));
    assert_eq!(dev.invoke("echo", &large, &[]).body.len(), large.len(), "the API has room of its own");
    let taken = dev.running.peak_rss() - before;
    assert!(taken < ROOM, "it took {} MB", taken / 1_000_000);
    drop(held);
    let has_room = || status(&mut post(&dev, 4 * MIB, 4 * MIB)) == Some(200);
    assert!((0..100).any(|_| has_room()), "what they had is given back");
}

#[test]
fn what_is_no_event_of_lambda_s_size_is_refused() {
    let (_root, dev, _) = start();
    let text = [("Content-Type", "text/plain")];
    // As JSON each of these bytes is six.
    assert_eq!(dev.url("echo", "POST /", &text, vec![1; 2 * MIB]).status, 413);
    assert_eq!(dev.url("echo", "POST /", &[], vec![1; 5 * MIB]).status, 413, "as base64");
    assert_eq!(dev.url("echo", "POST /", &text, vec![b'a'; 5 * MIB]).status, 200);
    assert_eq!(dev.url("echo", "POST /", &text, vec![b'a'; 7 * MIB]).status, 413);
}
