//! The connection: addresses in every form, connections that go at every moment, and answers that come late.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use bulkhead_tests::{Delivery, Event, Kind, Reply, RuntimeApi};

use crate::stage::Stage;

/// A stage whose bootstrap was given another form of the server's address.
fn at(form: impl Fn(&str) -> String) -> Stage {
    let api = RuntimeApi::start();
    let address = form(&api.address());
    let stage = Stage::starting("echo", api, |bootstrap| bootstrap.env("AWS_LAMBDA_RUNTIME_API", address));
    stage.api.wait_idle();
    stage
}

#[test]
fn r1_2_a_prefix_in_the_address() {
    for prefix in ["/.rt/fn", "/.rt/fn/", "/.rt", "/"] {
        let mut stage = at(|address| format!("{address}{prefix}"));
        stage.answers("1", "1");
        for seen in stage.api.seen() {
            let expected = format!("{}/2018-06-01/runtime/invocation/", prefix.trim_end_matches('/'));
            assert!(seen.path.starts_with(&expected), "{prefix}: {}", seen.path);
        }
    }
}

#[test]
fn r1_2_http_before_the_address() {
    for form in ["http://{}", "http://{}/", "http://{}/.rt/fn"] {
        let mut stage = at(|address| form.replace("{}", address));
        stage.answers("1", "1");
    }
}

#[test]
fn r1_3_no_proxy() {
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    let mut stage = Stage::with("echo", |mut bootstrap| {
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"] {
            bootstrap = bootstrap.env(name, &url);
        }
        bootstrap
    });
    stage.answers("1", "1");
    proxy.set_nonblocking(true).expect("switch to nonblocking");
    assert!(proxy.accept().is_err(), "somebody has connected to the proxy");
}

#[test]
fn a_server_that_closes_after_every_event() {
    for delivery in [Delivery::ThenClose, Delivery::ThenDrop] {
        let mut stage = Stage::of("echo");
        for count in 0..5 {
            let answer = stage.api.send(Event::json(count.to_string()).delivery(delivery));
            assert_eq!(answer.text(), count.to_string(), "{delivery:?}");
        }
        stage.answers("9", "9");
        assert!(stage.api.connections() >= 5);
    }
}

#[test]
fn a_server_that_closes_after_every_answer() {
    let mut stage = Stage::of("echo");
    for count in 0..5 {
        let answer = stage.api.send(Event::json(count.to_string()).reply(Reply::status(202).closes()));
        assert_eq!(answer.text(), count.to_string());
    }
    stage.answers("9", "9");
}

#[test]
fn checklist_9_a_reused_connection_that_goes_while_next_is_pending_is_replaced() {
    let mut stage = Stage::of("echo");
    for _ in 0..3 {
        stage.answers("1", "1");
        stage.api.wait_idle();
        stage.api.queue_hang_up();
    }
    stage.answers("2", "2");
    assert_eq!(stage.api.connections(), 4);
}

#[test]
fn checklist_9_a_fresh_connection_that_goes_too_ends_the_process() {
    let mut stage = Stage::of("echo");
    stage.answers("1", "1");
    stage.api.queue_hang_up();
    stage.api.queue_hang_up();
    assert_eq!(stage.running.exit_code(), 1);
    assert!(!stage.running.logs().is_empty(), "it says why");
}

#[test]
fn an_event_that_is_cut_off_is_never_handled() {
    for length in [0, 1, 500_000] {
        let mut stage = Stage::of("echo");
        stage.answers("1", "1");
        let body = vec![b'x'; 1_000_000];
        let queued = stage.api.queue(Event::bytes(body.clone()).delivery(Delivery::CutOnce(length)));
        // The connection had been used, so it is replaced, and the event comes again whole (R2.7).
        let answer = stage.api.answer(queued);
        assert!(answer.kind == Kind::Response && answer.body == body, "cut after {length}");
        assert_eq!(stage.api.posts().len(), 2, "one answer each");
        stage.answers("2", "2");
    }
}

#[test]
fn headers_that_are_cut_off_are_no_event() {
    let mut stage = Stage::of("echo");
    stage.answers("1", "1");
    stage.api.queue_bytes(b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: cut-o");
    stage.answers("2", "2");
    // On a fresh connection it is no accident of keep-alive.
    stage.api.queue_hang_up();
    stage.api.queue_bytes(b"HTTP/1.1 200 OK\r\nLambda-Run");
    assert_eq!(stage.running.exit_code(), 1);
    assert_eq!(stage.api.posts().len(), 2);
}

#[test]
fn an_answer_to_next_that_is_no_http_ends_the_process() {
    for bytes in [b"SSH-2.0-OpenSSH_9.6\r\n".as_slice(), b"HTTP/1.1 twohundred OK\r\n\r\n"] {
        let mut stage = Stage::of("echo");
        stage.api.queue_bytes(bytes);
        assert_eq!(stage.running.exit_code(), 1);
        assert!(stage.api.posts().is_empty());
        assert!(stage.running.logs().contains("next"), "it says where: {}", stage.running.logs());
    }
}

#[test]
fn a_chunked_event_is_an_event_too() {
    let mut stage = Stage::of("echo");
    // Scripted by hand, so the server does not know of it and takes the answer for one that nobody asked for.
    stage.api.queue_bytes(
        b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: by-hand\r\nTransfer-Encoding: chunked\r\n\r\n\
          3\r\n{\"a\r\n5;x=y\r\n\":17}\r\n0\r\n\r\n",
    );
    let post = stage.api.wait_seen("/by-hand/response");
    assert_eq!(post.body, br#"{"a":17}"#);
    assert_eq!(stage.send("1").text(), "1");
    assert!(stage.running.is_alive());
}

#[test]
fn a_late_202_is_waited_for() {
    let stage = Stage::of("echo");
    let delay = Duration::from_millis(400);
    let first = stage.api.queue(Event::json("1").reply(Reply::status(202).delayed(delay)));
    let second = stage.api.queue(Event::json("2"));
    let (first, second) = (stage.api.answer(first), stage.api.answer(second));
    assert!(second.delivered - first.answered >= delay, "no /next before the 202");
    assert_eq!(second.text(), "2");
}

#[test]
fn m13_11_a_200_in_place_of_202() {
    let mut stage = Stage::of("fail");
    for event in [r#""ping""#, r#"{"type":"Odd","message":""}"#] {
        stage.api.send(Event::json(event).reply(Reply::status(200)));
    }
    stage.still_answers();
    assert_eq!(stage.running.logs().matches("WARN").count(), 0);
}

#[test]
fn r3_2_an_answer_whose_reply_is_lost_is_sent_once_more() {
    let mut stage = Stage::of("echo");
    let answer = stage.api.send(Event::json("1").reply(Reply::hang_up()));
    assert_eq!(answer.text(), "1");
    assert_eq!(stage.api.posts().len(), 2);
    stage.answers("2", "2");
}
