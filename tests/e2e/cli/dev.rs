//! `bulkhead dev` as the AWS CLI, SDKs and browsers see it, with the real bootstrap behind it.

mod bounds;
mod reload;
mod store;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use aws_smithy_eventstream::frame::read_message_from;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead_tests::{Bootstrap, Dev, HttpAnswer, TaskRoot};
use serde_json::{Value, json};

const TAIL: (&str, &str) = ("X-Amz-Log-Type", "Tail");

fn decoded(encoded: &str) -> String {
    String::from_utf8_lossy(&BASE64_STANDARD.decode(encoded).expect("base64")).into_owned()
}

fn refused(answer: &HttpAnswer, status: u16, kind: &str) {
    assert_eq!((answer.status, answer.header("x-amzn-errortype").as_deref()), (status, Some(kind)));
    assert!(answer.json()["message"].is_string(), "{}", answer.text());
}

#[test]
fn an_event_is_answered_with_lambda_s_headers() {
    let root = TaskRoot::new().with("echo").with("context");
    let dev = Dev::start(&root, &["--timeout", "5s", "--memory", "256"]);
    let answer = dev.invoke("echo", r#"{"name":"🚢"}"#, &[]);
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"name":"🚢"}"#));
    assert_eq!(answer.header("x-amz-executed-version").as_deref(), Some("$LATEST"));
    assert_eq!(answer.header("x-amz-function-error"), None);
    let context = BASE64_STANDARD.encode(r#"{"custom":{"a":"b"}}"#);
    let headers = [("X-Amz-Tenant-Id", "acme"), ("X-Amz-Client-Context", context.as_str())];
    let answer = dev.invoke("arn:aws:lambda:us-east-1:1:function:context:$LATEST", "", &headers);
    let told = answer.json();
    assert_eq!((&told["tenant_id"], &told["env_config"]["memory"]), (&json!("acme"), &json!(256)));
    assert_eq!(told["client_context"]["custom"]["a"], "b", "{told}");
    assert_eq!(told["request_id"].as_str(), answer.header("x-amzn-requestid").as_deref());
    assert!(told["invoked_function_arn"].to_string().contains(":function:context"), "{told}");
}

#[test]
fn an_error_is_marked_and_the_log_tail_has_what_was_printed() {
    let root = TaskRoot::new().with("mixed");
    let dev = Dev::start(&root, &[]);
    for _ in 0..3 {
        let answer = dev.invoke("mixed", r#""panic""#, &[TAIL]);
        assert_eq!(
            (answer.status, answer.header("x-amz-function-error").as_deref()),
            (200, Some("Unhandled"))
        );
        assert_eq!(answer.json()["errorType"], "Function.Panic");
        let tail = decoded(&answer.header("x-amz-log-result").expect("a log"));
        assert!(tail.contains("panicked at") && tail.contains(r#""outcome":"Function.Panic""#), "{tail}");
    }
    let tail = dev.invoke("mixed", r#""flood""#, &[TAIL]).header("x-amz-log-result").expect("a log");
    assert!(decoded(&tail).len() <= 4096, "{}", decoded(&tail).len());
}

#[test]
fn an_event_that_nobody_waits_for_is_handled_all_the_same() {
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &[]);
    let kind = |kind| [("X-Amz-Invocation-Type", kind)];
    let answer = dev.invoke("echo", "{}", &kind("DryRun"));
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    let answer = dev.invoke("echo", "[1]", &kind("Event"));
    assert_eq!((answer.status, answer.text().as_str()), (202, ""));
    dev.running.wait_log("echo  ok  Replied");
    let events = dev.request("GET /.bulkhead/events", &[], "").json();
    let event = &events[0];
    assert_eq!((&events[1], &event["way"], &event["event"]), (&Value::Null, &json!("Event"), &json!("[1]")));
    assert_eq!((&event["outcome"], &event["receipt"]["bytesOut"]), (&json!("Replied"), &json!(3)), "{event}");
    refused(&dev.invoke("echo", "{}", &kind("event")), 400, "InvalidParameterValueException");
}

#[test]
fn an_event_that_fails_is_tried_again_where_that_is_asked_for() {
    let root = TaskRoot::new().with("mixed");
    for (retries, outcomes) in [("0", 1), ("2", 3)] {
        let dev = Dev::start(&root, &["--event-retries", retries]);
        let sent = dev.invoke("mixed", r#""panic""#, &[("X-Amz-Invocation-Type", "Event")]);
        let request_id = sent.header("x-amzn-requestid").expect("a request id");
        dev.running.wait_log_times("mixed  failed  Function.Panic", outcomes);
        // Time for a try too many.
        dev.invoke("mixed", "1", &[TAIL]);
        let records = dev.request("GET /.bulkhead/events", &[], "").json();
        let records = records.as_array().expect("a list");
        assert_eq!(records.len(), outcomes + 1, "{records:?}");
        for record in &records[..outcomes] {
            assert_eq!((&record["requestId"], &record["way"]), (&json!(request_id), &json!("Event")));
            assert_eq!(record["receipt"]["outcome"], "Function.Panic", "{record}");
            assert!(record["log"].to_string().contains("panicked at"), "{record}");
        }
        assert_eq!(dev.running.stderr().matches("an Event failed; retry ").count(), outcomes - 1);
    }
}

#[test]
fn what_became_of_one_event_is_told_when_it_is_known() {
    let root = TaskRoot::new().with("mixed");
    let dev = Dev::start(&root, &[]);
    let request_id = dev.invoke("mixed", r#""panic""#, &[]).header("x-amzn-requestid").expect("its name");
    let event = dev.request(&format!("GET /.bulkhead/events/{request_id}?wait"), &[], "").json();
    assert_eq!(
        (&event["isComplete"], &event["outcome"]),
        (&json!(true), &json!("Function.Panic")),
        "{event}"
    );
    assert_eq!(event["receipt"]["requestId"], json!(request_id));
    assert!(event["log"].to_string().contains("panicked at"), "{event}");
    let unknown = dev.request("GET /.bulkhead/events/nothing", &[], "");
    assert!(
        unknown.status == 404 && unknown.text().contains("event nothing not found"),
        "{}",
        unknown.text()
    );
}

#[test]
fn what_lambda_refuses_is_refused_as_it_does() {
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &[]);
    refused(&dev.invoke("nobody", "{}", &[]), 404, "ResourceNotFoundException");
    refused(&dev.invoke("echo:7", "{}", &[]), 404, "ResourceNotFoundException");
    refused(&dev.invoke("echo", "{", &[]), 400, "InvalidRequestContentException");
    refused(
        &dev.invoke("echo", "{}", &[("X-Amz-Client-Context", "{}")]),
        400,
        "InvalidParameterValueException",
    );
    let large = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    refused(&dev.invoke("echo", large(6 * 1024 * 1024 + 1), &[]), 413, "RequestTooLargeException");
    let event = [("X-Amz-Invocation-Type", "Event")];
    refused(&dev.invoke("echo", large(1024 * 1024 + 1), &event), 413, "RequestTooLargeException");
    assert_eq!(dev.invoke("echo", large(6 * 1024 * 1024), &[]).body.len(), 6 * 1024 * 1024);
    assert_eq!(dev.request("GET /nothing", &[], "").status, 404);
    let foreign = dev.request("GET /.bulkhead/events", &[("Host", "example.com")], "");
    assert_eq!(foreign.status, 403, "a page of the web must not read events");
}

#[test]
fn a_function_has_its_timeout_and_its_concurrency() {
    let root = TaskRoot::new().with("sleep");
    let dev = Dev::start(&root, &["--timeout", "2s", "--concurrency", "1"]);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| dev.invoke("sleep", "60000", &[]));
        dev.running.wait_log("asleep");
        refused(&dev.invoke("sleep", "0", &[]), 429, "TooManyRequestsException");
        assert_eq!(slow.join().expect("an answer").json()["errorType"], "Function.Timeout");
    });
    assert_eq!(dev.invoke("sleep", "0", &[]).text(), "0");
}

/// A local Lambda with a runtime of its own: it takes one event, and then does this.
fn taking_one_event(then: &str) -> (TaskRoot, Dev) {
    let next = "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next";
    let program = format!("#!/bin/sh\ncurl -sS -o /dev/null {next}\n{then}\n");
    let root = TaskRoot::new().with("echo").file("runtime", program.as_bytes());
    let path = root.path().join("runtime");
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("make it a program");
    let dev = Dev::start(&root, &["--timeout", "1s", "--bootstrap", path.to_str().expect("a path")]);
    (root, dev)
}

#[test]
fn a_runtime_that_does_not_answer_is_stopped() {
    let (_root, dev) = taking_one_event("exec sleep 1000");
    for _ in 0..2 {
        let answer = dev.invoke("echo", "{}", &[]);
        assert_eq!(answer.header("x-amz-function-error").as_deref(), Some("Unhandled"));
        let error = answer.json();
        assert_eq!(error["errorType"], "Sandbox.Timedout");
        assert!(error["errorMessage"].to_string().contains("Task timed out after 1.00 seconds"), "{error}");
    }
}

#[test]
fn a_runtime_that_ends_fails_its_event_alone() {
    let (_root, dev) = taking_one_event("exit 5");
    for _ in 0..2 {
        let error = dev.invoke("echo", "{}", &[]).json();
        assert_eq!(error["errorType"], "Runtime.ExitError");
        assert!(error["errorMessage"].to_string().contains("exit status: 5"), "{error}");
    }
}

#[test]
fn a_function_url_makes_http_of_events() {
    let root = TaskRoot::new().with("echo").with("web_echo").with("mixed");
    let dev = Dev::start(&root, &[]);
    let answer = dev.url("web_echo", "PUT /a/b?c=1", &[("Content-Type", "text/plain")], "🚢");
    let told = answer.json();
    assert_eq!((answer.status, &told["method"], &told["body"]), (201, &json!("PUT"), &json!("🚢")));
    assert_eq!(told["uri"], format!("http://{}/a/b?c=1", dev.host("web_echo")));
    assert_eq!(answer.headers("set-cookie"), ["a=1", "b=2; Secure"]);
    let event = dev.url("echo", "GET /", &[("Cookie", "a=1; b=2")], "").json();
    assert_eq!((&event["rawPath"], &event["cookies"]), (&json!("/"), &json!(["a=1", "b=2"])));
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["requestContext"]["domainName"], "echo.lambda-url.us-east-1.on.aws");
    assert_eq!(event["headers"]["host"], dev.host("echo"));
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["headers"]["x-forwarded-port"], dev.urls().port().to_string());
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    let failed = dev.url("mixed", "GET /", &[], "");
    assert_eq!((failed.status, failed.text().as_str()), (502, "Internal Server Error"));
    assert_eq!(dev.url("nobody", "GET /", &[], "").status, 404);
}

