//! HTTP services: components that would run under any server of `wasi:http`. HTTP events become requests, and their
//! responses what the sender of the event wants.

use bulkhead_fixtures::Fixture;
use bulkhead_tests::{Answer, Event, Kind, TaskRoot};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Tight, so that a test is soon over; but a machine that does other things too comes to its processor time first.
const LIMITS: &str = "[limits]\ncpu_time = '300ms'\nwall_time = '4s'\nmemory = '64MiB'\n[handlers.web_ways]";

/// A request as an HTTP API or a function URL would send it.
fn get(path: &str) -> String {
    let context = json!({ "http": { "method": "GET", "path": path }, "domainName": "example.com" });
    json!({ "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {}, "requestContext": context })
        .to_string()
}

/// The response in an answer.
fn response(answer: &Answer) -> Value {
    assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
    answer.json()
}

/// What the service was asked, by its own account.
fn asked(response: &Value) -> Value {
    assert_eq!(response["statusCode"], 201, "{response}");
    serde_json::from_str(response["body"].as_str().expect("a body")).expect("JSON of the service")
}

fn has(asked: &Value, name: &str, value: &str) -> bool {
    asked["headers"].as_array().expect("headers").contains(&json!([name, value]))
}

#[test]
fn an_http_api_or_a_function_url() {
    let stage = Stage::of("web_echo");
    let event = json!({
        "version": "2.0",
        "rawPath": "/things/a b",
        "rawQueryString": "x=1&x=2&y=%20",
        "cookies": ["c=1", "d=2"],
        "headers": { "host": "api.example.com", "x-forwarded-proto": "https", "x-thing": "one" },
        "requestContext": { "http": { "method": "PUT", "path": "/things/a b" }, "domainName": "api.example.com" },
        "body": "aMOkbGxv",
        "isBase64Encoded": true,
    });
    let response = response(&stage.send(&event.to_string()));
    let asked = asked(&response);
    assert_eq!((&asked["method"], &asked["body"]), (&json!("PUT"), &json!("hällo")));
    let uri = asked["uri"].as_str().expect("a URI");
    assert!(uri.ends_with("/things/a%20b?x=1&x=2&y=%20") && uri.contains("api.example.com"), "{uri}");
    assert!(has(&asked, "x-thing", "one") && has(&asked, "cookie", "c=1; d=2"), "{asked}");
    assert_eq!(response["cookies"], json!(["a=1", "b=2; Secure"]));
    assert_eq!(
        (&response["headers"]["content-type"], &response["isBase64Encoded"]),
        (&json!("application/json"), &json!(false))
    );
}

#[test]
fn a_rest_api() {
    let stage = Stage::of("web_echo");
    let event = json!({
        "httpMethod": "POST",
        "path": "/things",
        "multiValueQueryStringParameters": { "x": ["1", "2"] },
        "multiValueHeaders": { "Host": ["api.example.com"], "X-Thing": ["one", "two"] },
        "requestContext": { "path": "/prod/things", "stage": "prod" },
        "body": "text",
        "isBase64Encoded": false,
    });
    let response = response(&stage.send(&event.to_string()));
    let asked = asked(&response);
    assert_eq!((&asked["method"], &asked["body"]), (&json!("POST"), &json!("text")));
    assert!(asked["uri"].as_str().is_some_and(|uri| uri.ends_with("/things?x=1&x=2")), "{asked}");
    assert!(has(&asked, "x-thing", "one") && has(&asked, "x-thing", "two"), "{asked}");
    assert_eq!(response["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2; Secure"]));
}

#[test]
fn a_load_balancer_with_either_kind_of_headers() {
    let stage = Stage::of("web_echo");
    let event = |headers: (&str, Value)| {
        let mut event = json!({
            "httpMethod": "GET",
            "path": "/things",
            "requestContext": { "elb": { "targetGroupArn": "arn" } },
            "body": "",
            "isBase64Encoded": false,
        });
        event[headers.0] = headers.1;
        event.to_string()
    };
    let single = response(&stage.send(&event(("headers", json!({ "host": "a.b", "x-thing": "one" })))));
    assert!(has(&asked(&single), "x-thing", "one"));
    assert_eq!(
        (&single["statusDescription"], &single["headers"]["content-type"]),
        (&json!("201 Created"), &json!("application/json"))
    );
    let several = json!({ "host": ["a.b"], "x-thing": ["one", "two"] });
    let multi = response(&stage.send(&event(("multiValueHeaders", several))));
    assert!(has(&asked(&multi), "x-thing", "two"));
    assert_eq!(multi["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2; Secure"]));
}

