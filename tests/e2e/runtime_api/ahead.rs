//! When the next event is requested: in the same write as an answer where nothing is frozen, and otherwise after the receipt.

use bulkhead_tests::raw_api::Wire;
use bulkhead_tests::{Bootstrap, TaskRoot};

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n";

/// A bootstrap for several events at a time, of which this test sends one after the other.
fn managed() -> Wire {
    start(Bootstrap::new().env("AWS_LAMBDA_MAX_CONCURRENCY", "2"))
}

fn start(bootstrap: Bootstrap) -> Wire {
    Wire::start(TaskRoot::new().with("echo"), bootstrap.handler("echo"))
}

/// Delivers an event, and reads its answer.
fn answer(wire: &mut Wire, event: &str) {
    wire.connection.deliver(event);
    read_answer(wire, event);
}

fn read_answer(wire: &mut Wire, event: &str) {
    let head = wire.connection.read_to("\r\n\r\n");
    assert!(head.starts_with("POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n"), "{head}");
    assert_eq!(wire.connection.read_to(event), event);
}

#[test]
fn l8_4_the_next_event_is_requested_in_the_same_write_as_the_answer() {
    let mut wire = managed();
    for event in ["1", "2", "3"] {
        answer(&mut wire, event);
        assert!(wire.connection.has_read(NEXT), "it is requested before there is a reply to the answer");
        wire.connection.accept_answer();
    }
    // Both replies in one write.
    answer(&mut wire, "4");
    let request = wire.connection.read_to("\r\n\r\n");
    assert!(request.starts_with(NEXT), "{request}");
    wire.connection.write(
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n\
         HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 1\r\n\r\n5",
    );
    read_answer(&mut wire, "5");
}

#[test]
fn a_server_that_closes_after_the_reply_is_asked_for_the_next_event_again() {
    let mut wire = managed();
    for event in ["1", "2", "3"] {
        answer(&mut wire, event);
        wire.connection.write("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        wire.connection = wire.api.accept_after(wire.connection);
    }
    answer(&mut wire, "4");
}

#[test]
fn an_event_that_comes_behind_the_refusal_of_an_answer_is_handled() {
    let mut wire = managed();
    answer(&mut wire, "1");
    wire.connection.write("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    answer(&mut wire, "2");
    wire.running.wait_log("the Runtime API refused the answer: 410");
}

#[test]
fn l8_12_an_event_that_comes_behind_a_failure_is_handled_without_a_pause_and_the_next_one_is_not_requested_ahead()
 {
    let mut wire = managed();
    answer(&mut wire, "1");
    wire.connection.write("HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n");
    answer(&mut wire, "2");
    wire.running.wait_log("; going on with the event that was requested with the answer");
    assert!(!wire.connection.has_read(NEXT), "a pause after another failure must not hold an event");
    wire.connection.accept_answer();
    answer(&mut wire, "3");
    assert!(wire.connection.has_read(NEXT), "all is well again");
}

#[test]
fn c11_8_one_event_at_a_time_has_its_receipt_before_the_next_one_is_requested() {
    let mut wire = start(Bootstrap::new());
    answer(&mut wire, "1");
    wire.running.wait_receipts(1);
    wire.connection.accept_answer();
    let request = wire.connection.read_to("\r\n\r\n");
    assert!(request.starts_with(NEXT), "{request}");
}
