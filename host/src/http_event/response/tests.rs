//! What each source gets for a response.

use serde_json::{Value, json};

use super::*;

const ALL: [HttpSource; 9] = [
    HttpSource::RestApi,
    HttpSource::HttpApiV1,
    HttpSource::HttpApi,
    HttpSource::FunctionUrl,
    HttpSource::WebSocket,
    HttpSource::Alb,
    HttpSource::AlbMultiValue,
    HttpSource::LatticeV1,
    HttpSource::Lattice,
];

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn response(source: HttpSource, status: u16, lines: &[(&'static str, &str)], body: &[u8]) -> Value {
    let (status, headers) = (StatusCode::from_u16(status).unwrap(), headers(lines));
    let response = source.response(status, &headers, body).unwrap();
    assert_eq!(source.response_len(status, &headers, body).unwrap(), response.len());
    serde_json::from_slice(&response).unwrap()
}

const LINES: [(&str, &str); 6] = [
    ("content-type", "text/plain"),
    ("x-a", "1"),
    ("x-a", "2"),
    ("set-cookie", "a=1; Expires=Wed, 01 Jan"),
    ("set-cookie", "b=2"),
    ("connection", "close"),
];

#[test]
fn each_form_has_headers_and_cookies_in_its_own_places() {
    let cookies = ["a=1; Expires=Wed, 01 Jan", "b=2"];
    let listed = json!({"content-type": ["text/plain"], "x-a": ["1", "2"], "set-cookie": cookies});
    let joined = json!({"content-type": "text/plain", "x-a": "1, 2"});
    let spelled = json!({
        "content-type": "text/plain", "x-a": "1, 2", "set-cookie": cookies[0], "Set-cookie": cookies[1]
    });
    for source in ALL {
        let expected = match source {
            HttpSource::RestApi | HttpSource::HttpApiV1 | HttpSource::WebSocket => {
                json!({"statusCode": 201, "multiValueHeaders": listed, "isBase64Encoded": false, "body": "ok"})
            }
            HttpSource::HttpApi | HttpSource::FunctionUrl => json!({
                "statusCode": 201, "headers": joined, "cookies": cookies, "isBase64Encoded": false, "body": "ok"
            }),
            HttpSource::AlbMultiValue => json!({
                "statusCode": 201, "statusDescription": "201 Created", "multiValueHeaders": listed,
                "isBase64Encoded": false, "body": "ok"
            }),
            HttpSource::Alb | HttpSource::LatticeV1 | HttpSource::Lattice | HttpSource::Plain => json!({
                "statusCode": 201, "statusDescription": "201 Created", "headers": spelled,
                "isBase64Encoded": false, "body": "ok"
            }),
        };
        assert_eq!(response(source, 201, &LINES, b"ok"), expected, "{source}");
    }
}

#[test]
fn bytes_are_base64_and_text_is_escaped_and_the_length_is_known_before() {
    let every: Vec<u8> = (0..=255).collect();
    for length in [0, 1, 2, 3, 4, 256] {
        let body = &every[..length];
        let answer = response(HttpSource::RestApi, 200, &[("content-type", "image/png")], body);
        assert_eq!(answer["isBase64Encoded"], true);
        assert_eq!(BASE64_STANDARD.decode(answer["body"].as_str().unwrap()).unwrap(), body);
    }
    let ascii = &every[..128];
    for text in [ascii, "ü😀\u{2028}\"\\".as_bytes(), b""] {
        let answer = response(HttpSource::Alb, 200, &[], text);
        assert_eq!(answer["isBase64Encoded"], false);
        assert_eq!(answer["body"].as_str().unwrap().as_bytes(), text);
    }
}

#[test]
fn a_length_that_is_wrong_is_left_out() {
    for (status, length, body, kept) in [
        (200, "2", &b"ok"[..], true),
        (200, "3", b"ok", false),
        (200, "02", b"ok", false),
        (200, "7", b"", true),
        (304, "7", b"", true),
        (204, "7", b"", false),
        (204, "0", b"", false),
    ] {
        let answer = response(HttpSource::HttpApi, status, &[("content-length", length)], body);
        assert_eq!(answer["headers"].get("content-length").is_some(), kept, "{status} {length}");
    }
}

#[test]
fn head_and_some_statuses_have_no_body() {
    let has_body = |is_head, status| has_body(is_head, StatusCode::from_u16(status).unwrap());
    assert!(has_body(false, 200) && has_body(false, 404) && has_body(false, 205));
    assert!(!has_body(true, 200) && !has_body(true, 500));
    assert!(!has_body(false, 204) && !has_body(false, 304));
}

#[test]
fn every_cookie_has_a_spelling_of_its_own() {
    let cookies: Vec<_> = (0..600).map(|number| number.to_string()).collect();
    let spelled: Vec<_> = in_many_cases(cookies.iter().map(Cow::from).collect()).collect();
    let names: std::collections::HashSet<_> = spelled.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!((spelled.len(), names.len()), (512, 512));
    assert!(names.iter().all(|name| name.eq_ignore_ascii_case("set-cookie")));
}

#[test]
fn a_status_without_a_name_is_described_all_the_same() {
    assert_eq!(response(HttpSource::Alb, 299, &[], b"")["statusDescription"], "299 Unknown");
}

#[test]
fn a_status_that_no_response_has_is_an_error_whole_or_streamed() {
    for status in [100, 103, 199, 600, 999] {
        let (status, none) = (StatusCode::from_u16(status).unwrap(), HeaderMap::new());
        for error in [
            HttpSource::Alb.response(status, &none, b"").unwrap_err(),
            HttpSource::Alb.response_len(status, &none, b"").unwrap_err(),
            prelude(status, &none).unwrap_err(),
        ] {
            assert!(error.to_string().starts_with(status.as_str()), "{error}");
        }
    }
    for status in [200, 299, 418, 599] {
        response(HttpSource::Alb, status, &[], b"");
        prelude(StatusCode::from_u16(status).unwrap(), &HeaderMap::new()).unwrap();
    }
}

#[test]
fn a_value_is_utf_8_or_latin_1_whole_or_streamed() {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-latin", &b"\xd1a"[..]), ("x-utf-8", "Ña".as_bytes()), ("set-cookie", b"a=\xd1")]
    {
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    let whole = HttpSource::FunctionUrl.response(StatusCode::OK, &headers, b"").unwrap();
    for json in [whole, prelude(StatusCode::OK, &headers).unwrap()] {
        let answer: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(answer["headers"], json!({"x-latin": "Ña", "x-utf-8": "Ña"}));
        assert_eq!(answer["cookies"], json!(["a=Ñ"]));
    }
}

#[test]
fn what_is_not_for_the_client_is_dropped_whole_or_streamed() {
    let lines = [
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
        ("trailer", "x-a"),
        ("upgrade", "h2c"),
        ("host", "elsewhere"),
        ("expect", "100-continue"),
        ("x-bulkhead-request-context", "{}"),
        ("x-a", "1"),
    ];
    assert_eq!(response(HttpSource::HttpApi, 200, &lines, b"")["headers"], json!({"x-a": "1"}));
    let prelude: Value = serde_json::from_slice(&prelude(StatusCode::OK, &headers(&lines)).unwrap()).unwrap();
    assert_eq!(prelude["headers"], json!({"x-a": "1"}));
}

#[test]
fn the_answer_to_another_event_is_the_body_itself() {
    let answer = |status| HttpSource::Plain.response(status, &HeaderMap::new(), b"\xff");
    assert_eq!(answer(StatusCode::ACCEPTED).unwrap(), b"\xff");
    assert_eq!(HttpSource::Plain.response_len(StatusCode::OK, &HeaderMap::new(), b"\xff").unwrap(), 1);
    assert!(answer(StatusCode::FOUND).unwrap_err().to_string().contains("302"));
}

#[test]
fn a_prelude_has_its_three_parts_always() {
    let prelude = |lines: &[_]| prelude(StatusCode::OK, &headers(lines)).unwrap();
    assert_eq!(prelude(&[]), br#"{"statusCode":200,"headers":{},"cookies":[]}"#);
    let lines =
        [("x-a", "1"), ("x-a", "2"), ("set-cookie", "a"), ("set-cookie", "b"), ("content-length", "9")];
    let full: Value = serde_json::from_slice(&prelude(&lines)).unwrap();
    assert_eq!(full, json!({"statusCode": 200, "headers": {"x-a": "1, 2"}, "cookies": ["a", "b"]}));
}

#[test]
fn a_prelude_that_readers_would_not_read_to_its_end_is_an_error() {
    let prelude = |value: &str| prelude(StatusCode::OK, &headers(&[("x-a", value)]));
    let room = MAX_PRELUDE - prelude("").unwrap().len();
    assert_eq!(prelude(&"a".repeat(room)).unwrap().len(), MAX_PRELUDE);
    let error = prelude(&"a".repeat(room + 1)).unwrap_err();
    assert!(matches!(error, ResponseError::PreludeTooLong(length) if length == MAX_PRELUDE + 1), "{error}");
}
