//! The headers of a request.

use bytes::Bytes;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::Authority;

use super::context::printable;
use super::error::{HttpEventError, Refusal, shown};
use super::event::{Event, Text};
use super::pairs::Pairs;
use super::source::HttpSource;

/// The header with the event's `requestContext`, as JSON in ASCII: the caller, the stage, the request id.
/// Only the source can set it: a client's header of this name, or of any name that starts with `x-bulkhead-`,
/// is dropped.
pub const REQUEST_CONTEXT: &str = "x-bulkhead-request-context";
/// The prefix of the names that are reserved for Bulkhead.
const OURS: &[u8] = b"x-bulkhead-";

/// The headers, without those that describe the connection, since there is none. Headers that a `Connection`
/// header lists are kept: otherwise a client could remove headers that the source has set.
pub(super) fn read(source: HttpSource, event: &Event<'_>, body: &Bytes) -> Result<HeaderMap, HttpEventError> {
    let refused = |refusal| HttpEventError::Refused { origin: source, refusal };
    let several = source.read("multiValueHeaders", event.multi_value_headers)?.unwrap_or_default();
    let single = source.read("headers", event.headers)?.unwrap_or_default();
    let mut headers = both(several, single).map_err(refused)?;
    let cookies: Option<Vec<Text<'_>>> = source.read("cookies", event.cookies)?;
    join_cookies(&mut headers, &cookies.unwrap_or_default()).map_err(refused)?;
    agree_on_length(&mut headers, body.len()).map_err(refused)?;
    if let Some(context) = event.request_context {
        let context = HeaderValue::from_maybe_shared(Bytes::from(printable(context)));
        let context = context.map_err(|_| refused(Refusal::HeaderValue(REQUEST_CONTEXT.to_owned())))?;
        set(&mut headers, HeaderName::from_static(REQUEST_CONTEXT), context).map_err(refused)?;
    }
    Ok(headers)
}

/// If there are two maps, the one without arrays contains only the last value of each name.
fn both(several: Pairs<'_>, single: Pairs<'_>) -> Result<HeaderMap, Refusal> {
    let mut headers = map(several)?;
    let single = map(single)?;
    if headers.is_empty() {
        return Ok(single);
    }
    for name in single.keys().filter(|name| !headers.contains_key(*name)).cloned().collect::<Vec<_>>() {
        for value in single.get_all(&name) {
            append(&mut headers, name.clone(), value.clone())?;
        }
    }
    Ok(headers)
}

fn map(Pairs(pairs): Pairs<'_>) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let known = HeaderName::from_bytes(name.as_bytes());
        let known = known.map_err(|_| Refusal::HeaderName(shown(&name)))?;
        if is_about_a_connection(&known) || is_ours(&known) {
            continue;
        }
        let value = HeaderValue::from_bytes(value.as_bytes());
        let value = value.map_err(|_| Refusal::HeaderValue(known.as_str().to_owned()))?;
        append(&mut headers, known, value)?;
    }
    Ok(headers)
}

/// Whether a header describes the connection that it came over, and has no meaning on another.
fn is_about_a_connection(name: &HeaderName) -> bool {
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE]
        .contains(name)
        || ["keep-alive", "proxy-connection", "http2-settings"].contains(&name.as_str())
}

/// Whether a response header is sent to the client. Headers that describe a connection, or that only requests
/// have, are dropped: services pass on responses from elsewhere.
pub(super) fn is_for_the_client(name: &HeaderName) -> bool {
    !is_about_a_connection(name) && ![EXPECT, HOST].contains(name) && !is_ours(name)
}

/// An underscore counts as a hyphen, because many frameworks treat them as equal.
fn is_ours(name: &HeaderName) -> bool {
    let letters = name.as_str().bytes().map(|letter| if letter == b'_' { b'-' } else { letter });
    letters.take(OURS.len()).eq(OURS.iter().copied())
}

