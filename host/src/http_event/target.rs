//! Where a request goes: scheme, authority, path and query, as the client sent them, as far as that can still be known.
//!
//! REST APIs, function URLs, load balancers and VPC Lattice leave the path as it came. HTTP APIs decode it, and once more
//! where it was encoded twice; what a client sent can then not be told any more, and the path is encoded so that the
//! service decodes to what the API saw. Queries come whole from HTTP APIs and function URLs, in encoded pieces from
//! load balancers and VPC Lattice, and in decoded pieces from the others.

use std::borrow::Cow;

use hyper::header::{HOST, HeaderMap};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::context::Context;
use super::error::{HttpEventError, Refusal, shown};
use super::event::Event;
use super::pairs::Pairs;
use super::source::HttpSource;

/// The host of a request that names none.
pub(super) const NO_HOST: &str = "localhost";

/// What no path has but encoded.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// The same for a path that has been decoded, in which a `%` is a `%`.
const DECODED_PATH: &AsciiSet = &PATH.add(b'%');
/// What no query has but encoded. More would be against the rules, but clients send it, and services get it.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
/// The same for a name or a value.
const QUERY_PIECE: &AsciiSet = &QUERY.add(b'&');
/// All that could mean something in a name or a value that has been decoded.
const DECODED_QUERY_PIECE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Path and query of a request.
pub(super) fn read(
    source: HttpSource,
    event: &Event<'_>,
    context: &Context<'_>,
) -> Result<PathAndQuery, HttpEventError> {
    let (sent, query) = match source {
        HttpSource::HttpApi | HttpSource::FunctionUrl => {
            (source.text("rawPath", event.raw_path)?, raw_query(source, event)?)
        }
        HttpSource::LatticeV1 => (source.text("raw_path", event.lattice_path)?, pieces(source, event)?),
        HttpSource::RestApi
        | HttpSource::HttpApiV1
        | HttpSource::WebSocket
        | HttpSource::Alb
        | HttpSource::AlbMultiValue
        | HttpSource::Lattice
        | HttpSource::Plain => (source.text("path", event.path)?, pieces(source, event)?),
    };
    let sent = sent.unwrap_or_default();
    let (sent, query) = match sent.split_once('?') {
        // The path of VPC Lattice can have the query in it: as it was sent, which no other place has.
        Some((path, query)) if matches!(source, HttpSource::Lattice | HttpSource::LatticeV1) => {
            (path, encoded(query, QUERY))
        }
        _ => (&*sent, query),
    };
    let stage = context.stage().filter(|_| source.puts_stage_into_path());
    path(source, without_stage(sent, stage.as_deref()))
        .and_then(|path| joined(path, &query))
        .map_err(|refusal| HttpEventError::Refused { origin: source, refusal })
}

/// The path that the service knows: it has the same ones wherever it is deployed.
///
/// An HTTP API puts its stage there even under a domain of its own.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let within = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match within {
        Some(within) if within.is_empty() || within.starts_with('/') => within,
        _ => path,
    }
}

fn path(source: HttpSource, sent: &str) -> Result<String, Refusal> {
    if sent.is_empty() {
        return Ok("/".to_owned());
    }
    if !sent.starts_with('/') {
        return Err(Refusal::NotAPath(shown(sent)));
    }
    if source.decodes_path() {
        stays_within_root(sent.as_bytes())?;
        return Ok(utf8_percent_encode(sent, DECODED_PATH).to_string());
    }
    let decoded: Cow<'_, [u8]> = percent_decode_str(sent).into();
    stays_within_root(&decoded)?;
    if sent.contains(|letter: char| letter.is_ascii_control()) {
        return Err(Refusal::ControlCharacter);
    }
    Ok(encoded(sent, PATH))
}

