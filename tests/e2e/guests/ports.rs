//! Handlers of the shapes that the examples of `lambda_runtime` and `lambda_http` have, with the names of those crates:
//! `tests/guests/ports`.

use bulkhead_tests::{Answer, Event, Kind};
use serde_json::{Value, json};

use crate::stage::Stage;

/// A request as a function URL would send it.
fn request(method: &str, path: &str, query: &str, body: &str) -> String {
    let http = json!({ "method": method, "path": path });
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "example.com", "content-type": "application/json" },
        "requestContext": { "http": http, "domainName": "example.com" },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
}

/// Status and body of the response in an answer.
fn response(answer: &Answer) -> (u64, String) {
    assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
    let response: Value = answer.json();
    let body = response["body"].as_str().unwrap_or_default().to_owned();
    (response["statusCode"].as_u64().expect("a status"), body)
}

#[test]
fn a_typed_handler_answers_and_its_records_have_levels_and_fields() {
    let stage = Stage::of("port_basic");
    let answer = stage.api.send(Event::json(r#"{"command":"dance"}"#).request_id("the-id"));
    assert_eq!(answer.json(), json!({ "req_id": "the-id", "msg": "Command dance executed." }));
    let log = stage.running.stdout();
    assert!(log.contains("\tthe-id\tWARN\texecuting command=dance\n"), "{log}");
    assert!(!log.contains("nobody has asked"), "{log}");
}

#[test]
fn records_are_objects_where_the_log_is_json_and_honour_its_level() {
    let stage = Stage::with("port_basic", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_FORMAT", "JSON"));
    stage.send(r#"{"command":"dance"}"#);
    let record: Value =
        serde_json::from_str(stage.running.stdout().lines().next().expect("a record")).unwrap();
    assert_eq!((&record["level"], &record["message"]["command"]), (&json!("WARN"), &json!("dance")));
    let quiet = Stage::with("port_basic", |bootstrap| bootstrap.env("AWS_LAMBDA_LOG_LEVEL", "ERROR"));
    quiet.send(r#"{"command":"dance"}"#);
    assert!(!quiet.running.stdout().contains("executing"), "{}", quiet.running.stdout());
}

#[test]
fn errors_of_every_kind_reach_the_caller() {
    let stage = Stage::of("port_errors");
    for (event, error_type, message) in [
        (r#""own""#, "Function.Error", "only 3 left"),
        (r#""any text""#, "Function.Error", "any text"),
        (r#""panic""#, "Function.Panic", "as asked"),
    ] {
        let text = stage.error(event, error_type).json()["errorMessage"].to_string();
        assert!(text.contains(message), "{text}");
    }
    stage.error(r#""system""#, "Function.Error");
    let stage = Stage::of("port_thiserror");
    let answer = stage.error(r#""it is away""#, "Function.Retryable");
    assert_eq!(answer.json()["errorMessage"], "transient database error: it is away");
}

#[test]
fn a_handler_borrows_what_main_has_made() {
    let stage = Stage::of("port_shared");
    assert_eq!(stage.send(r#""dance""#).json(), "dance executed by the shared client");
}

#[test]
fn a_batch_reports_the_messages_that_failed() {
    let stage = Stage::of("port_sqs");
    let message =
        |id: &str, text: &str| json!({ "messageId": id, "body": json!(text).to_string(), "attributes": {} });
    let event = json!({ "Records": [message("1", "good"), message("2", "bad")] });
    let answer = stage.send(&event.to_string());
    assert_eq!(answer.json(), json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] }));
    let log = stage.running.stdout();
    assert!(log.contains("INFO\tprocessing") && log.contains("good"), "{log}");
}

#[test]
fn a_service_has_the_types_of_lambda_http() {
    let stage = Stage::of("port_http");
    let answer = stage.send(&request("POST", "/sum", "name=J%C3%BCrgen+K", "[1,2]"));
    assert_eq!(response(&answer), (200, "POST /sum Jürgen K: 3".to_owned()));
    assert_eq!(answer.json()["headers"]["content-type"], "text/html");
    assert_eq!(response(&stage.send(&request("GET", "/", "name=teapot", ""))).0, 418);
    let broken = stage.send(&request("GET", "/", "", "[x"));
    assert_eq!(response(&broken), (500, "Internal Server Error".to_owned()));
}

#[test]
fn a_router_of_axum_is_a_service() {
    let stage = Stage::of("port_axum");
    let greeted = response(&stage.send(&request("GET", "/hello/you", "a=b", "")));
    assert_eq!(greeted, (200, r#"{"name":"you","query":"a=b"}"#.to_owned()));
    assert_eq!(response(&stage.send(&request("POST", "/sum", "", "[1,2]"))), (201, "3".to_owned()));
    assert_eq!(response(&stage.send(&request("GET", "/nowhere", "", ""))).0, 404);
    assert_eq!(response(&stage.send(&request("DELETE", "/sum", "", ""))).0, 405);
}

#[test]
fn a_response_is_streamed_by_a_task() {
    let stage = Stage::of("port_streaming");
    let answer = stage.send("1");
    assert_eq!((answer.kind, answer.text()), (Kind::Response, "Hello\nworld\n"));
}
