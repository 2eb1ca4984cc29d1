//! The server against clients that are a few lines of blocking socket code.

use std::io::{Read as _, Write as _};

use super::connection::ACCEPTED;
use super::*;

const NEXT: &[u8] = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n";
const SHORTLY: Duration = Duration::from_secs(20);

fn event(answer: Option<&str>) -> Arc<Event> {
    let answer = answer.map(|text| text.as_bytes().to_vec());
    Arc::new(Event { body: b"ping".to_vec(), answer, deadline: Duration::from_secs(1), tenant: None })
}

/// A connection that asked for an event.
fn asking(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(NEXT).unwrap();
    stream
}

/// Reads an event, and gives its id.
fn take(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\nping") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    let id = text.lines().find_map(|line| line.strip_prefix("Lambda-Runtime-Aws-Request-Id: "));
    id.unwrap().to_owned()
}

fn answer(stream: &mut TcpStream, id: &str, body: &str) {
    let head = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    let mut reply = [0; ACCEPTED.len()];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, ACCEPTED);
}

#[test]
fn every_pending_call_gets_an_event_and_answers_come_in_any_order() {
    let server = Server::start().unwrap();
    let (mut a, mut b) = (asking(&server), asking(&server));
    assert_eq!(server.wait_pending(2, SHORTLY).unwrap(), 2);
    let batch = server.begin(&event(Some("pong")), 2, Duration::ZERO);
    let (of_a, of_b) = (take(&mut a), take(&mut b));
    assert_ne!(of_a, of_b);
    answer(&mut a, &of_b, "pong");
    assert!(!server.wait_done(&batch, Duration::ZERO).unwrap());
    answer(&mut a, &of_a, "pong");
    assert!(server.wait_done(&batch, SHORTLY).unwrap());
    let timings = batch.timings().unwrap();
    assert_eq!(timings.len(), 2);
    assert!(timings[0].answered <= timings[1].answered);
    assert!(timings.iter().all(|timing| timing.end == End::Response && timing.latency() > Duration::ZERO));
}

#[test]
fn a_wrong_answer_is_shown() {
    let server = Server::start().unwrap();
    let mut stream = asking(&server);
    let batch = server.begin(&event(Some("pong")), 1, Duration::ZERO);
    let id = take(&mut stream);
    answer(&mut stream, &id, "pang");
    assert!(server.wait_done(&batch, SHORTLY).unwrap());
    let error = batch.timings().unwrap_err().to_string();
    assert!(error.contains("pang") && error.contains("pong"), "{error}");
}

#[test]
fn an_event_is_answered_once() {
    let server = Server::start().unwrap();
    let mut stream = asking(&server);
    let batch = server.begin(&event(None), 1, Duration::ZERO);
    let id = take(&mut stream);
    answer(&mut stream, &id, "anything");
    assert!(server.wait_done(&batch, SHORTLY).unwrap());
    answer(&mut stream, &id, "anything");
    let error = server.wait_pending(1, SHORTLY).unwrap_err().to_string();
    assert!(error.contains("not out"), "{error}");
}

#[test]
fn an_answer_may_come_on_another_connection_when_the_first_has_gone() {
    let server = Server::start().unwrap();
    let mut stream = asking(&server);
    let batch = server.begin(&event(None), 1, Duration::ZERO);
    let id = take(&mut stream);
    drop(stream);
    let mut other = TcpStream::connect(server.address()).unwrap();
    answer(&mut other, &id, "");
    assert!(server.wait_done(&batch, SHORTLY).unwrap());
}

#[test]
fn an_event_that_was_given_up_is_not_out() {
    let server = Server::start().unwrap();
    let mut stream = asking(&server);
    let batch = server.begin(&event(None), 1, Duration::ZERO);
    let id = take(&mut stream);
    server.give_up(&batch);
    answer(&mut stream, &id, "");
    assert!(server.wait_pending(1, SHORTLY).is_err());
}

#[test]
fn a_failed_init_ends_the_wait() {
    let server = Server::start().unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 3\r\n\r\nbad")
        .unwrap();
    let error = server.wait_pending(1, SHORTLY).unwrap_err().to_string();
    assert_eq!(error, "init failed: bad");
}

#[test]
fn a_call_that_comes_late_is_served_from_the_batch_that_runs() {
    let server = Server::start().unwrap();
    let batch = server.begin(&event(None), 1, Duration::from_millis(1));
    let mut stream = asking(&server);
    let id = take(&mut stream);
    answer(&mut stream, &id, "");
    assert!(server.wait_done(&batch, SHORTLY).unwrap());
    assert!(server.last_next().is_some());
}

#[test]
fn an_event_that_is_due_goes_before_one_that_is_always_there() {
    let server = Server::start().unwrap();
    let (due, endless) = (event(Some("due")), event(None));
    let batches = [Batch::every(&due, 1, Duration::ZERO), Batch::beside_others(&endless, usize::MAX)];
    let [every, others] = server.begin_together(batches);
    let (mut a, mut b, mut c) = (asking(&server), asking(&server), asking(&server));
    let ids = [take(&mut a), take(&mut b), take(&mut c)];
    for (stream, id) in [&mut a, &mut b, &mut c].into_iter().zip(&ids) {
        answer(stream, id, "due");
    }
    while every.answered() + others.answered() < 3 {
        thread::yield_now();
    }
    assert_eq!((every.answered(), others.answered()), (1, 2));
    assert!(every.timings().is_ok(), "the right bytes came back");
}

#[test]
fn what_waits_for_a_call_counts_from_when_it_was_due() {
    let server = Server::start().unwrap();
    let interval = Duration::from_millis(20);
    let before = Instant::now();
    let [batch] = server.begin_together([Batch::every(&event(None), 3, interval)]);
    // The first call comes when two of them have been due.
    while before.elapsed() < 2 * interval {
        thread::yield_now();
    }
    let mut stream = asking(&server);
    for _ in 0..3 {
        let id = take(&mut stream);
        answer(&mut stream, &id, "");
        stream.write_all(NEXT).unwrap();
    }
    assert!(server.wait_done(&batch, SHORTLY).unwrap());
    let timings = batch.timings().unwrap();
    let due: Vec<Duration> = timings.windows(2).map(|pair| pair[1].delivered - pair[0].delivered).collect();
    assert_eq!(due, [interval; 2], "whenever they were taken");
    assert!(timings[0].latency() >= interval, "{:?}", timings[0].latency());
}
