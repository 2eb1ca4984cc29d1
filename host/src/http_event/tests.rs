//! Whole events: every HTTP fixture of the `aws_lambda_events` crate, and what becomes of events that are damaged.

use std::cell::Cell;

use bulkhead_fixtures::Fixture;
use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::proptest;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;
use serde_json::{Value, json};

use super::*;

/// The events of the fixtures, with their names.
fn fixtures() -> impl Iterator<Item = (&'static str, Bytes)> {
    bulkhead_fixtures::all().iter().map(|Fixture { name, event }| (&**name, Bytes::from_static(event)))
}

/// The host of most fixtures of REST APIs.
const REST: &str = "https://gy415nuibc.execute-api.us-east-1.amazonaws.com";
/// The host of most fixtures of HTTP APIs.
const HTTP: &str = "https://id.execute-api.us-east-1.amazonaws.com";

/// All of them that are HTTP events: their source, and method, origin, and path with query of the request.
const EXPECTED: [(&str, HttpSource, [&str; 3]); 22] = [
    (
        "alb-lambda-target-request-headers-only",
        HttpSource::Alb,
        ["GET", "http://lambda-test-alb-1334523864.us-east-1.elb.amazonaws.com", "/?key=hello"],
    ),
    (
        "alb-lambda-target-request-multivalue-headers",
        HttpSource::AlbMultiValue,
        ["GET", "http://lambda-test-alb-1234567.us-east-1.elb.amazonaws.com", "/?key=hello"],
    ),
    (
        "apigw-console-request",
        HttpSource::RestApi,
        ["POST", "https://localhost", "/path/to/resource?foo=bar"],
    ),
    (
        "apigw-console-test-request",
        HttpSource::RestApi,
        ["POST", "https://testPrefix.testDomainName", "/myPath"],
    ),
    ("apigw-request", HttpSource::RestApi, ["POST", REST, "/hello/world?name=me"]),
    ("apigw-request-catch-all", HttpSource::RestApi, ["POST", REST, "/hello/world?name=me"]),
    (
        "apigw-request-multi-value-parameters",
        HttpSource::RestApi,
        ["POST", REST, "/hello/world?name=me&name=me2"],
    ),
    ("apigw-restapi-openapi-request", HttpSource::RestApi, ["POST", REST, "/hello/world?name=me"]),
    ("apigw-sam-http-request", HttpSource::HttpApi, ["GET", "http://127.0.0.1:3000", "/dump?foo=bar"]),
    ("apigw-sam-rest-request", HttpSource::HttpApiV1, ["GET", "http://127.0.0.1:3000", "/test"]),
    (
        "apigw-v2-request-iam",
        HttpSource::HttpApi,
        ["GET", HTTP, "/my/path?parameter1=value1&parameter1=value2&parameter2=value"],
    ),
    (
        "apigw-v2-request-jwt-authorizer",
        HttpSource::HttpApi,
        ["GET", HTTP, "/my/path?parameter1=value1&parameter1=value2&parameter2=value"],
    ),
    (
        "apigw-v2-request-lambda-authorizer",
        HttpSource::HttpApi,
        ["GET", HTTP, "/my/path?parameter1=value1&parameter1=value2&parameter2=value"],
    ),
    (
        "apigw-v2-request-multi-value-parameters",
        HttpSource::HttpApi,
        ["GET", HTTP, "/my/path?Parameter1=value1&Parameter1=value2"],
    ),
    (
        "apigw-v2-request-no-authorizer",
        HttpSource::HttpApi,
        ["GET", "https://aaaaaaaaaa.execute-api.us-west-2.amazonaws.com", "/"],
    ),
    (
        "apigw-websocket-request",
        HttpSource::WebSocket,
        ["POST", "https://*.execute-api.eu-central-1.amazonaws.com", "/hello/world?name=me"],
    ),
    (
        "apigw-websocket-request-disconnect-route",
        HttpSource::WebSocket,
        ["GET", "https://abcd1234.execute-api.us-east-1.amazonaws.com", "/"],
    ),
    (
        "apigw-websocket-request-without-method",
        HttpSource::WebSocket,
        ["GET", "https://asdfasdf.execute-api.us-west-2.amazonaws.com", "/"],
    ),
    (
        "vpc-lattice-v1-request",
        HttpSource::LatticeV1,
        ["POST", "https://localhost", "/api/product?category=electronics&sort=price&limit=10&tags=tv"],
    ),
    (
        "vpc-lattice-v2-request",
        HttpSource::Lattice,
        ["GET", "https://localhost", "/health?state=prod&multi=a&multi=DEF&multi=g"],
    ),
    (
        "vpc-lattice-v2-request-base64",
        HttpSource::Lattice,
        ["POST", "https://localhost", "/api/files/upload?uploadType=profile-image"],
    ),
    (
        "vpc-lattice-v2-request-roles-anywhere",
        HttpSource::Lattice,
        ["POST", "https://localhost", "/api/external/data-sync?sync-type=incremental&validate=true"],
    ),
];