/// A segment `..` is the service's to resolve, as under any server. Servers refuse a path that leads above its root, with which
/// a service could be made to read what it does not mean to offer.
///
/// # Errors
/// When it does.
fn stays_within_root(decoded: &[u8]) -> Result<(), Refusal> {
    let mut depth: usize = 0;
    for segment in decoded.split(|byte| *byte == b'/') {
        depth = match segment {
            b"" | b"." => depth,
            b".." => depth.checked_sub(1).ok_or(Refusal::AboveRoot)?,
            _ => depth + 1,
        };
    }
    Ok(())
}

fn joined(mut path: String, query: &str) -> Result<PathAndQuery, Refusal> {
    if !query.is_empty() {
        path.push('?');
        path.push_str(query);
    }
    PathAndQuery::try_from(path).map_err(|_| Refusal::Target)
}

/// The query where it comes whole. Events that people write by hand have only the map now and then.
fn raw_query(source: HttpSource, event: &Event<'_>) -> Result<String, HttpEventError> {
    match source.text("rawQueryString", event.raw_query_string)? {
        Some(query) => Ok(encoded(&query, QUERY)),
        None => pieces(source, event),
    }
}

/// The query from its names and values. Where there are two maps, one of them has only the last value of each name.
fn pieces(source: HttpSource, event: &Event<'_>) -> Result<String, HttpEventError> {
    let several = event.multi_value_query_string_parameters;
    let Pairs(mut pairs) = source.read("multiValueQueryStringParameters", several)?.unwrap_or_default();
    if pairs.is_empty() {
        pairs = source
            .read("queryStringParameters", event.query_string_parameters)?
            .map_or_else(Vec::new, |Pairs(pairs)| pairs);
    }
    let piece = |text: &str| {
        if source.decodes_query() {
            utf8_percent_encode(text, DECODED_QUERY_PIECE).to_string()
        } else {
            encoded(text, QUERY_PIECE)
        }
    };
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{}={}", piece(name), piece(value))).collect();
    Ok(pairs.join("&"))
}

/// Encodes what must be, and leaves alone what is already.
fn encoded(text: &str, set: &'static AsciiSet) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default();
    let mut encoded = utf8_percent_encode(first, set).to_string();
    for part in parts {
        let is_code = part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
        encoded.push_str(if is_code { "%" } else { "%25" });
        encoded.extend(utf8_percent_encode(part, set));
    }
    encoded
}

/// The host that the client named, or else the one that the source has.
///
/// # Errors
/// When there are several: whoever checks one would not know which of them the service takes.
pub(super) fn authority(headers: &HeaderMap, context: &Context<'_>) -> Result<Authority, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.any(|other| Some(other) != host) {
        return Err(Refusal::SeveralHosts);
    }
    let host = host.and_then(|host| host.to_str().ok()).map(Cow::Borrowed);
    let mut named = host.into_iter().chain(context.domain_name());
    Ok(named.find_map(|name| host_and_port(&name)).unwrap_or_else(|| Authority::from_static(NO_HOST)))
}

fn host_and_port(name: &str) -> Option<Authority> {
    name.parse().ok().filter(|_| !name.contains('@'))
}

/// The scheme that the client used, as the source says; they all listen for HTTPS, and load balancers also for HTTP.
pub(super) fn scheme(headers: &HeaderMap) -> Scheme {
    match headers.get("x-forwarded-proto") {
        Some(scheme) if scheme.as_bytes().eq_ignore_ascii_case(b"http") => Scheme::HTTP,
        _ => Scheme::HTTPS,
    }
}

#[cfg(test)]
mod tests {
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
            let path =
                |path: &str| format!(r#"{{"path": "{path}", "rawPath": "{path}", "raw_path": "{path}"}}"#);
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
            assert_eq!(
                target(HttpSource::HttpApi, &format!(r#"{{"rawPath": "{decoded}"}}"#)).unwrap(),
                expected
            );
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
            let event = format!(
                r#"{{"path": "{path}", "rawPath": "{path}", "requestContext": {{"stage": "{stage}"}}}}"#
            );
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
}