#[test]
fn bytes_that_are_no_text_go_out_as_base64() {
    let stage = Stage::of("web_ways");
    let response = response(&stage.send(&get("/bytes")));
    assert_eq!((&response["body"], &response["isBase64Encoded"]), (&json!("AJ+Slg=="), &json!(true)));
}

#[test]
fn any_status_is_a_response() {
    let stage = Stage::of("web_ways");
    assert_eq!(response(&stage.send(&get("/teapot")))["statusCode"], 418);
    assert_eq!(stage.receipts()[0]["outcome"], "Replied");
}

#[test]
fn a_large_body_goes_in_and_out() {
    let stage = Stage::of("web_ways");
    let mut event: Value = serde_json::from_str(&get("/echo")).expect("JSON");
    let body = "0123456789".repeat(400_000);
    event["body"] = json!(body);
    assert!(response(&stage.send(&event.to_string()))["body"] == body);
}

#[test]
fn a_request_that_no_server_would_take_is_answered_without_the_service() {
    let stage = Stage::of("web_echo");
    let response = response(&stage.send(&get("/a/../../b")));
    assert_eq!(response["statusCode"], 400, "{response}");
    stage.api.wait_idle();
    assert!(!stage.running.stdout().contains("GET"), "the service was called");
}

#[test]
fn a_path_reaches_the_service_as_the_client_sent_it() {
    let stage = Stage::of("web_echo");
    let url = get("/a").replace("example.com", "a.lambda-url.eu-west-1.on.aws");
    for path in ["/a/../b", "/a/%2e%2E/b", "/a%2F..%2Fb", "/a//b/./c"] {
        let asked = asked(&response(&stage.send(&url.replace("/a", path))));
        assert!(asked["uri"].as_str().is_some_and(|uri| uri.ends_with(path)), "{path}: {asked}");
    }
}

#[test]
fn a_query_of_vpc_lattice_is_not_encoded_twice() {
    let stage = Stage::of("web_echo");
    let event = json!({
        "version": "2.0", "path": "/a", "method": "GET", "headers": { "accept": ["*/*"] },
        "queryStringParameters": { "filter": ["%3Fall%3Dtrue"], "q": ["hello%20world", "plain"] },
        "requestContext": { "serviceArn": "arn:aws:vpc-lattice:eu-west-1:123456789012:service/svc-0a40eebed65f8d69c" },
    });
    let asked = asked(&response(&stage.send(&event.to_string())));
    let uri = asked["uri"].as_str().expect("a URI");
    assert!(uri.ends_with("/a?filter=%3Fall%3Dtrue&q=hello%20world&q=plain"), "{uri}");
}