/// One `Cookie` header, as in HTTP/1: sources pass on each cookie separately, or each header of HTTP/2.
fn join_cookies(headers: &mut HeaderMap, cookies: &[Text<'_>]) -> Result<(), Refusal> {
    let mut joined = Vec::new();
    if cookies.is_empty() {
        let sent: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if sent.len() > 1 {
            joined = sent.join(&b"; "[..]);
        }
    } else {
        let sent: Vec<_> = cookies.iter().map(|Text(cookie)| cookie.as_bytes()).collect();
        joined = sent.join(&b"; "[..]);
    }
    if joined.is_empty() {
        return Ok(());
    }
    let value = HeaderValue::from_maybe_shared(Bytes::from(joined));
    set(headers, COOKIE, value.map_err(|_| Refusal::HeaderValue(COOKIE.to_string()))?)
}

/// The length is that of the body, whatever the client or the source has set, but it must be a single number.
fn agree_on_length(headers: &mut HeaderMap, length: usize) -> Result<(), Refusal> {
    let number = |value: &HeaderValue| {
        let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u64>().ok())
    };
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(number);
    let first = lengths.next();
    if first == Some(None) || lengths.any(|other| Some(other) != first) {
        return Err(Refusal::ContentLength);
    }
    if first.is_some() || length > 0 {
        return set(headers, CONTENT_LENGTH, length.into());
    }
    Ok(())
}

/// Sets the host of the URI as the only one.
pub(super) fn name_host(headers: &mut HeaderMap, host: &Authority) -> Result<(), Refusal> {
    let value = HeaderValue::from_str(host.as_str()).map_err(|_| Refusal::HeaderValue(HOST.to_string()))?;
    set(headers, HOST, value)
}

/// Sets the length of a known body.
pub(super) fn set_length(headers: &mut HeaderMap, length: usize) {
    headers.insert(CONTENT_LENGTH, length.into());
}

