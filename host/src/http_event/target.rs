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
use super::form::Form;
use super::pairs::Pairs;

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
    form: Form,
    event: &Event<'_>,
    context: &Context<'_>,
) -> Result<PathAndQuery, HttpEventError> {
    let (sent, query) = match form {
        Form::HttpApi | Form::FunctionUrl => (form.text("rawPath", event.raw_path)?, raw_query(form, event)?),
        Form::LatticeV1 => (form.text("raw_path", event.lattice_path)?, pieces(form, event)?),
        Form::RestApi
        | Form::HttpApiV1
        | Form::WebSocket
        | Form::Alb
        | Form::AlbMultiValue
        | Form::Lattice
        | Form::Plain => (form.text("path", event.path)?, pieces(form, event)?),
    };
    let sent = sent.unwrap_or_default();
    let (sent, query) = match sent.split_once('?') {
        // The path of VPC Lattice can have the query in it: as it was sent, which no other place has.
        Some((path, query)) if matches!(form, Form::Lattice | Form::LatticeV1) => {
            (path, encoded(query, QUERY))
        }
        _ => (&*sent, query),
    };
    let stage = context.stage().filter(|_| form.puts_stage_into_path());
    path(form, without_stage(sent, stage.as_deref()))
        .and_then(|path| joined(path, &query))
        .map_err(|refusal| HttpEventError::Refused { form, refusal })
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

fn path(form: Form, sent: &str) -> Result<String, Refusal> {
    if sent.is_empty() {
        return Ok("/".to_owned());
    }
    if !sent.starts_with('/') {
        return Err(Refusal::NotAPath(shown(sent)));
    }
    if form.decodes_path() {
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
fn raw_query(form: Form, event: &Event<'_>) -> Result<String, HttpEventError> {
    match form.text("rawQueryString", event.raw_query_string)? {
        Some(query) => Ok(encoded(&query, QUERY)),
        None => pieces(form, event),
    }
}

/// The query from its names and values. Where there are two maps, one of them has only the last value of each name.
fn pieces(form: Form, event: &Event<'_>) -> Result<String, HttpEventError> {
    let several = event.multi_value_query_string_parameters;
    let Pairs(mut pairs) = form.read("multiValueQueryStringParameters", several)?.unwrap_or_default();
    if pairs.is_empty() {
        pairs = form
            .read("queryStringParameters", event.query_string_parameters)?
            .map_or_else(Vec::new, |Pairs(pairs)| pairs);
    }
    let piece = |text: &str| {
        if form.decodes_query() {
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

    fn target(form: Form, event: &str) -> Result<String, HttpEventError> {
        let event: Event<'_> = serde_json::from_str(event).unwrap();
        read(form, &event, &Context::of(event.request_context)).map(|target| target.to_string())
    }

    fn refusal(form: Form, event: &str) -> Refusal {
        match target(form, event) {
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
            for form in [Form::RestApi, Form::FunctionUrl, Form::Alb, Form::AlbMultiValue, Form::LatticeV1] {
                assert_eq!(target(form, &path(sent)).unwrap(), sent, "{form}");
            }
            for form in [Form::HttpApi, Form::HttpApiV1] {
                assert_eq!(target(form, &path(from_http_api)).unwrap(), expected, "{form}");
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
            assert_eq!(target(Form::RestApi, &format!(r#"{{"path": "{sent}"}}"#)).unwrap(), expected);
        }
    }

    #[test]
    fn a_parent_segment_within_the_root_is_the_service_s_to_resolve() {
        for sent in ["/a/../b", "/a/%2e%2E/b", "/a/b/../..", "/a/%2E./", "/a%2Fb/..", "/a%2f..%2fb"] {
            assert_eq!(target(Form::Alb, &format!(r#"{{"path": "{sent}"}}"#)).unwrap(), sent);
        }
        // What is decoded once has been decoded: this is no parent segment.
        for (decoded, expected) in [("/a/../b", "/a/../b"), ("/%2e%2e", "/%252e%252e")] {
            assert_eq!(target(Form::HttpApi, &format!(r#"{{"rawPath": "{decoded}"}}"#)).unwrap(), expected);
        }
    }

    #[test]
    fn a_path_that_was_decoded_stands_for_what_it_says() {
        let decoded = (0..128).map(|byte| format!("/a{}", char::from(byte))).chain(["/%41".to_owned()]);
        for path in decoded {
            let json = serde_json::to_string(&path).unwrap();
            for form in [Form::HttpApi, Form::HttpApiV1] {
                let target = target(form, &format!(r#"{{"path": {json}, "rawPath": {json}}}"#)).unwrap();
                assert!(percent_decode_str(&target).eq(path.bytes()), "{form} {target}");
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
            assert_eq!(refusal(Form::Alb, &format!(r#"{{"path": "{path}"}}"#)), expected);
        }
        assert_eq!(refusal(Form::HttpApi, r#"{"rawPath": "/a/../../b"}"#), Refusal::AboveRoot);
        let long = format!(r#"{{"path": "/{}"}}"#, "a".repeat(70_000));
        assert_eq!(refusal(Form::Alb, &long), Refusal::Target);
    }

    #[test]
    fn the_stage_is_taken_off_a_path_that_has_it() {
        for (form, path, stage, expected) in [
            (Form::HttpApi, "/prod/a", "prod", "/a"),
            (Form::HttpApi, "/prod/", "prod", "/"),
            (Form::HttpApi, "/prod", "prod", "/"),
            (Form::HttpApi, "/product/a", "prod", "/product/a"),
            (Form::HttpApi, "/a", "prod", "/a"),
            (Form::HttpApi, "/$default/a", "$default", "/$default/a"),
            (Form::HttpApiV1, "/prod/a", "prod", "/a"),
            (Form::RestApi, "/prod/a", "prod", "/prod/a"),
            (Form::FunctionUrl, "/prod/a", "prod", "/prod/a"),
        ] {
            let event = format!(
                r#"{{"path": "{path}", "rawPath": "{path}", "requestContext": {{"stage": "{stage}"}}}}"#
            );
            assert_eq!(target(form, &event).unwrap(), expected, "{form} {path}");
        }
    }

    #[test]
    fn a_query_keeps_its_order_and_its_values() {
        let twice = r#""multiValueQueryStringParameters": {"b": ["2", "1"], "a": [""]},
            "queryStringParameters": {"b": "1"}"#;
        let once = r#""queryStringParameters": {"b": "x y+z&=%é", "a": ""}"#;
        let raw = r#""rawQueryString": "b=2&a&b=x%20y+z[]%zz é\"", "queryStringParameters": {"b": "2,1"}"#;
        for (form, query, expected) in [
            (Form::RestApi, twice, "b=2&b=1&a="),
            (Form::AlbMultiValue, twice, "b=2&b=1&a="),
            (Form::RestApi, once, "b=x%20y%2Bz%26%3D%25%C3%A9&a="),
            (Form::HttpApiV1, once, "b=x%20y%2Bz%26%3D%25%C3%A9&a="),
            (Form::Alb, once, "b=x%20y+z%26=%25%C3%A9&a="),
            (Form::HttpApi, raw, "b=2&a&b=x%20y+z[]%25zz%20%C3%A9%22"),
            (Form::FunctionUrl, r#""rawQueryString": "a=b%2Cc&a=%26""#, "a=b%2Cc&a=%26"),
            (Form::FunctionUrl, r#""queryStringParameters": {"a": "b"}"#, "a=b"),
        ] {
            let event = format!(r#"{{"path": "/", "rawPath": "/", {query}}}"#);
            assert_eq!(target(form, &event).unwrap(), format!("/?{expected}"), "{form}");
        }
        let empty = r#"{"rawPath": "/a", "rawQueryString": ""}"#;
        assert_eq!(target(Form::HttpApi, empty).unwrap(), "/a");
    }

    #[test]
    fn what_a_load_balancer_sends_encoded_stays_encoded() {
        let event = r#"{"path": "/", "multiValueQueryStringParameters":
            {"a%5B%5D": ["https%3A%2F%2Fb%2Fc", "a%2Bb", "a+b"], "c": ["d=e"]}}"#;
        let expected = "/?a%5B%5D=https%3A%2F%2Fb%2Fc&a%5B%5D=a%2Bb&a%5B%5D=a+b&c=d=e";
        assert_eq!(target(Form::AlbMultiValue, event).unwrap(), expected);
    }

    #[test]
    fn the_query_in_a_path_of_vpc_lattice_is_the_one() {
        let event = r#"{"raw_path": "/a?b=%20&b", "query_string_parameters": {"b": " "}}"#;
        assert_eq!(target(Form::LatticeV1, event).unwrap(), "/a?b=%20&b");
        let event = r#"{"path": "/a", "queryStringParameters": {"b": ["c", "d"]}}"#;
        assert_eq!(target(Form::Lattice, event).unwrap(), "/a?b=c&b=d");
    }

    #[test]
    fn what_vpc_lattice_sends_encoded_stays_encoded() {
        // As in lambda_http's `vpc_lattice_v2_request_encoded_query.json`; and what would be right if it were decoded.
        let event = r#"{"path": "/a", "raw_path": "/a", "queryStringParameters":
            {"filter": ["%3FshowAll%3Dtrue"], "q": ["hello%20world", "hello world", "50%", "a+b", "a&b"]}}"#;
        let expected = "/a?filter=%3FshowAll%3Dtrue&q=hello%20world&q=hello%20world&q=50%25&q=a+b&q=a%26b";
        for form in [Form::Lattice, Form::LatticeV1] {
            assert_eq!(target(form, event).unwrap(), expected, "{form}");
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