#[test]
fn a_service_behind_a_function_url_sees_paths_as_they_were_sent() {
    let root = TaskRoot::new().with("web_echo");
    let dev = Dev::start(&root, &[]);
    for target in ["/a%20b", "/a%2Fb", "/%C3%A9", "/a%2520b?c=%26&d=e+f", "//a//"] {
        let told = dev.url("web_echo", &format!("GET {target}"), &[], "").json();
        assert_eq!(told["uri"], format!("http://{}{target}", dev.host("web_echo")));
    }
}

#[test]
fn a_function_url_answers_json_without_a_status_as_lambda_does() {
    let root = TaskRoot::new().with("answers");
    let dev = Dev::start(&root, &[]);
    for (answered, body) in [(r#""hello""#, "hello"), (r#"{"a":1}"#, r#"{"a":1}"#), ("[1.50]", "[1.50]")] {
        let answer = dev.url("answers", "POST /", &[("Content-Type", "text/plain")], answered);
        assert_eq!((answer.status, answer.text().as_str()), (200, body));
        assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
    }
    for no_response in ["{", r#"{"statusCode":101}"#, r#"{"statusCode":200,"headers":[1]}"#] {
        let answer = dev.url("answers", "POST /", &[("Content-Type", "text/plain")], no_response);
        assert_eq!((answer.status, answer.text().as_str()), (502, "Internal Server Error"), "{no_response}");
    }
}

#[test]
fn function_urls_are_on_a_port_of_their_own_and_have_names_of_their_own() {
    let root = TaskRoot::new().with("echo");
    let root = root.manifest("[handlers.echo]\n[handlers.\"Shop.v2\"]\nsource = \"echo.wasm\"\n");
    let dev = Dev::start(&root, &[]);
    dev.running.wait_log("ready:");
    assert_ne!(dev.urls().port(), dev.address().port());
    // At the port of the API it is said where they are.
    let moved = dev.request("GET /lambda-url/echo/a?b=1", &[], "");
    let by_path = format!("http://{}/lambda-url/echo/a?b=1", dev.urls());
    assert_eq!((moved.status, moved.header("location")), (307, Some(by_path.clone())));
    assert!(moved.json()["message"].to_string().contains(&by_path), "{}", moved.text());
    assert!(dev.request("GET /nothing", &[], "").text().contains(".localhost:"));
    // Programs that cannot find such a name find a path; browsers are sent on to the name.
    let event = dev.request_url_port("GET /lambda-url/echo/a%20b?b=1", &[], "").json();
    assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/a%20b"), &json!("b=1")));
    let browser = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")];
    let sent_on = dev.request_url_port("GET /lambda-url/echo/a%20b?b=1", &browser, "");
    let own = format!("http://{}/a%20b?b=1", dev.host("echo"));
    assert_eq!((sent_on.status, sent_on.header("location")), (307, Some(own)));
    // A name that is no label has one that is, and it is told.
    let status = dev.request("GET /.bulkhead/status", &[], "").json();
    assert_eq!(status["functionUrls"]["echo"], format!("http://{}/", dev.host("echo")));
    let shop = status["functionUrls"]["Shop.v2"].as_str().expect("a URL");
    let host = shop.trim_start_matches("http://").trim_end_matches('/');
    assert!(host.starts_with("shop-v2-") && dev.running.stderr().contains(shop), "{shop}");
    assert_eq!(dev.request_url_port("GET /", &[("Host", host)], "").json()["version"], "2.0");
    // What is there has no other names, and nothing else is there.
    for (host, status) in [("example.com", 403), ("echo.localhost.example.com", 403), ("localhost", 404)] {
        assert_eq!(dev.request_url_port("GET /", &[("Host", host)], "").status, status, "{host}");
    }
    let invoke = "POST /2015-03-31/functions/echo/invocations";
    assert_eq!(dev.request_url_port(invoke, &[], "{}").status, 404);
    assert_eq!(dev.request(invoke, &[("Host", "echo.localhost")], "{}").status, 403);
}

#[test]
fn a_stream_is_passed_on_by_urls_and_by_the_invoke_api() {
    let root = TaskRoot::new().with("stream_http").with("stream_ways");
    let dev = Dev::start(&root, &[]);
    let answer = dev.url("stream_http", "POST /", &[], "");
    assert_eq!(answer.status, 502, "a request is no list of pieces");
    let answer = dev.invoke("stream_ways", r#""plain""#, &[]);
    assert_eq!(answer.text(), "onetwo", "one who reads no stream gets it whole");
    let streamed = |way: &str| {
        let start = "POST /2021-11-15/functions/stream_ways/response-streaming-invocations";
        let answer = dev.request(start, &[TAIL], format!("{way:?}"));
        assert_eq!(answer.header("content-type").as_deref(), Some("application/vnd.amazon.eventstream"));
        frames(&answer.body)
    };
    let plain = streamed("plain");
    let text: String =
        plain.iter().filter(|(kind, _)| kind == "PayloadChunk").map(|(_, text)| text.as_str()).collect();
    assert_eq!(text, "onetwo");
    let (_, end) = plain.last().expect("an end");
    let end: Value = serde_json::from_str(end).expect("JSON");
    assert_eq!(end["ErrorCode"], Value::Null);
    assert!(decoded(end["LogResult"].as_str().expect("a log")).contains(r#""outcome":"Replied""#), "{end}");
    let broken = streamed("panic");
    assert_eq!(broken[0], ("PayloadChunk".to_owned(), "one".to_owned()));
    assert!(
        broken[1].0 == "InvokeComplete" && broken[1].1.contains(r#""ErrorCode":"Function.Panic""#),
        "{broken:?}"
    );
}

#[test]
fn a_streamed_function_url_has_a_head_of_its_own() {
    let root = TaskRoot::new().with("stream_page");
    let dev = Dev::start(&root, &[]);
    let answer = dev.url("stream_page", "GET /tea?cup=1", &[("Cookie", "c=3")], "");
    assert_eq!((answer.status, answer.text().as_str()), (418, "<p>🫖</p>"));
    assert_eq!(answer.header("content-type").as_deref(), Some("text/html"));
    assert_eq!(answer.header("x-path").as_deref(), Some("/tea"));
    assert_eq!(answer.header("transfer-encoding").as_deref(), Some("chunked"));
    // Headers of one name are one in the prelude, whose headers are an object of JSON.
    assert_eq!(answer.headers("vary"), ["accept, cookie"]);
    assert_eq!(answer.headers("set-cookie"), ["a=1; Secure", "b=2"]);
    assert!(answer.header("x-amzn-requestid").is_some() && answer.header("content-length").is_none());
    let broken = dev.url("stream_page", "GET /broken", &[], "");
    assert_eq!((broken.status, broken.text().as_str()), (418, "<p>"), "it is too late for another status");
    let invoked = dev.invoke("stream_page", "{}", &[]).text();
    assert!(invoked.starts_with(r#"{"statusCode":418,"#) && invoked.ends_with("\0<p>🫖</p>"), "{invoked:?}");
}

/// The types of the frames of an event stream, and what is in them.
fn frames(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let message = read_message_from(&mut bytes).expect("a frame");
        let of = |name| message.headers().iter().find(|header| header.name().as_str() == name);
        let kind = of(":event-type").and_then(|header| header.value().as_string().ok()).expect("a type");
        frames.push((kind.as_str().to_owned(), String::from_utf8_lossy(message.payload()).into_owned()));
    }
    frames
}

#[test]
fn a_bootstrap_that_somebody_else_started_is_served() {
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &["--no-bootstrap", "--timeout", "1s"]);
    let address = dev.address().to_string();
    dev.running.wait_log(&format!("export AWS_LAMBDA_RUNTIME_API={address}/.rt/echo"));
    for runtime_api in [address.clone(), format!("{address}/.rt/echo")] {
        let bootstrap = Bootstrap::new().task_root(&root).handler("echo");
        let theirs = bootstrap.env("AWS_LAMBDA_RUNTIME_API", &runtime_api).spawn();
        assert_eq!(dev.invoke("echo", "[7]", &[]).text(), "[7]");
        drop(theirs);
    }
}

#[test]
fn it_ends_with_its_bootstraps() {
    let root = TaskRoot::new().with("sleep");
    let mut dev = Dev::start(&root, &[]);
    let (answer, children) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| dev.invoke("sleep", "500", &[]));
        dev.running.wait_log("asleep");
        let children = children(dev.running.pid());
        dev.running.terminate();
        (slow.join().expect("an answer"), children)
    });
    assert_eq!(answer.text(), "500", "what was on its way is answered");
    assert_eq!(dev.running.exit_code(), 0);
    assert_eq!(children.len(), 1);
    assert!(!std::path::Path::new(&format!("/proc/{}", children[0])).exists());
}

fn children(pid: u32) -> Vec<String> {
    let told = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("its children");
    told.split_whitespace().map(str::to_owned).collect()
}