#[test]
fn every_fixture_is_the_request_that_it_says_or_is_no_http_event() {
    let mut expected = EXPECTED.iter();
    for (name, event) in fixtures() {
        match HttpEvent::parse(&event) {
            Ok(HttpEvent { source, request }) => {
                let &(expected, expected_source, [method, origin, target]) =
                    expected.next().expect("one more");
                let request = format!("{} {}", request.method(), request.uri());
                assert_eq!((name, source), (expected, expected_source));
                assert_eq!(request, format!("{method} {origin}{target}"), "{name}");
            }
            Err(HttpEventError::NotHttp(_)) => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert_eq!(expected.next(), None);
}

#[test]
fn no_value_of_a_fixture_is_lost() {
    for (name, event) in fixtures() {
        let Ok(HttpEvent { request, .. }) = HttpEvent::parse(&event) else { continue };
        let event: Value = serde_json::from_slice(&event).unwrap();
        for map in ["headers", "multiValueHeaders"] {
            for (header, values) in event[map].as_object().into_iter().flatten() {
                let sent = request.headers().get_all(header.as_str());
                let values = values.as_array().cloned().unwrap_or_else(|| vec![values.clone()]);
                let is_ours = ["connection", "content-length", "host"].contains(&&*header.to_lowercase());
                let has = |value: &Value| {
                    sent.iter().any(|sent| sent.as_bytes() == value.as_str().unwrap().as_bytes())
                };
                let replaced = map == "headers" && event["multiValueHeaders"].is_object();
                assert!(is_ours || replaced || values.iter().all(has), "{name}: {header}");
            }
        }
        if event["isBase64Encoded"] != true {
            assert_eq!(request.body(), event["body"].as_str().unwrap_or_default(), "{name}");
        }
        let context = request
            .headers()
            .get(REQUEST_CONTEXT)
            .map(|value| serde_json::from_slice::<Value>(value.as_bytes()));
        assert_eq!(context.transpose().unwrap().unwrap_or_default(), event["requestContext"], "{name}");
    }
}

#[test]
fn a_request_comes_through_whole() {
    let event = json!({
        "version": "2.0", "rawPath": "/a%20b", "rawQueryString": "c=%20", "cookies": ["d=1", "e=2"],
        "headers": {"host": "a.lambda-url.eu-west-1.on.aws", "x-forwarded-for": "192.0.2.1", "x-f": "1,2",
            "content-length": "99", "x-bulkhead-request-context": "forged"},
        "requestContext": {"domainName": "a.lambda-url.eu-west-1.on.aws", "http": {"method": "PATCH", "path": "/a b"}},
        "body": "AP8=", "isBase64Encoded": true,
    });
    let HttpEvent { source, request } = HttpEvent::parse(&event.to_string().into()).unwrap();
    assert_eq!((source, request.method().as_str()), (HttpSource::FunctionUrl, "PATCH"));
    assert_eq!(request.uri(), "https://a.lambda-url.eu-west-1.on.aws/a%20b?c=%20");
    assert_eq!(request.body(), &[0, 255][..]);
    let mut lines: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "content-length: 2",
            "cookie: d=1; e=2",
            "host: a.lambda-url.eu-west-1.on.aws",
            r#"x-bulkhead-request-context: {"domainName":"a.lambda-url.eu-west-1.on.aws","http":{"method":"PATCH","path":"/a b"}}"#,
            "x-f: 1,2",
            "x-forwarded-for: 192.0.2.1",
        ]
    );
}

#[test]
fn a_path_is_never_taken_for_a_host() {
    let event = json!({"httpMethod": "GET", "path": "//evil.example/a", "headers": {"Host": "good.example"}});
    let uri = HttpEvent::parse(&event.to_string().into()).unwrap().request.uri().clone();
    assert_eq!((uri.host(), uri.path()), (Some("good.example"), "//evil.example/a"));
}

#[test]
fn another_event_can_be_posted() {
    let HttpEvent { source, request } = HttpEvent::plain(Bytes::from_static(b"[7]"));
    assert_eq!((source, request.method().as_str()), (HttpSource::Plain, "POST"));
    assert_eq!(
        (request.uri().to_string(), request.body()),
        ("http://localhost/events".to_owned(), &Bytes::from_static(b"[7]"))
    );
    assert_eq!(request.headers()["content-length"], "3");
}

