//! Paths and queries, from each source.

use super::*;

fn target(source: HttpSource, event: &str) -> Result<String, HttpEventError> {
    let event: Event<'_> = serde_json::from_str(event).unwrap();
    read(source, &event, &Context::of(event.request_context)).map(|target| target.to_string())
}

fn refusal(source: HttpSource, event: &str) -> Refusal {
    match target(source, event) {
        Err(HttpEventError::Refused { refusal, .. }) => refusal,
        other => panic!("{event}: {other:?}"),
    }
}

/// What a client sent, and what an HTTP API makes of it; the others leave it alone. From captures of live APIs.
const PATHS: [(&str, &str, &str); 8] = [
    ("/a/plain", "/a/plain", "/a/plain"),
    ("/a/b%20c", "/a/b c", "/a/b%20c"),
    ("/a/b%3Fc", "/a/b", "/a/b"),
    ("/a/b%23c", "/a/b#c", "/a/b%23c"),
    ("/a/b%2Fc", "/a/b/c", "/a/b/c"),
    ("/a/%CE%BB", "/a/λ", "/a/%CE%BB"),
    ("/a/b%253Fc", "/a/b?c", "/a/b%3Fc"),
    ("/a/b%2525c", "/a/b%c", "/a/b%25c"),
];

#[test]
fn a_path_reaches_the_service_as_it_was_sent() {
    for (sent, from_http_api, expected) in PATHS {
        let path = |path: &str| format!(r#"{{"path": "{path}", "rawPath": "{path}", "raw_path": "{path}"}}"#);
        for source in [
            HttpSource::RestApi,
            HttpSource::FunctionUrl,
            HttpSource::Alb,
            HttpSource::AlbMultiValue,
            HttpSource::LatticeV1,
        ] {
            assert_eq!(target(source, &path(sent)).unwrap(), sent, "{source}");
        }
        for source in [HttpSource::HttpApi, HttpSource::HttpApiV1] {
            assert_eq!(target(source, &path(from_http_api)).unwrap(), expected, "{source}");
        }
    }
}

#[test]
fn what_is_in_no_path_is_encoded_and_what_is_a_code_stays_one() {
    for (sent, expected) in [
        ("", "/"),
        ("/", "/"),
        ("//evil.example/a", "//evil.example/a"),
        ("/a b\\\\c{d}|^`<>", "/a%20b%5Cc%7Bd%7D%7C%5E%60%3C%3E"),
        ("/?a#b", "/%3Fa%23b"),
        ("/%/%2/%zz/%é/%41", "/%25/%252/%25zz/%25%C3%A9/%41"),
        ("/a;b=c,d:@!$&'()*+~-._", "/a;b=c,d:@!$&'()*+~-._"),
        ("/..a/b../...", "/..a/b../..."),
    ] {
        assert_eq!(target(HttpSource::RestApi, &format!(r#"{{"path": "{sent}"}}"#)).unwrap(), expected);
    }
}

#[test]
fn a_parent_segment_within_the_root_is_the_service_s_to_resolve() {
    for sent in ["/a/../b", "/a/%2e%2E/b", "/a/b/../..", "/a/%2E./", "/a%2Fb/..", "/a%2f..%2fb"] {
        assert_eq!(target(HttpSource::Alb, &format!(r#"{{"path": "{sent}"}}"#)).unwrap(), sent);
    }
    // What is decoded once has been decoded: this is no parent segment.
    for (decoded, expected) in [("/a/../b", "/a/../b"), ("/%2e%2e", "/%252e%252e")] {
        assert_eq!(target(HttpSource::HttpApi, &format!(r#"{{"rawPath": "{decoded}"}}"#)).unwrap(), expected);
    }
}

#[test]
fn a_path_that_was_decoded_stands_for_what_it_says() {
    let decoded = (0..128).map(|byte| format!("/a{}", char::from(byte))).chain(["/%41".to_owned()]);
    for path in decoded {
        let json = serde_json::to_string(&path).unwrap();
        for source in [HttpSource::HttpApi, HttpSource::HttpApiV1] {
            let target = target(source, &format!(r#"{{"path": {json}, "rawPath": {json}}}"#)).unwrap();
            assert!(percent_decode_str(&target).eq(path.bytes()), "{source} {target}");
        }
    }
}

#[test]
fn a_path_that_no_client_sends_is_refused() {
    for (path, expected) in [
        ("http://a/b", Refusal::NotAPath(r#""http://a/b""#.to_owned())),
        ("*", Refusal::NotAPath(r#""*""#.to_owned())),
        ("/..", Refusal::AboveRoot),
        ("/%2E%2e/a", Refusal::AboveRoot),
        ("/a/../../b", Refusal::AboveRoot),
        ("/a%2f..%2F../b", Refusal::AboveRoot),
        ("//./../a", Refusal::AboveRoot),
        ("/a\\u0000b", Refusal::ControlCharacter),
        ("/a\\nb", Refusal::ControlCharacter),
    ] {
        assert_eq!(refusal(HttpSource::Alb, &format!(r#"{{"path": "{path}"}}"#)), expected);
    }
    assert_eq!(refusal(HttpSource::HttpApi, r#"{"rawPath": "/a/../../b"}"#), Refusal::AboveRoot);
    let long = format!(r#"{{"path": "/{}"}}"#, "a".repeat(70_000));
    assert_eq!(refusal(HttpSource::Alb, &long), Refusal::Target);
}

#[test]
fn the_stage_is_taken_off_a_path_that_has_it() {
    for (source, path, stage, expected) in [
        (HttpSource::HttpApi, "/prod/a", "prod", "/a"),
        (HttpSource::HttpApi, "/prod/", "prod", "/"),
        (HttpSource::HttpApi, "/prod", "prod", "/"),
        (HttpSource::HttpApi, "/product/a", "prod", "/product/a"),
        (HttpSource::HttpApi, "/a", "prod", "/a"),
        (HttpSource::HttpApi, "/$default/a", "$default", "/$default/a"),
        (HttpSource::HttpApiV1, "/prod/a", "prod", "/a"),
        (HttpSource::RestApi, "/prod/a", "prod", "/prod/a"),
        (HttpSource::FunctionUrl, "/prod/a", "prod", "/prod/a"),
    ] {
        let event =
            format!(r#"{{"path": "{path}", "rawPath": "{path}", "requestContext": {{"stage": "{stage}"}}}}"#);
        assert_eq!(target(source, &event).unwrap(), expected, "{source} {path}");
    }
}

#[test]
fn a_query_keeps_its_order_and_its_values() {
    let twice = r#""multiValueQueryStringParameters": {"b": ["2", "1"], "a": [""]},
            "queryStringParameters": {"b": "1"}"#;
    let once = r#""queryStringParameters": {"b": "x y+z&=%é", "a": ""}"#;
    let raw = r#""rawQueryString": "b=2&a&b=x%20y+z[]%zz é\"", "queryStringParameters": {"b": "2,1"}"#;
    for (source, query, expected) in [
        (HttpSource::RestApi, twice, "b=2&b=1&a="),
        (HttpSource::AlbMultiValue, twice, "b=2&b=1&a="),
        (HttpSource::RestApi, once, "b=x%20y%2Bz%26%3D%25%C3%A9&a="),
        (HttpSource::HttpApiV1, once, "b=x%20y%2Bz%26%3D%25%C3%A9&a="),
        (HttpSource::Alb, once, "b=x%20y+z%26=%25%C3%A9&a="),
        (HttpSource::HttpApi, raw, "b=2&a&b=x%20y+z[]%25zz%20%C3%A9%22"),
        (HttpSource::FunctionUrl, r#""rawQueryString": "a=b%2Cc&a=%26""#, "a=b%2Cc&a=%26"),
        (HttpSource::FunctionUrl, r#""queryStringParameters": {"a": "b"}"#, "a=b"),
    ] {
        let event = format!(r#"{{"path": "/", "rawPath": "/", {query}}}"#);
        assert_eq!(target(source, &event).unwrap(), format!("/?{expected}"), "{source}");
    }
    let empty = r#"{"rawPath": "/a", "rawQueryString": ""}"#;
    assert_eq!(target(HttpSource::HttpApi, empty).unwrap(), "/a");
}

#[test]
fn what_a_load_balancer_sends_encoded_stays_encoded() {
    let event = r#"{"path": "/", "multiValueQueryStringParameters":
            {"a%5B%5D": ["https%3A%2F%2Fb%2Fc", "a%2Bb", "a+b"], "c": ["d=e"]}}"#;
    let expected = "/?a%5B%5D=https%3A%2F%2Fb%2Fc&a%5B%5D=a%2Bb&a%5B%5D=a+b&c=d=e";
    assert_eq!(target(HttpSource::AlbMultiValue, event).unwrap(), expected);
}

#[test]
fn the_query_in_a_path_of_vpc_lattice_is_the_one() {
    let event = r#"{"raw_path": "/a?b=%20&b", "query_string_parameters": {"b": " "}}"#;
    assert_eq!(target(HttpSource::LatticeV1, event).unwrap(), "/a?b=%20&b");
    let event = r#"{"path": "/a", "queryStringParameters": {"b": ["c", "d"]}}"#;
    assert_eq!(target(HttpSource::Lattice, event).unwrap(), "/a?b=c&b=d");
}

#[test]
fn what_vpc_lattice_sends_encoded_stays_encoded() {
    // As in lambda_http's `vpc_lattice_v2_request_encoded_query.json`; and what would be right if it were decoded.
    let event = r#"{"path": "/a", "raw_path": "/a", "queryStringParameters":
            {"filter": ["%3FshowAll%3Dtrue"], "q": ["hello%20world", "hello world", "50%", "a+b", "a&b"]}}"#;
    let expected = "/a?filter=%3FshowAll%3Dtrue&q=hello%20world&q=hello%20world&q=50%25&q=a+b&q=a%26b";
    for source in [HttpSource::Lattice, HttpSource::LatticeV1] {
        assert_eq!(target(source, event).unwrap(), expected, "{source}");
    }
}

#[test]
fn the_host_is_the_clients_or_else_the_sources() {
    let context = serde_json::from_str(r#"{"domainName": "api.example"}"#).unwrap();
    for (hosts, expected) in [
        (&[][..], "api.example"),
        (&["a.example:8080"], "a.example:8080"),
        (&["a", "a"], "a"),
        (&["a.{suffix}"], "api.example"),
        (&["user@a"], "api.example"),
        (&["[::1]:80"], "[::1]:80"),
        (&[""], "api.example"),
    ] {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        assert_eq!(authority(&headers, &context).unwrap(), expected, "{hosts:?}");
    }
    let mut headers = HeaderMap::new();
    assert_eq!(authority(&headers, &Context::default()).unwrap(), NO_HOST);
    headers.append(HOST, "a".parse().unwrap());
    headers.append(HOST, "b".parse().unwrap());
    assert_eq!(authority(&headers, &context), Err(Refusal::SeveralHosts));
}

#[test]
fn the_scheme_is_https_unless_it_is_http() {
    for (forwarded, expected) in [
        (Some("http"), "http"),
        (Some("HTTP"), "http"),
        (Some("https"), "https"),
        (Some("ws"), "https"),
        (None, "https"),
    ] {
        let forwarded =
            forwarded.map(|scheme| ("x-forwarded-proto".parse().unwrap(), scheme.parse().unwrap()));
        assert_eq!(scheme(&forwarded.into_iter().collect()).as_str(), expected);
    }
}
