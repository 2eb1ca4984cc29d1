//! HTTP services that people write: with the SDK's `http_handler`, and the examples.

use bulkhead_tests::{Answer, Kind};
use serde_json::{Value, json};

use crate::stage::Stage;

/// A request as a function URL would send it.
fn request(method: &str, path: &str, body: &str) -> String {
    let http = json!({ "method": method, "path": path, "sourceIp": "192.0.2.7" });
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "example.com" },
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
    (
        response["statusCode"].as_u64().expect("a status"),
        response["body"].as_str().expect("a body").to_owned(),
    )
}

#[test]
fn a_service_of_the_sdk_gets_its_request_and_the_context_of_it() {
    let stage = Stage::of("served");
    let get = |path: &str| response(&stage.send(&request("GET", path, "")));
    assert_eq!(get("/"), (200, "192.0.2.7".to_owned()));
    // What is not known is no error of the service.
    assert_eq!(get("/elsewhere").0, 200);
}

#[test]
fn bodies_of_a_service_of_the_sdk_are_read_and_written_as_streams() {
    let stage = Stage::of("served");
    let text = "häll".repeat(200_000);
    let (status, echo) = response(&stage.send(&request("POST", "/echo", &text)));
    assert_eq!((status, echo.len()), (200, text.len()));
    assert!(echo == text, "another text came back");
    assert_eq!(response(&stage.send(&request("POST", "/length", &text))), (200, text.len().to_string()));
}

#[test]
fn an_error_of_a_service_of_the_sdk_is_for_its_log_alone() {
    let stage = Stage::of("served");
    let failed = stage.send(&request("GET", "/fail", ""));
    assert_eq!(response(&failed), (500, "Internal Server Error".to_owned()));
    stage.running.wait_log("Error: the password is swordfish");
    let panicked = stage.send(&request("GET", "/panic", ""));
    assert_eq!((panicked.kind, &panicked.json()["errorType"]), (Kind::Error, &json!("Function.Panic")));
    // The next event finds nothing of it.
    assert_eq!(response(&stage.send(&request("GET", "/", ""))).0, 200);
}

#[test]
fn a_response_of_the_sdk_that_breaks_off_is_an_error_with_its_reason() {
    let stage = Stage::of("served");
    let broken = stage.send(&request("GET", "/broken", ""));
    assert_eq!(
        (broken.kind, &broken.json()["errorType"]),
        (Kind::Error, &json!("Function.InvalidHttpResponse"))
    );
    stage.running.wait_log("the response was not sent: no more");
}

#[test]
fn a_service_of_the_sdk_may_set_what_a_host_sets_and_say_how_long_a_body_would_be() {
    let stage = Stage::of("served");
    let forbidden = stage.send(&request("GET", "/forbidden", ""));
    assert_eq!(response(&forbidden), (200, "192.0.2.7".to_owned()));
    assert_eq!(forbidden.json()["headers"], json!({}));
    let head = stage.send(&request("HEAD", "/announced", ""));
    assert_eq!(response(&head), (200, String::new()));
    assert_eq!(head.json()["headers"], json!({ "content-length": "4096" }));
}

#[test]
fn the_http_example_greets_and_says_what_is_wrong() {
    let stage = Stage::of("http-service");
    let ask = |method, path, body| response(&stage.send(&request(method, path, body)));
    assert_eq!(ask("GET", "/", ""), (200, r#"{"message":"POST your name to /hello"}"#.to_owned()));
    let hello = r#"{"name": "world"}"#;
    assert_eq!(ask("POST", "/hello", hello), (200, r#"{"message":"Hello world!"}"#.to_owned()));
    let (status, why) = ask("POST", "/hello", "{}");
    assert_eq!(status, 400);
    assert!(why.contains("missing field `name`"), "{why}");
    let there_is_none = r#"{"message":"there is no DELETE /hello"}"#;
    assert_eq!(ask("DELETE", "/hello", ""), (404, there_is_none.to_owned()));
}

#[test]
fn the_wstd_example_knows_nothing_of_lambda() {
    let stage = Stage::of("wstd-service");
    let ask = |method, path, body| response(&stage.send(&request(method, path, body)));
    assert_eq!(ask("GET", "/", ""), (200, "Hello from a service that knows nothing of Lambda.\n".to_owned()));
    assert_eq!(ask("POST", "/shout", "hello, 🚢"), (200, "HELLO, 🚢".to_owned()));
    assert_eq!(ask("GET", "/shout", ""), (404, "There is no GET /shout here.\n".to_owned()));
}
