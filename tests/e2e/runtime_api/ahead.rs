//! When the next event is requested: in the same write as an answer where nothing is frozen, and otherwise after the receipt.

use bulkhead_tests::raw_api::RawConnection;
use bulkhead_tests::{Bootstrap, RawApi, Running, TaskRoot};

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n";

/// A bootstrap with one of its connections to a server of which each byte is written by the test.
struct Wire {
    api: RawApi,
    connection: RawConnection,
    running: Running,
    _root: TaskRoot,
}

impl Wire {
    fn of(change: impl FnOnce(Bootstrap) -> Bootstrap) -> Self {
        let root = TaskRoot::new().with("echo");
        let api = RawApi::start();
        let bootstrap = change(Bootstrap::new().task_root(&root).handler("echo"));
        let running = bootstrap.env("AWS_LAMBDA_RUNTIME_API", api.address()).spawn();
        let connection = api.accept();
        Self { api, connection, running, _root: root }
    }

    /// Several events at a time, of which this test sends one after the other.
    fn managed() -> Self {
        Self::of(|bootstrap| bootstrap.env("AWS_LAMBDA_MAX_CONCURRENCY", "2"))
    }

    /// Delivers an event, and reads its answer.
    fn answer(&mut self, event: &str) {
        self.connection.deliver(event);
        self.read_answer(event);
    }

    fn read_answer(&mut self, event: &str) {
        let head = self.connection.read_to("\r\n\r\n");
        assert!(head.starts_with("POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n"), "{head}");
        assert_eq!(self.connection.read_to(event), event);
    }
}

#[test]
fn l8_4_the_next_event_is_requested_in_the_same_write_as_the_answer() {
    let mut wire = Wire::managed();
    for event in ["1", "2", "3"] {
        wire.answer(event);
        assert!(wire.connection.has_read(NEXT), "it is requested before there is a reply to the answer");
        wire.connection.accept_answer();
    }
    // Both replies in one write.
    wire.answer("4");
    let request = wire.connection.read_to("\r\n\r\n");
    assert!(request.starts_with(NEXT), "{request}");
    wire.connection.write(
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n\
         HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 1\r\n\r\n5",
    );
    wire.read_answer("5");
}

#[test]
fn a_server_that_closes_after_the_reply_is_asked_for_the_next_event_again() {
    let mut wire = Wire::managed();
    for event in ["1", "2", "3"] {
        wire.answer(event);
        wire.connection.write("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        wire.connection = wire.api.accept_after(wire.connection);
    }
    wire.answer("4");
}

#[test]
fn an_event_that_comes_behind_the_refusal_of_an_answer_is_handled() {
    let mut wire = Wire::managed();
    wire.answer("1");
    wire.connection.write("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    wire.answer("2");
    wire.running.wait_log("the Runtime API refused the answer: 410");
    wire.connection.write("HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n");
    // After a pause.
    wire.answer("3");
    wire.running.wait_log("the Runtime API answered 500");
}

#[test]
fn c11_8_one_event_at_a_time_has_its_receipt_before_the_next_one_is_requested() {
    let mut wire = Wire::of(|bootstrap| bootstrap);
    wire.answer("1");
    wire.running.wait_receipts(1);
    wire.connection.accept_answer();
    let request = wire.connection.read_to("\r\n\r\n");
    assert!(request.starts_with(NEXT), "{request}");
}
