//! The log as JSON, and as telemetry frames.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;

use serde_json::{Value, json};

use bulkhead_tests::{Event, SeenRequest};

use crate::stage::Stage;

fn json_stage(guest: &str) -> Stage {
    // G10.2: the word may come in any case.
    Stage::with(guest, |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_FORMAT", "Json"))
}

fn records(stage: &Stage) -> Vec<Value> {
    let log = stage.running.stdout();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}")))
        .collect()
}

#[test]
fn g10_3_a_record_is_an_object_on_one_line() {
    let stage = json_stage("print");
    let event = Event::bytes(b"one\n\"two\"\x1b\\\n").request_id("the-id").tenant("acme");
    stage.api.send(event);
    let records = records(&stage);
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!(record["level"], "INFO");
        assert_eq!(record["requestId"], "the-id");
        assert_eq!(record["tenantId"], "acme");
        let time = record["timestamp"].as_str().expect("a timestamp");
        assert!(time.ends_with('Z') && time.len() == "2026-11-22T20:41:00.000Z".len(), "{time}");
    }
    assert_eq!(records[0]["message"], "one");
    let log = stage.running.stdout();
    assert!(log.starts_with("{\"timestamp\":"), "{log}");
    assert!(!log.trim_end_matches('\n').replace('\n', "").contains(char::is_control), "{log:?}");
}

#[test]
fn no_tenant_no_key() {
    let stage = json_stage("print");
    stage.api.send(Event::bytes(b"one\n"));
    assert_eq!(records(&stage)[0].get("tenantId"), None);
}

#[test]
fn a_guests_own_json_keeps_its_level_and_is_not_wrapped_in_a_string() {
    let stage = json_stage("print");
    let lines = [
        r#"{"level":"WARN","message":"low","stock":3}"#,
        r#"{"level":"warn","msg":"low"}"#,
        r#"{"level":"LOUD","a":1}"#,
        r#"{"no":"level"}"#,
        r#"{"level":7}"#,
        "[1]",
        "{broken",
    ];
    stage.api.send(Event::bytes(lines.join("\n")));
    let levels: Vec<_> = records(&stage).iter().map(|record| record["level"].clone()).collect();
    assert_eq!(levels, ["WARN", "WARN", "INFO", "INFO", "INFO", "INFO", "INFO"]);
    let messages: Vec<_> = records(&stage).iter().map(|record| record["message"].clone()).collect();
    assert_eq!(messages[0], json!({ "level": "WARN", "message": "low", "stock": 3 }));
    assert_eq!(messages[6], "{broken");
}

#[test]
fn a_guests_own_json_is_filtered_by_its_level() {
    let stage = Stage::with("print", |bootstrap| {
        bootstrap.env("AWS_LAMBDA_LOG_FORMAT", "JSON").env("AWS_LAMBDA_LOG_LEVEL", "WARN")
    });
    stage.api.send(Event::bytes("{\"level\":\"WARN\",\"n\":1}\n{\"level\":\"DEBUG\",\"n\":2}\nplain\n"));
    let records = records(&stage);
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["message"]["n"], 1);
}

#[test]
fn a_guest_cannot_name_another_invocation() {
    let stage = json_stage("print");
    let line = r#"{"level":"ERROR","requestId":"other","tenantId":"victim","timestamp":"1970"}"#;
    stage.api.send(Event::bytes(line).request_id("the-id").tenant("acme"));
    let record = &records(&stage)[0];
    assert_eq!((&record["requestId"], &record["tenantId"]), (&json!("the-id"), &json!("acme")));
}

#[test]
fn g10_9_failures_have_the_error_keys() {
    let stage = json_stage("fail");
    stage.send(r#"{"type":"OutOfStock","message":"nothing\nleft"}"#);
    let record = &records(&stage)[0];
    assert_eq!((&record["level"], &record["errorType"]), (&json!("ERROR"), &json!("OutOfStock")));
    assert!(record["stackTrace"].is_array());
    assert!(
        record["errorMessage"].as_str().is_some_and(|message| message.starts_with("nothing")),
        "{record}"
    );
}

/// Telemetry frames (G10.6) but for receipts: type, time in µs, text.
fn frames(mut bytes: &[u8]) -> Vec<(u32, u64, String)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at(16);
        let number = |range: std::ops::Range<usize>| {
            head[range].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let length = usize::try_from(number(4..8)).expect("a length");
        let (text, rest) = rest.split_at(length);
        let kind = u32::try_from(number(0..4)).expect("a type");
        let text = String::from_utf8(text.to_vec()).expect("UTF-8");
        if !text.starts_with(r#"{"type":"bulkhead.receipt""#) {
            frames.push((kind, number(8..16), text));
        }
        bytes = rest;
    }
    frames
}

/// Runs `print` and `print_error` with a descriptor of their own for the log, and returns what came there.
fn framed(guest: &str, format: &str, printed: &str) -> Vec<(u32, u64, String)> {
    let mut file: File = tempfile::tempfile().expect("make a file");
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("let the child inherit the file");
    let fd = file.as_raw_fd().to_string();
    let stage = Stage::with(guest, |bootstrap| {
        bootstrap.env("_LAMBDA_TELEMETRY_LOG_FD", fd).env("AWS_LAMBDA_LOG_FORMAT", format)
    });
    stage.api.send(Event::bytes(printed));
    assert_eq!(stage.running.logs(), "", "the descriptor in place of stdout");
    let mut bytes = Vec::new();
    file.rewind().expect("go to the start of the file");
    file.read_to_end(&mut bytes).expect("read the file");
    frames(&bytes)
}

#[test]
fn g10_6_frames_go_to_the_telemetry_descriptor() {
    for (guest, format, kind) in [
        ("print", "Text", 0xA55A_000F),
        ("print", "JSON", 0xA55A_000E),
        ("print_error", "Text", 0xA55A_0017),
        ("print_error", "JSON", 0xA55A_0016),
    ] {
        let frames = framed(guest, format, "one\nüber\n");
        assert_eq!(frames.len(), 2, "{frames:?}");
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_micros();
        for (found, time, _) in &frames {
            assert_eq!(*found, kind, "{found:x}");
            assert!(now.abs_diff(u128::from(*time)) < 60_000_000, "{time} is in µs");
        }
        assert!(frames[0].2.contains("one") && frames[1].2.contains("über"), "{frames:?}");
    }
}

#[test]
fn g10_6_a_descriptor_that_cannot_be_used_means_stdout() {
    for fd in ["999", "-1", "none", ""] {
        let stage = Stage::with("print", |bootstrap| bootstrap.env("_LAMBDA_TELEMETRY_LOG_FD", fd));
        stage.api.send(Event::bytes(b"one\n"));
        let log = stage.running.stdout();
        assert!(log.lines().any(|line| line.ends_with("\tINFO\tone")), "{fd:?}: {log}");
        assert!(stage.api.seen().iter().any(SeenRequest::is_next));
    }
}
