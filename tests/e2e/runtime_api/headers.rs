//! What our requests carry, and what has to come back byte for byte.

use bulkhead_tests::{Event, Kind, SeenRequest};

use crate::stage::Stage;

fn value<'a>(seen: &'a SeenRequest, name: &str) -> &'a [u8] {
    seen.header(name).unwrap_or_else(|| panic!("no {name} in {seen:?}"))
}

#[test]
fn r1_every_request_is_plain_http() {
    let stage = Stage::of("fail");
    stage.send(r#""ping""#);
    stage.error(r#"{"type":"Odd","message":"odd"}"#, "Function.Odd");
    stage.api.wait_idle();
    for seen in stage.api.seen() {
        // R1.5
        let agent = value(&seen, "user-agent");
        assert!(agent.starts_with(b"bulkhead/"), "{seen:?}");
        assert_eq!(value(&seen, "host"), stage.api.address().as_bytes());
        // R1.4
        assert_eq!(seen.header("expect"), None);
        assert_eq!(seen.header("transfer-encoding"), None);
        if seen.is_answer() {
            assert_eq!(value(&seen, "content-length"), seen.body.len().to_string().as_bytes());
            assert_eq!(value(&seen, "content-type"), b"application/json");
        } else {
            // R2.1
            assert!(seen.is_next() && seen.method == "GET" && seen.body.is_empty(), "{seen:?}");
        }
    }
}

#[test]
fn r2_5_the_invocation_id_is_echoed_byte_for_byte() {
    let mut stage = Stage::of("fail");
    for id in [b"plain".as_slice(), b"a b;c=\"d\"", b"\x80\xff raw \xc3", "überall".as_bytes(), &[b'x'; 4000]]
    {
        for event in [r#""ping""#, r#"{"type":"Odd","message":""}"#] {
            let answer = stage.api.send(Event::json(event).header("Lambda-Runtime-Invocation-Id", id));
            assert_eq!(answer.header("Lambda-Runtime-Invocation-Id"), Some(id));
        }
    }
    stage.still_answers();
}

#[test]
fn r2_5_no_invocation_id_where_none_came() {
    let stage = Stage::of("fail");
    for event in [r#""ping""#, r#"{"type":"Odd","message":""}"#] {
        let answer = stage.api.send(Event::json(event).without("Lambda-Runtime-Invocation-Id"));
        assert_eq!(answer.header("Lambda-Runtime-Invocation-Id"), None);
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn r1_9_odd_request_ids_are_escaped_in_the_path() {
    let stage = Stage::of("echo");
    for (id, escaped) in [
        ("request/id with spaces", "request%2Fid%20with%20spaces"),
        ("req-fixed", "req-fixed"),
        ("50%?a=b#c", "50%25%3Fa%3Db%23c"),
        ("../../2018", "..%2F..%2F2018"),
    ] {
        let answer = stage.api.send(Event::json("1").request_id(id));
        assert_eq!(answer.kind, Kind::Response);
        let posts = stage.api.posts();
        let path = &posts.last().unwrap().path;
        assert_eq!(*path, format!("/2018-06-01/runtime/invocation/{escaped}/response"));
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn c11_11_the_same_request_id_again_is_another_event() {
    let stage = Stage::of("echo");
    for body in ["1", "2"] {
        let answer = stage.api.send(Event::json(body).request_id("retried"));
        assert_eq!(answer.text(), body);
    }
}

#[test]
fn r1_10_header_names_in_any_case() {
    let stage = Stage::of("context");
    let mut event = Event::json("1").tenant("acme").request_id("mixed");
    for (index, (name, _)) in event.headers.iter_mut().enumerate() {
        *name = if index % 2 == 0 { name.to_lowercase() } else { name.to_uppercase() };
    }
    let context = stage.api.send(event).json();
    assert_eq!(context["request_id"], "mixed");
    assert_eq!(context["tenant_id"], "acme");
}

#[test]
fn r1_11_large_headers_are_read() {
    let stage = Stage::of("context");
    let custom = "x".repeat(400 * 1024);
    let event = Event::json("1").client_context(&format!(r#"{{"custom":{{"k":"{custom}"}}}}"#));
    let context = stage.api.send(event).json();
    assert_eq!(context["client_context"]["custom"]["k"], custom);
}

#[test]
fn checklist_10_an_event_without_an_id_ends_the_process() {
    let mut stage = Stage::of("echo");
    stage.api.queue(Event::json("1").without("Lambda-Runtime-Aws-Request-Id"));
    assert_eq!(stage.running.exit_code(), 1);
    assert!(
        stage.running.logs().to_lowercase().contains("lambda-runtime-aws-request-id"),
        "{}",
        stage.running.logs()
    );
    assert!(stage.api.posts().is_empty());
}
