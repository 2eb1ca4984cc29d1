//! Errors that a guest returns: what the caller sees, what the platform sees, and what the log holds.

use serde_json::{Value, json};

use bulkhead_tests::{Answer, Event, Kind, Reply};

use crate::stage::{Stage, assert_error, is_platform_type};

fn failure(error_type: &str, message: &str) -> String {
    json!({ "type": error_type, "message": message }).to_string()
}

fn xray_cause(answer: &Answer) -> Value {
    let header = answer.header("Lambda-Runtime-Function-XRay-Error-Cause").expect("an X-Ray cause");
    assert!(header.len() <= 64 * 1024, "{} bytes", header.len());
    // R4.7: one line of printable ASCII.
    assert!(header.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", header.escape_ascii());
    serde_json::from_slice(header).expect("JSON in the X-Ray cause")
}

#[test]
fn r4_1_the_body_has_three_fields() {
    let mut stage = Stage::of("fail");
    let answer = stage.error(&failure("OutOfStock", "nothing left"), "Function.OutOfStock");
    assert_eq!(
        answer.json(),
        json!({ "errorType": "OutOfStock", "errorMessage": "nothing left", "stackTrace": [] })
    );
    stage.still_answers();
}

#[test]
fn r4_3_types_for_the_platform() {
    let stage = Stage::of("fail");
    for (error_type, header) in [
        ("OutOfStock", "Function.OutOfStock"),
        ("Function.OutOfStock", "Function.OutOfStock"),
        ("", "Function.Error"),
        ("42", "Function.Error"),
        ("🚢", "Function.Error"),
        ("\r\n", "Function.Error"),
    ] {
        let answer = stage.send(&failure(error_type, "m"));
        assert_eq!((answer.kind, answer.error_type()), (Kind::Error, header), "{error_type:?}");
    }
}

#[test]
fn r4_3_the_callers_type_is_unchanged_and_the_platforms_is_letters() {
    let mut stage = Stage::of("fail");
    let long = "Long".repeat(100);
    for error_type in [
        "my_crate::Error2",
        "out of stock",
        "lowercase",
        "Runtime.ExitError",
        "Evil\r\nX-Injected: 1",
        "Nul\0Del\u{7f}Esc\u{1b}[31m",
        "Übel🚢Type",
        "9x",
        &long,
    ] {
        let answer = stage.send(&failure(error_type, "m"));
        assert_eq!(answer.kind, Kind::Error);
        assert_eq!(answer.json()["errorType"], error_type);
        let header = answer.error_type();
        assert!(
            is_platform_type(header) && header.starts_with("Function."),
            "{error_type:?} became {header:?}"
        );
        assert_eq!(answer.header("X-Injected"), None);
        xray_cause(&answer);
    }
    stage.still_answers();
}

#[test]
fn r4_7_odd_characters_reach_the_caller_and_hurt_nobody() {
    let mut stage = Stage::of("fail");
    for message in
        ["DEL \u{7f}", "CR\r LF\n", "NUL \0", "🚢 überall", "\u{1b}[2J\u{2028}\u{85}", "\"quoted\\\""]
    {
        let answer = stage.error(&failure("Odd", message), "Function.Odd");
        assert_eq!(answer.json()["errorMessage"], message);
        let cause = xray_cause(&answer);
        assert_eq!(cause["exceptions"][0]["message"], message);
        assert_eq!(cause["exceptions"][0]["type"], "Odd");
    }
    stage.still_answers();
    // One record for each, however many lines it would like to be.
    let log = stage.running.stdout();
    assert_eq!(log.lines().filter(|line| line.contains("\tERROR\t")).count(), 6, "{log}");
    assert!(!log.contains(['\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}']), "{log:?}");
}

#[test]
fn r4_4_the_xray_cause_has_a_useful_shape() {
    let stage = Stage::of("panic");
    let answer = stage.error(r#"{"text":"why"}"#, "Function.Panic");
    let cause = xray_cause(&answer);
    assert!(cause["working_directory"].is_string() && cause["paths"].is_array(), "{cause}");
    let exception = &cause["exceptions"][0];
    assert_eq!(exception["type"], "Function.Panic");
    let stack = exception["stack"].as_array().expect("a stack");
    assert!(stack.iter().all(|frame| frame["label"].is_string()), "{cause}");
}

#[test]
fn r4_6_r4_8_long_errors_are_cropped() {
    let mut stage = Stage::of("fail_long");
    for length in [1000, 64 * 1024, 256 * 1024, 1024 * 1024 - 1, 1024 * 1024, 5_000_000] {
        let answer = stage.send(&length.to_string());
        assert_eq!(answer.kind, Kind::Error);
        assert!(answer.body.len() <= 256 * 1024, "{length} became {}", answer.body.len());
        let body = answer.json();
        assert_eq!(body["errorType"], "Long");
        assert!(body["errorMessage"].as_str().is_some_and(|message| message.starts_with("éé")));
        xray_cause(&answer);
    }
    let answer = stage.send("0");
    assert_eq!(answer.json()["errorMessage"], "");
    assert_eq!(stage.api.violations(), [] as [String; 0]);
    assert!(stage.running.is_alive());
}

#[test]
fn r4_8_a_413_for_an_error_gets_one_short_post_more() {
    let mut stage = Stage::of("fail_long");
    let event = Event::json("100000").reply(Reply::status(413).leaves_open());
    let answer = stage.api.send(event);
    assert_error(&answer, "Function.Long");
    let posts = stage.api.posts();
    assert_eq!(posts.len(), 2, "{posts:?}");
    assert!(posts[1].path.ends_with("/error") && posts[1].body.len() < posts[0].body.len().min(8 * 1024));
    stage.error("10", "Function.Long");
    assert!(stage.running.is_alive());
}

#[test]
fn r4_8_a_second_413_is_given_up() {
    let mut stage = Stage::of("fail");
    let event =
        Event::json(failure("Odd", "odd")).reply(Reply::status(413).leaves_open()).reply(Reply::status(413));
    stage.api.send(event);
    assert_eq!(stage.api.posts().len(), 2);
    stage.still_answers();
}

#[test]
fn errors_of_the_authors_own_type_carry_their_cause() {
    let mut stage = Stage::of("fail_cause");
    let answer = stage.send(r#""many""#);
    assert_eq!((answer.kind, answer.error_type()), (Kind::Error, "Function.OutOfStock"));
    let body = answer.json();
    assert_eq!((&body["errorType"], &body["errorMessage"]), (&json!("OutOfStock"), &json!("nothing left")));
    assert!(body["stackTrace"].to_string().contains("invalid digit"), "{body}");
    stage.answers(r#""7""#, "7");
}

#[test]
fn g10_9_failures_are_in_the_log_before_the_caller_knows() {
    let stage = Stage::of("fail");
    let event = Event::json(failure("OutOfStock", "nothing left")).request_id("the-id");
    stage.api.send(event);
    let log = stage.running.stdout();
    let line = log.lines().find(|line| line.contains("OutOfStock")).expect("the failure in the log");
    assert!(line.contains("\tthe-id\tERROR\t") && line.contains("nothing left"), "{line}");
}

#[test]
fn nine_fail_and_one_is_good() {
    let stage = Stage::of("fail");
    let bad = failure("Odd", "odd");
    let queued: Vec<_> =
        (0..10).map(|n| stage.api.queue(Event::json(if n == 6 { r#""ping""# } else { &bad }))).collect();
    let kinds: Vec<_> = queued.into_iter().map(|queued| stage.api.answer(queued).kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Error).count(), 9);
    assert_eq!(kinds[6], Kind::Response);
}

#[test]
fn an_event_that_does_not_fit_is_the_callers_error() {
    let mut stage = Stage::of("sized");
    stage.error(r#"{"not":"a number"}"#, "Function.EventUnmarshalError");
    stage.answers("1", "x");
}