#[test]
fn what_is_no_http_event_says_what_was_looked_for() {
    // The last has the fields of an event in their order.
    let listed = r#"[null, null, "GET", null, "/"]"#;
    for event in ["", "7", "[]", "{", "{}", "\"a\"", "null", r#"{"path": "/", "path": "/"}"#, listed] {
        let error = HttpEvent::parse(&event.into()).unwrap_err();
        assert!(error.refusal().is_none() && error.to_string().contains("API Gateway"), "{event}: {error}");
    }
    assert!(matches!(
        HttpEvent::parse(&Bytes::from_static(b"{\"a\":\"\xff\"}")),
        Err(HttpEventError::NotHttp(_))
    ));
}

#[test]
fn a_part_of_the_wrong_type_is_named() {
    let whole = json!({"httpMethod": "GET", "path": "/", "requestContext": {"elb": {}}});
    for (part, value) in [
        ("httpMethod", json!(7)),
        ("path", json!(["/"])),
        ("headers", json!("a")),
        ("multiValueHeaders", json!({"a": [{}]})),
        ("cookies", json!("a=1")),
        ("queryStringParameters", json!({"a": {"b": 1}})),
        ("body", json!({})),
        ("isBase64Encoded", json!("no")),
    ] {
        let mut event = whole.clone();
        event["body"] = json!("");
        event[part] = value;
        let error = HttpEvent::parse(&event.to_string().into()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    for http in [json!({"method": 7}), json!({}), json!("GET")] {
        let event = json!({"rawPath": "/", "requestContext": {"http": http}});
        let error = HttpEvent::parse(&event.to_string().into()).unwrap_err();
        assert!(error.to_string().contains("requestContext.http.method"), "{error}");
    }
    let error = HttpEvent::parse(&json!({"httpMethod": "G T", "path": "/"}).to_string().into()).unwrap_err();
    assert_eq!(error.refusal(), Some((HttpSource::RestApi, StatusCode::BAD_REQUEST)));
}

/// What is put into events: pieces that mean something somewhere.
const PIECES: &[&[u8]] = &[
    b"\"", b"\\", b"{", b"}", b"null", b"%", b"%2", b"/..", b"\\u0000", b"\\ud800", b"\xff", b"=", b"&",
    b"7", b"\\r\\n", b"",
];

/// Some bytes of an event with a piece in their place.
#[derive(Debug, Clone)]
struct Damage {
    start: Index,
    length: usize,
    piece: &'static [u8],
}

fn damage() -> impl Strategy<Value = Damage> {
    let parts = (any::<Index>(), 0..4_usize, select(PIECES));
    parts.prop_map(|(start, length, piece)| Damage { start, length, piece })
}

#[test]
fn no_damage_to_an_event_makes_anything_panic() {
    let (requests, refused) = (Cell::new(0), Cell::new(0));
    let events: Vec<_> = fixtures().filter(|(_, event)| HttpEvent::parse(event).is_ok()).collect();
    proptest!(Config::with_cases(6000), |((_, event) in select(events), damage in vec(damage(), 1..=3))| {
        let mut damaged = event.to_vec();
        for Damage { start, length, piece } in damage {
            let start = start.index(damaged.len());
            let end = (start + length).min(damaged.len());
            damaged.splice(start..end, piece.iter().copied());
        }
        match HttpEvent::parse(&damaged.into()) {
            Ok(HttpEvent { source, request }) => {
                requests.set(requests.get() + 1);
                assert!(request.uri().host().is_some() && request.uri().path().starts_with('/'));
                let answer = source.response(StatusCode::OK, request.headers(), request.body());
                serde_json::from_slice::<Value>(&answer.unwrap()).unwrap();
            }
            Err(error) => {
                refused.set(refused.get() + 1);
                assert!(!error.to_string().is_empty());
            }
        }
    });
    // Both have to happen often, or the damage is not what it should be.
    let (requests, refused) = (requests.get(), refused.get());
    assert!(requests > 500 && refused > 500, "{requests} {refused}");
}

#[test]
fn a_response_to_every_form_is_taken_for_what_it_was() {
    for (name, event) in fixtures() {
        let Ok(HttpEvent { source, .. }) = HttpEvent::parse(&event) else { continue };
        let mut headers = HeaderMap::new();
        headers.insert("x-a", "b".parse().unwrap());
        let answer = source.response(StatusCode::NOT_FOUND, &headers, b"\xff").unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(404), &json!("/w==")), "{name}");
        let value = answer.pointer("/headers/x-a").or_else(|| answer.pointer("/multiValueHeaders/x-a/0"));
        assert_eq!(value, Some(&json!("b")), "{name}");
    }
}
