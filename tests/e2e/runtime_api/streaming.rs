//! Responses that are sent while their handlers run, byte for byte as the Runtime API gets them (section 7 of `docs/runtime-api.md`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead_tests::raw_api::Wire;
use bulkhead_tests::{Bootstrap, Rie, TaskRoot};
use serde_json::Value;

/// A bootstrap that runs a guest.
fn run(guest: &str, toml: &str) -> Wire {
    let root = TaskRoot::new().with(guest).manifest(&format!("[handlers.{guest}]\n{toml}"));
    Wire::start(root, Bootstrap::new().handler(guest))
}

/// Whether the next event is handled as if nothing had been.
fn goes_on(wire: &mut Wire) {
    let (head, body) = wire.answer(r#""plain""#);
    assert!(head.contains("/response HTTP/1.1"), "{head}");
    assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
}

/// The receipts, once the next event is asked for.
fn receipts(wire: &mut Wire) -> Vec<Value> {
    wire.connection.read_to("\r\n\r\n");
    wire.running.receipts()
}

fn ways() -> Wire {
    run("stream_ways", "")
}

/// An error in trailers, as JSON.
fn trailing_error(body: &str) -> Value {
    let encoded =
        body.split("lambda-runtime-function-error-body: ").nth(1).unwrap_or_else(|| panic!("{body}"));
    let json = BASE64_STANDARD.decode(encoded.trim_end()).expect("base64");
    serde_json::from_slice(&json).expect("JSON")
}

#[test]
fn s7_1_s7_2_a_stream_is_chunked_and_says_its_mode_and_its_trailers_up_front() {
    let mut wire = ways();
    let (head, body) = wire.answer(r#""plain""#);
    let head = head.to_lowercase();
    for line in [
        "post /2018-06-01/runtime/invocation/1/response http/1.1",
        "lambda-runtime-function-response-mode: streaming",
        "transfer-encoding: chunked",
        "trailer: lambda-runtime-function-error-type, lambda-runtime-function-error-body",
        "content-type: text/plain",
    ] {
        assert!(head.lines().any(|found| found == line), "{line} in {head}");
    }
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    goes_on(&mut wire);
    let receipts = receipts(&mut wire);
    assert_eq!((&receipts[0]["outcome"], &receipts[0]["bytesOut"]), (&"Replied".into(), &6.into()));
}

#[test]
fn s7_3_s7_4_an_error_in_mid_stream_is_in_real_trailers() {
    for (way, error_type, message) in [
        ("fail", "Function.Error", "in mid-stream"),
        ("panic", "Function.Panic", "in mid-stream"),
        ("exit", "Function.Exited", "code 0"),
    ] {
        let mut wire = ways();
        let (head, body) = wire.answer(&format!("{way:?}"));
        assert!(head.contains("/response HTTP/1.1"), "{head}");
        let trailers = body.strip_prefix("3\r\none\r\n0\r\n").unwrap_or_else(|| panic!("{body:?}"));
        let start = format!(
            "lambda-runtime-function-error-type: {error_type}\r\nlambda-runtime-function-error-body: "
        );
        assert!(trailers.starts_with(&start), "{trailers:?}");
        assert!(trailers.ends_with("\r\n\r\n"), "{trailers:?}");
        let error = trailing_error(trailers);
        assert!(error["errorMessage"].to_string().contains(message), "{error}");
        goes_on(&mut wire);
    }
}

#[test]
fn s7_3_a_time_limit_in_mid_stream_is_in_the_trailers() {
    for (way, limits, error_type) in [
        ("loop", "limits.cpu_time = \"50ms\"", "Function.CpuLimitExceeded"),
        ("sleep", "limits.wall_time = \"200ms\"", "Function.Timeout"),
    ] {
        let mut wire = run("stream_ways", limits);
        let (_, body) = wire.answer(&format!("{way:?}"));
        assert!(body.starts_with("3\r\none\r\n0\r\n"), "{body:?}");
        assert!(body.contains(&format!("error-type: {error_type}\r\n")), "{body:?}");
        goes_on(&mut wire);
    }
}

#[test]
fn s7_12_before_the_first_byte_an_error_is_an_error_like_any_other() {
    let mut wire = ways();
    for (way, message) in [("before", "before the first byte"), ("head", "x-a")] {
        let (head, body) = wire.answer(&format!("{way:?}"));
        assert!(head.contains("/error HTTP/1.1") && !head.contains("Response-Mode"), "{head}");
        assert!(body.contains(message), "{body}");
    }
    let (head, body) = wire.answer("7");
    assert!(head.contains("/error HTTP/1.1") && body.contains("EventUnmarshalError"), "{head} {body}");
    goes_on(&mut wire);
}

#[test]
fn s7_14_an_empty_stream_has_its_end() {
    let mut wire = ways();
    let (head, body) = wire.answer(r#""nothing""#);
    assert!(head.to_lowercase().contains("content-type: application/octet-stream"), "{head}");
    assert_eq!(body, "0\r\n\r\n");
    goes_on(&mut wire);
}

#[test]
fn s7_5_s7_6_an_http_response_has_its_prelude_and_the_delimiter_as_chunks_of_their_own() {
    let mut wire = run("stream_http", "");
    let (head, body) = wire.answer(r#"["Hello ","🚢"]"#);
    let content_type = "content-type: application/vnd.awslambda.http-integration-response";
    assert!(head.to_lowercase().contains(content_type), "{head}");
    let prelude = r#"{"statusCode":201,"headers":{"content-type":"text/plain"},"cookies":["a=1; Secure"]}"#;
    let delimiter = "\0".repeat(8);
    let expected = format!(
        "{:X}\r\n{prelude}\r\n8\r\n{delimiter}\r\n6\r\nHello \r\n4\r\n🚢\r\n0\r\n\r\n",
        prelude.len()
    );
    assert_eq!(body, expected);
}

#[test]
fn s7_8_a_service_is_streamed_where_its_handler_says_so() {
    let event = r#"{"version":"2.0","routeKey":"$default","rawPath":"/a","rawQueryString":"","headers":{"host":"x"},
        "requestContext":{"http":{"method":"GET","path":"/a","protocol":"HTTP/1.1","sourceIp":"1.2.3.4"},"stage":"$default"},
        "isBase64Encoded":false}"#;
    let mut wire = run("web_echo", "invoke_mode = \"response_stream\"");
    let (head, body) = wire.answer(event);
    assert!(head.to_lowercase().contains("response-mode: streaming"), "{head}");
    let (prelude, rest) = body.split_once(&format!("\r\n8\r\n{}\r\n", "\0".repeat(8))).expect("a delimiter");
    let prelude: Value = serde_json::from_str(prelude.split_once("\r\n").expect("a chunk").1).expect("JSON");
    assert_eq!(
        (&prelude["statusCode"], &prelude["cookies"]),
        (&201.into(), &serde_json::json!(["a=1", "b=2; Secure"]))
    );
    assert!(rest.contains(r#""method":"GET""#) && rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
}

#[test]
fn s7_9_s7_11_200_mb_go_through_and_the_host_does_not_grow() {
    let mut wire = run("stream_ways", "limits.wall_time = \"60s\"\nlimits.cpu_time = \"60s\"");
    goes_on(&mut wire);
    wire.connection.deliver(r#""large""#);
    wire.connection.read_to("\r\n\r\n");
    let length = wire.connection.skip_body();
    assert!(length > 200 * 1024 * 1024, "{length}");
    wire.connection.accept_answer();
    let status = std::fs::read_to_string(format!("/proc/{}/status", wire.running.pid())).expect("its status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kilobytes < 100_000, "the process had {kilobytes} kB");
    goes_on(&mut wire);
}

#[test]
fn s7_10_a_stream_that_is_too_long_ends_in_trailers() {
    let mut wire = run("stream_ways", "limits.streamed_response = \"100KiB\"");
    let (_, body) = wire.answer(r#""large""#);
    assert!(body.contains("error-type: Function.ResponseSizeTooLarge\r\n"), "{}", &body[65_000..]);
    let receipts = receipts(&mut wire);
    assert_eq!(
        (&receipts[0]["limit"], &receipts[0]["bytesOut"]),
        (&"streamed_response".into(), &65_536.into())
    );
}

#[test]
fn s7_13_a_reader_that_goes_away_ends_the_handler_and_nothing_else() {
    for way in ["sleep", "loop", "large"] {
        let mut wire = run("stream_ways", "limits.cpu_time = \"5s\"");
        wire.connection.deliver(&format!("{way:?}"));
        wire.connection.read_to("\r\n\r\n");
        wire.connection = wire.api.accept_after(wire.connection);
        goes_on(&mut wire);
        let log = wire.running.logs();
        assert!(
            log.contains("interrupted in mid-stream") && log.contains("Runtime.StreamClosed"),
            "{way}: {log}"
        );
        assert_eq!(receipts(&mut wire)[0]["outcome"], "Runtime.StreamClosed");
    }
}

#[test]
fn s7_13_an_answer_in_mid_stream_ends_the_handler() {
    let mut wire = ways();
    wire.connection.deliver(r#""sleep""#);
    wire.connection.read_to("one\r\n");
    wire.connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nwhy");
    let mut before = std::mem::replace(&mut wire.connection, wire.api.accept());
    assert!(before.is_closed());
    goes_on(&mut wire);
    wire.running.wait_log("the Runtime API refused the response: 413 Payload Too Large: why");
}

#[test]
fn r2_7_a_stream_that_is_refused_again_and_again_is_no_hot_loop() {
    let mut wire = ways();
    for attempt in 0..2 {
        if attempt > 0 {
            wire.connection = wire.api.accept_after(wire.connection);
        }
        wire.connection.deliver(r#""sleep""#);
        wire.connection.read_to("one\r\n");
        wire.connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    }
    assert_eq!(wire.running.exit_code(), 1);
    let log = wire.running.logs();
    assert!(log.contains("event 1 was redelivered after its answer was not accepted"), "{log}");
}

#[test]
fn c11_14_sigterm_in_mid_stream_ends_it_with_an_error() {
    let mut wire = ways();
    wire.connection.deliver(r#""sleep""#);
    wire.connection.read_to("3\r\none\r\n");
    wire.running.terminate();
    let trailers = wire.connection.read_chunked();
    assert!(trailers.contains("error-type: Function.Timeout\r\n"), "{trailers}");
    wire.connection.accept_answer();
    assert_eq!(wire.running.exit_code(), 0);
}

#[test]
fn the_example_streams_its_report() {
    let (head, body) = run("streaming", "").answer("2");
    assert!(head.to_lowercase().contains("content-type: text/csv"), "{head}");
    assert_eq!(body, "16\r\nnumber,square\n1,1\n2,4\n\r\n0\r\n\r\n");
}

#[test]
fn the_emulator_takes_a_stream() {
    let root = TaskRoot::new().with("stream_ways");
    let Some(rie) = Rie::start(&root, "stream_ways", &[]) else { return };
    assert_eq!(rie.invoke(r#""plain""#, &[]).text(), "onetwo");
    assert_eq!(rie.invoke(r#""before""#, &[]).json()["errorMessage"], "before the first byte");
    assert_eq!(rie.invoke(r#""panic""#, &[]).text(), "one", "it reads no trailers (S7.3)");
    assert_eq!(rie.invoke(r#""plain""#, &[]).text(), "onetwo");
    assert_eq!(rie.starts(), 1, "{}", rie.logs());
}
