//! Guests that die in place of answering: the caller is told how, and the process goes on.

use serde_json::{Value, json};

use crate::stage::Stage;

/// The line that gives a handler a larger stack.
const LARGER_STACK: &str = "set `stack = \"1MiB\"` under [package.metadata.bulkhead] in its Cargo.toml";

fn message(body: &Value) -> &str {
    body["errorMessage"].as_str().expect("an errorMessage")
}

#[test]
fn a_panic_has_its_text_its_place_and_readable_frames() {
    let mut stage = Stage::of("panic");
    let body = stage.error(r#"{"text":"the hull is gone"}"#, "Function.Panic").json();
    assert!(message(&body).contains("the hull is gone"), "{body}");
    assert!(message(&body).contains("src/bin/panic.rs:"), "{body}");
    let frames: Vec<_> = body["stackTrace"].as_array().expect("a stack trace").iter().collect();
    assert!(!frames.is_empty() && frames.iter().all(|frame| frame.is_string()), "{body}");
    let text = body["stackTrace"].to_string();
    assert!(text.contains("panic::founder"), "{text}");
    assert!(!text.contains("_ZN") && !text.contains("\"_R"), "frames are demangled: {text}");
    stage.still_answers();
}

#[test]
fn g10_9_a_panic_is_in_the_log_with_its_request_id() {
    let stage = Stage::of("panic");
    let event = bulkhead_tests::Event::json(r#"{"text":"the hull is gone"}"#).request_id("the-id");
    stage.api.send(event);
    let log = stage.running.stdout();
    let found =
        log.lines().any(|line| line.contains("\tthe-id\tERROR\t") && line.contains("the hull is gone"));
    assert!(found, "{log}");
}

#[test]
fn a_panic_may_say_anything() {
    let mut stage = Stage::of("panic");
    for text in
        ["", "CR\r\nLF: injected", "NUL \0 DEL \u{7f}", "🚢\u{1b}[31m", "a 'quoted' \"text\"\\", "\n\n\n"]
    {
        let body = stage.error(&json!({ "text": text }).to_string(), "Function.Panic").json();
        assert!(
            message(&body).contains(text.replace("\r\n", "\n").trim_matches('\n')),
            "{text:?} became {body}"
        );
    }
    stage.still_answers();
}

#[test]
fn r4_8_a_huge_panic_is_cropped() {
    let mut stage = Stage::of("panic");
    for times in [10_000, 400_000] {
        let answer =
            stage.error(&json!({ "text": "0123456789", "times": times }).to_string(), "Function.Panic");
        assert!(answer.body.len() <= 256 * 1024, "{} bytes", answer.body.len());
        let cause = answer.header("Lambda-Runtime-Function-XRay-Error-Cause").unwrap_or_default();
        assert!(cause.len() <= 64 * 1024, "{} bytes", cause.len());
    }
    stage.still_answers();
}

#[test]
fn what_looks_like_a_panic_in_the_output_is_none() {
    let mut stage = Stage::of("forged_panic");
    stage.answers("1", "1");
}

#[test]
fn a_trap_without_a_panic() {
    let mut stage = Stage::of("abort");
    let body = stage.error("1", "Function.Trap").json();
    assert!(message(&body).contains("unreachable"), "{body}");
    assert!(body["stackTrace"].to_string().contains("abort::give_up"), "{body}");
    stage.still_answers();
}

#[test]
fn an_exit_is_an_error_whatever_its_code() {
    let mut stage = Stage::of("exit");
    for code in [0, 1] {
        let body = stage.error(&code.to_string(), "Function.Exited").json();
        assert!(message(&body).contains(&code.to_string()), "{body}");
    }
    for code in [3, 255, -1] {
        stage.error(&code.to_string(), "Function.Exited");
    }
    stage.still_answers();
}

#[test]
fn endless_recursion() {
    let mut stage = Stage::of("stack_overflow");
    for _ in 0..3 {
        stage.error(r#""engine""#, "Function.StackOverflow");
        stage.still_answers();
    }
}

#[test]
fn endless_recursion_that_keeps_something_in_memory() {
    // Rust keeps what has an address on a stack of its own in linear memory, which ends first then.
    let mut stage = Stage::of("stack_overflow");
    let body = stage.error(r#""memory""#, "Function.StackOverflow").json();
    assert!(message(&body).contains(LARGER_STACK), "{body}");
    stage.still_answers();
}

#[test]
fn a_local_variable_that_is_larger_than_the_stack() {
    let mut stage = Stage::of("large_local");
    let body = stage.error("1", "Function.StackOverflow").json();
    assert!(
        message(&body).contains("large local variables") && message(&body).contains(LARGER_STACK),
        "{body}"
    );
    assert!(body["stackTrace"][0].to_string().contains("large_local::keep"), "{body}");
    stage.still_answers();
    let body = stage.error(r#""cleared""#, "Function.Trap").json();
    let text = message(&body);
    assert!(text.contains("out of bounds memory access") && text.contains(LARGER_STACK), "{body}");
    stage.still_answers();
}
