//! What is sent of the response of an HTTP service: by the same rules whether it goes out whole or as a stream.

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Answer, Kind};
use serde_json::{Value, json};

use crate::stage::Stage;

const STREAMED: &str = "[handlers.web_told]\ninvoke_mode = 'response_stream'";
const URL: &str = "a.lambda-url.eu-west-1.on.aws";

/// The response that a service is asked for.
#[derive(Clone, Copy)]
struct Response<'a> {
    status: u16,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
}

impl Response<'_> {
    /// The body of the request for it.
    fn request(self) -> String {
        json!([self.status, self.headers, self.body]).to_string()
    }
}

/// A request for this response, as a function URL or an HTTP API with this domain would send it.
fn asks(domain: &str, method: &str, wanted: Response<'_>) -> String {
    let context = json!({ "http": { "method": method, "path": "/" }, "domainName": domain });
    let body = wanted.request();
    json!({ "version": "2.0", "rawPath": "/", "rawQueryString": "", "requestContext": context, "body": body })
        .to_string()
}

/// A response that went out whole: its head, and its body.
fn whole(answer: &Answer) -> (Value, String) {
    assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
    assert_eq!(answer.header("lambda-runtime-function-response-mode"), None);
    let response = answer.json();
    (response.clone(), response["body"].as_str().expect("a body").to_owned())
}

/// The same of one that was streamed.
fn streamed(answer: &Answer) -> (Value, String) {
    assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
    let mode = answer.header("lambda-runtime-function-response-mode");
    assert_eq!(mode, Some(&b"streaming"[..]), "{}", answer.text());
    let (head, body) = answer.text().split_once(&"\0".repeat(8)).expect("a prelude");
    (serde_json::from_str(head).expect("a prelude in JSON"), body.to_owned())
}

/// What reads the head and the body of an answer.
type Read = fn(&Answer) -> (Value, String);

/// A service that responds as it is told, whole and streamed.
fn both() -> [(Stage, Read); 2] {
    [(Stage::of("web_told"), whole), (Stage::of_manifest(STREAMED, &["web_told"]), streamed)]
}

#[test]
fn a_response_without_a_body_says_how_long_one_would_be() {
    let length = &[("content-length", "7")][..];
    for (stage, read) in both() {
        for (method, status, body, kept) in [
            ("HEAD", 200, "", true),
            ("HEAD", 404, "a body", true),
            ("GET", 304, "", true),
            ("POST", 304, "a body", true),
            ("GET", 204, "", false),
        ] {
            let (head, sent) =
                read(&stage.send(&asks(URL, method, Response { status, headers: length, body })));
            assert_eq!((&head["statusCode"], &*sent), (&json!(status), ""), "{method}");
            // The platform renames that of a stream (S7.15).
            let is_whole = head.get("body").is_some();
            let expected = (kept && is_whole).then(|| json!("7"));
            assert_eq!(head["headers"].get("content-length"), expected.as_ref(), "{method} {status}");
        }
        let (head, sent) =
            read(&stage.send(&asks(URL, "GET", Response { status: 200, headers: length, body: "7 bytes" })));
        assert_eq!((&head["statusCode"], &*sent), (&json!(200), "7 bytes"));
    }
}

#[test]
fn a_length_that_is_not_that_of_a_body_is_an_error_still() {
    let stage = Stage::of("web_told");
    for body in ["short", "longer than that"] {
        let answer = stage.send(&asks(
            URL,
            "GET",
            Response { status: 200, headers: &[("content-length", "7")], body },
        ));
        assert_eq!(answer.kind, Kind::Error, "{}", answer.text());
    }
}