/// A map of headers panics if it has too many entries; its `try_` methods do not.
fn append(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), Refusal> {
    headers.try_append(name, value).map(|_| ()).map_err(|_| Refusal::TooManyHeaders)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), Refusal> {
    headers.try_insert(name, value).map(|_| ()).map_err(|_| Refusal::TooManyHeaders)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(event: &str, body: &'static str) -> Result<HeaderMap, HttpEventError> {
        read(HttpSource::RestApi, &serde_json::from_str(event).unwrap(), &Bytes::from_static(body.as_bytes()))
    }

    fn lines(event: &str, body: &'static str) -> Vec<String> {
        let headers = headers(event, body).unwrap();
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    fn refusal(event: &str) -> Refusal {
        match headers(event, "") {
            Err(HttpEventError::Refused { refusal, .. }) => refusal,
            other => panic!("{event}: {other:?}"),
        }
    }

    #[test]
    fn values_are_all_there_once_and_in_order() {
        for (event, expected) in [
            ("{}", &[][..]),
            (r#"{"headers": null, "multiValueHeaders": null}"#, &[]),
            (r#"{"headers": {"A": "1", "b": ""}}"#, &["a: 1", "b: "]),
            (
                r#"{"multiValueHeaders": {"A": ["2", "1"]}, "headers": {"a": "1", "B": "3"}}"#,
                &["a: 2", "a: 1", "b: 3"],
            ),
            (r#"{"multiValueHeaders": {}, "headers": {"a": "1"}}"#, &["a: 1"]),
            (r#"{"headers": {"a": ["1", "2"], "A": "3"}}"#, &["a: 1", "a: 2", "a: 3"]),
        ] {
            assert_eq!(lines(event, ""), expected, "{event}");
        }
    }

    #[test]
    fn what_is_about_a_connection_is_dropped_and_what_the_client_wants_dropped_is_not() {
        let event = r#"{"headers": {"Connection": "keep-alive, x-forwarded-for", "Keep-Alive": "5", "Upgrade": "h2c",
            "Transfer-Encoding": "chunked", "TE": "trailers", "Trailer": "a", "Proxy-Authorization": "a",
            "Proxy-Connection": "a", "HTTP2-Settings": "a", "x-forwarded-for": "192.0.2.1"}}"#;
        assert_eq!(lines(event, ""), ["x-forwarded-for: 192.0.2.1"]);
    }

    #[test]
    fn a_client_cannot_forge_what_the_source_says() {
        let forged = r#""headers": {"X-Bulkhead-Request-Context": "{}", "x_bulkhead_request-context": "{}",
            "x-bulkhead-tenant": "a", "x-bulkheads": "b"},
            "multiValueHeaders": {"x-bulkhead-request-context": ["{}"], "c": ["d"]}"#;
        assert_eq!(lines(&format!("{{{forged}}}"), ""), ["c: d", "x-bulkheads: b"]);
        let event = format!(r#"{{{forged}, "requestContext": {{ "identity": "ü" }}}}"#);
        let expected = r#"x-bulkhead-request-context: {"identity":"\u00fc"}"#;
        assert_eq!(lines(&event, ""), ["c: d", "x-bulkheads: b", expected]);
    }

    #[test]
    fn cookies_are_one_header() {
        for (event, expected) in [
            (r#"{"cookies": ["a=1", "b=2"]}"#, &["cookie: a=1; b=2"][..]),
            (r#"{"cookies": ["a=1", "b=2"], "headers": {"Cookie": "a=1; b=2"}}"#, &["cookie: a=1; b=2"]),
            (r#"{"multiValueHeaders": {"cookie": ["a=1", "b=2"]}}"#, &["cookie: a=1; b=2"]),
            (r#"{"cookies": [], "headers": {"cookie": "a=1"}}"#, &["cookie: a=1"]),
            (r#"{"cookies": null}"#, &[]),
            (r#"{"cookies": [""]}"#, &[]),
        ] {
            assert_eq!(lines(event, ""), expected, "{event}");
        }
        assert_eq!(refusal(r#"{"cookies": ["a=1\r\nb: c"]}"#), Refusal::HeaderValue("cookie".to_owned()));
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        for (event, body, expected) in [
            ("{}", "", &[][..]),
            ("{}", "abc", &["content-length: 3"]),
            (r#"{"headers": {"Content-Length": "1024"}}"#, "abc", &["content-length: 3"]),
            (r#"{"headers": {"Content-Length": "0"}}"#, "", &["content-length: 0"]),
            (r#"{"headers": {"Content-Length": ["3", "3"]}}"#, "abc", &["content-length: 3"]),
        ] {
            assert_eq!(lines(event, body), expected, "{event}");
        }
    }

    #[test]
    fn a_header_that_could_be_read_in_two_ways_is_refused() {
        for lengths in
            [r#"["3", "4"]"#, r#""3,3""#, r#""+3""#, r#""-3""#, r#""99999999999999999999""#, r#""""#]
        {
            let event = format!(r#"{{"headers": {{"content-length": {lengths}}}}}"#);
            assert_eq!(refusal(&event), Refusal::ContentLength, "{lengths}");
        }
        for name in ["", "a b", "a:", "ä", "a\\n"] {
            let event = format!(r#"{{"headers": {{"{name}": "a"}}}}"#);
            assert!(matches!(refusal(&event), Refusal::HeaderName(_)), "{name}");
        }
        for value in ["a\\r\\nb: c", "a\\u0000", "\\u007f"] {
            let event = format!(r#"{{"headers": {{"a": "{value}"}}}}"#);
            assert_eq!(refusal(&event), Refusal::HeaderValue("a".to_owned()), "{value}");
        }
    }

    #[test]
    fn more_headers_than_a_map_holds_are_refused() {
        let many: Vec<_> = (0..40_000).map(|n| format!(r#""h{n}": "a""#)).collect();
        assert_eq!(refusal(&format!(r#"{{"headers": {{{}}}}}"#, many.join(","))), Refusal::TooManyHeaders);
    }

    #[test]
    fn letters_beyond_ascii_are_kept() {
        let headers = headers(r#"{"headers": {"a": "ü"}}"#, "").unwrap();
        assert_eq!(headers.get("a").unwrap().as_bytes(), "ü".as_bytes());
    }
}
