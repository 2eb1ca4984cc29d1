//! Responses: bytes in, bytes out, of any size that Lambda takes, one after the other over one connection.

use bulkhead_tests::{Event, Kind};

use crate::stage::{Stage, assert_error};

/// The largest response that Lambda takes (R3.3).
const MOST: usize = 6_291_556;

#[test]
fn r2_4_bytes_go_through_untouched() {
    let mut stage = Stage::of("echo");
    let all: Vec<u8> = (0..=255).cycle().take(5000).collect();
    for body in [
        b"".as_slice(),
        b"null",
        b"{}",
        b" {\"a\": 1.0e0} \n",
        b"\xff\xfe\0\r\n",
        "今日はラムダ! 🚢".as_bytes(),
        &all,
    ] {
        let answer = stage.api.send(Event::bytes(body));
        assert_eq!((answer.kind, answer.body.as_slice()), (Kind::Response, body));
    }
    stage.answers("1", "1");
}

#[test]
fn typed_guests_read_and_write_json() {
    let mut stage = Stage::of("json");
    stage.answers(r#"{ "a" : [1, null] }"#, r#"{"a":[1,null]}"#);
    stage.error("no json", "Function.EventUnmarshalError");
    stage.answers("2", "2");
}

#[test]
fn guests_in_the_form_of_lambda_runtime_run_too() {
    let mut stage = Stage::of("service");
    stage.answers(r#"{"b":2}"#, r#"{"b":2}"#);
}

#[test]
fn r3_4_no_result_is_null_and_no_event_is_fine() {
    let mut stage = Stage::of("print");
    stage.answers("", "null");
}

#[test]
fn r3_3_events_and_responses_up_to_the_limit() {
    let mut stage = Stage::of("echo");
    let largest = vec![b'x'; MOST];
    let answer = stage.api.send(Event::bytes(largest.clone()));
    assert!(answer.kind == Kind::Response && answer.body == largest);
    // An event has no limit of ours; its echo does.
    let answer = stage.api.send(Event::bytes(vec![b'x'; MOST + 1]));
    assert_error(&answer, "Function.ResponseSizeTooLarge");
    stage.answers("1", "1");
}

#[test]
fn r3_2_too_large_a_response_is_never_posted() {
    let mut stage = Stage::of("sized");
    for size in [0, 1, MOST] {
        let answer = stage.send(&size.to_string());
        assert_eq!((answer.kind, answer.body.len()), (Kind::Response, size));
    }
    let before = stage.api.posts().len();
    for size in [MOST + 1, 2 * MOST] {
        let answer = stage.error(&size.to_string(), "Function.ResponseSizeTooLarge");
        let message = answer.json()["errorMessage"].to_string();
        assert!(message.contains(&MOST.to_string()), "{message}");
    }
    let posts = stage.api.posts();
    assert!(posts[before..].iter().all(|post| post.path.ends_with("/error")), "{posts:?}");
    stage.answers("1", "x");
}

#[test]
fn c11_8_every_answer_is_followed_by_one_next_on_one_connection() {
    let mut stage = Stage::of("echo");
    for count in 0..50 {
        stage.answers(&count.to_string(), &count.to_string());
    }
    stage.api.wait_idle();
    let seen = stage.api.seen();
    assert_eq!(seen.len(), 101, "51 times /next and 50 answers");
    assert!(seen.iter().step_by(2).all(bulkhead_tests::SeenRequest::is_next));
    assert!(seen.iter().skip(1).step_by(2).all(bulkhead_tests::SeenRequest::is_answer));
    // R1.8: one connection is enough.
    assert_eq!(stage.api.connections(), 1);
}

#[test]
fn events_that_wait_are_answered_in_order() {
    let stage = Stage::of("echo");
    let queued: Vec<_> = (0..20).map(|count| stage.api.queue(Event::json(count.to_string()))).collect();
    for (count, queued) in queued.into_iter().enumerate() {
        assert_eq!(stage.api.answer(queued).text(), count.to_string());
        assert_eq!(stage.api.deliveries(queued), 1);
    }
}