#[test]
fn headers_about_a_connection_are_dropped_and_the_response_is_sent() {
    let headers = [
        ("Connection", "close, x-a"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "close"),
        ("Proxy-Authenticate", "Basic"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("Trailer", "x-a"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAAA"),
        ("Host", "elsewhere.example"),
        ("Expect", "100-continue"),
        ("x-a", "1"),
    ];
    for (stage, read) in both() {
        let (head, body) =
            read(&stage.send(&asks(URL, "GET", Response { status: 201, headers: &headers, body: "sent" })));
        assert_eq!((&head["statusCode"], &head["headers"]), (&json!(201), &json!({ "x-a": "1" })));
        assert_eq!(body, "sent");
    }
}

#[test]
fn a_value_of_latin_1_is_its_letters() {
    let headers = [("x-latin", "\u{d1}a"), ("x-utf-8", "\u{c3}\u{91}a"), ("set-cookie", "a=\u{d1}")];
    for (stage, read) in both() {
        let (head, _) =
            read(&stage.send(&asks(URL, "GET", Response { status: 200, headers: &headers, body: "" })));
        assert_eq!(head["headers"], json!({ "x-latin": "Ña", "x-utf-8": "Ña" }));
        assert_eq!(head["cookies"], json!(["a=Ñ"]));
    }
}

#[test]
fn a_status_that_no_response_has_fails_the_event() {
    for (stage, read) in both() {
        for status in [199, 600, 999] {
            let event = asks(URL, "GET", Response { status, headers: &[], body: "" });
            let error = stage.error(&event, "Function.InvalidHttpResponse");
            assert!(error.text().contains("200 to 599"), "{}", error.text());
        }
        assert_eq!(
            read(&stage.send(&asks(URL, "GET", Response { status: 599, headers: &[], body: "" }))).0["statusCode"],
            599
        );
    }
}

#[test]
fn who_reads_no_stream_gets_a_whole_response() {
    let stage = Stage::of_manifest(&format!("{STREAMED}\nother_events = 'post'"), &["web_told"]);
    let wanted = Response { status: 201, headers: &[("x-a", "1")], body: "sent" };
    let api = asks("a.execute-api.eu-west-1.amazonaws.com", "POST", wanted);
    let (head, body) = whole(&stage.send(&api));
    assert_eq!((&head["headers"]["x-a"], &*body), (&json!("1"), "sent"));
    let mut event = json!({ "httpMethod": "POST", "path": "/", "body": wanted.request() });
    event["requestContext"] = json!({ "elb": {} });
    let (head, body) = whole(&stage.send(&event.to_string()));
    assert_eq!((&head["statusDescription"], &*body), (&json!("201 Created"), "sent"));
    event["requestContext"] = json!({ "stage": "prod" });
    assert_eq!(streamed(&stage.send(&event.to_string())).1, "sent", "a REST API reads it");
    // An event that is no HTTP event gets the body alone.
    assert_eq!(stage.send(&wanted.request()).text(), "sent");
}

#[test]
fn a_bad_request_is_refused_in_the_way_that_its_client_reads() {
    for (stage, read) in both() {
        let event = asks(URL, "GET", Response { status: 200, headers: &[], body: "" })
            .replace(r#""rawPath":"/""#, r#""rawPath":"/../a""#);
        let (head, body) = read(&stage.send(&event));
        assert_eq!(head["statusCode"], 400);
        assert!(body.contains("above its root"), "{body}");
    }
}

#[test]
fn what_a_service_is_told_of_its_caller_is_not_sent_on() {
    let origin = Origin::start();
    let toml = format!(
        "[handlers.web_proxy.grants]\nallowed_outbound_hosts = ['http://127.0.0.1:{}']\n\
         allowed_private_networks = ['127.0.0.0/8']",
        origin.port()
    );
    let stage = Stage::of_manifest(&toml, &["web_proxy"]);
    let event = json!({
        "version": "2.0", "rawPath": format!("/127.0.0.1:{}/a", origin.port()),
        "headers": { "x-mine": "1", "connection": "close" },
        "requestContext": { "http": { "method": "GET" }, "accountId": "123456789012", "domainName": URL },
    });
    assert_eq!(whole(&stage.send(&event.to_string())).1, "/a");
    let head = origin.requests()[0].head.to_lowercase();
    assert!(head.contains("x-mine: 1\r\n"), "{head}");
    assert!(!head.contains("x-bulkhead") && !head.contains("123456789012"), "{head}");
}