#[test]
fn a_header_that_is_written_as_a_number_is_its_text() {
    let stage = Stage::of("web_echo");
    let event = |headers: &str| get("/").replace(r#""headers":{}"#, &format!(r#""headers":{headers}"#));
    let asked = asked(&response(&stage.send(&event(r#"{ "x-n": 7, "x-several": [1.50, true, "a"] }"#))));
    for (name, value) in [("x-n", "7"), ("x-several", "1.50"), ("x-several", "true"), ("x-several", "a")] {
        assert!(has(&asked, name, value), "{asked}");
    }
    let error = stage.error(&event(r#"{ "x-n": { "a": 7 } }"#), "Function.NotAnHttpEvent");
    let message = error.json()["errorMessage"].as_str().expect("a message").to_owned();
    assert!(message.contains("`headers` cannot be read") && message.contains(r#""x-n""#), "{message}");
}

#[test]
fn other_events_fail_unless_the_manifest_says_otherwise() {
    let event = r#"{"Records": [{"eventSource": "aws:s3"}]}"#;
    let mut stage = Stage::of("web_echo");
    let answer = stage.error(event, "Function.NotAnHttpEvent");
    assert!(answer.text().contains("rawPath"), "{}", answer.text());
    assert!(stage.running.is_alive());
    let stage = Stage::of_manifest("[handlers.web_echo]\nother_events = 'post'", &["web_echo"]);
    let asked = stage.send(event).json();
    assert_eq!((&asked["method"], &asked["body"]), (&json!("POST"), &json!(event)));
    assert!(asked["uri"].as_str().is_some_and(|uri| uri.ends_with("/events")), "{asked}");
    assert_eq!(response(&stage.send(&get("/")))["statusCode"], 201, "HTTP events are still requests");
}

#[test]
fn every_fixture_is_a_request_or_refused() {
    let stage = Stage::of("web_echo");
    let mut requests = 0;
    for Fixture { name, event } in bulkhead_fixtures::all() {
        let answer = stage.api.send(Event::bytes(event.clone()));
        if answer.kind == Kind::Error {
            assert_eq!(answer.error_type(), "Function.NotAnHttpEvent", "{name}: {}", answer.text());
            continue;
        }
        requests += 1;
        assert!(asked(&response(&answer))["method"].is_string(), "{name}");
    }
    assert!(requests >= 20, "only {requests} fixtures are requests");
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn a_service_has_the_limits_of_a_handler() {
    let mut stage = Stage::of_manifest(LIMITS, &["web_ways"]);
    for (path, error_type, limit) in [
        ("/loop", "Function.CpuLimitExceeded", json!("cpu_time")),
        ("/sleep", "Function.Timeout", json!("wall_time")),
        ("/memory", "Function.OutOfMemory", json!("memory")),
        ("/huge", "Function.ResponseSizeTooLarge", json!("response")),
        ("/quotes", "Function.ResponseSizeTooLarge", json!("response")),
        ("/panic", "Function.Panic", Value::Null),
        ("/error", "Function.NoHttpResponse", Value::Null),
    ] {
        let answer = stage.error(&get(path), error_type);
        let receipt = stage.receipts().pop().expect("a receipt");
        assert_eq!(
            (&receipt["outcome"], &receipt["limit"]),
            (&json!(error_type), &limit),
            "{}",
            answer.text()
        );
        assert_eq!(response(&stage.send(&get("/")))["body"], "ping");
        assert!(stage.running.is_alive());
    }
}

#[test]
fn a_response_that_is_not_finished_is_none() {
    let stage = Stage::of("web_raw");
    for (path, error_type, text) in [
        ("/none", "Function.NoHttpResponse", "response-outparam"),
        ("/dropped", "Function.InvalidHttpResponse", "outgoing-body.finish"),
        ("/open", "Function.InvalidHttpResponse", "outgoing-body.finish"),
        ("/trap", "Function.Panic", "in the middle"),
    ] {
        let answer = stage.error(&get(path), error_type);
        assert!(answer.text().contains(text), "{path}: {}", answer.text());
    }
    assert_eq!(response(&stage.send(&get("/whole")))["body"], "half");
}

#[test]
fn a_stream_that_is_not_finished_ends_when_its_service_returns() {
    let stage = Stage::of_manifest("[handlers.web_raw]\ninvoke_mode = \"response_stream\"", &["web_raw"]);
    stage.error(&get("/none"), "Function.NoHttpResponse");
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!((&receipt["outcome"], &receipt["limit"]), (&"Function.NoHttpResponse".into(), &Value::Null));
    // What was sent of it is there; the error is in the trailers.
    stage.send(&get("/open"));
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!(
        (&receipt["outcome"], &receipt["limit"]),
        (&"Function.InvalidHttpResponse".into(), &Value::Null)
    );
}

#[test]
fn a_service_s_log_and_receipt_are_a_handler_s() {
    let toml = "[handlers.web_echo]\n[tenants.acme]";
    let stage = Stage::of_manifest(toml, &["web_echo"]);
    stage.api.send(Event::json(get("/things")).tenant("acme").request_id("the-id"));
    let log = stage.running.stdout();
    assert!(log.contains("\tthe-id\tINFO\ttenantId=acme\tGET /things\n"), "{log}");
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!((&receipt["tenantId"], &receipt["handler"]), (&json!("acme"), &json!("web_echo")));
    assert_eq!((&receipt["outcome"], &receipt["logBytes"]), (&json!("Replied"), &json!(log.len())));
    assert!(receipt["setupMs"].as_f64().is_some_and(|setup| setup > 0.0), "{receipt}");
}

#[test]
fn a_service_is_reused_where_that_is_asked_for() {
    let stage = Stage::of_manifest("[handlers.web_echo]\nreuse = { events = 2 }", &["web_echo"]);
    for _ in 0..4 {
        assert_eq!(response(&stage.send(&get("/")))["statusCode"], 201);
    }
    let setup = |receipt: &Value| receipt["setupMs"].as_f64().expect("a time") > 0.0;
    assert_eq!(stage.receipts().iter().map(setup).collect::<Vec<_>>(), [true, false, true, false]);
}

#[test]
fn a_service_can_be_compiled() {
    let stage = Stage::at(TaskRoot::new().with_compiled("web_echo"), |it| it.handler("web_echo"));
    assert_eq!(response(&stage.send(&get("/")))["statusCode"], 201);
}
