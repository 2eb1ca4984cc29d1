//! Whether a response can be sent in JSON as text, or has to be base64.

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

/// Types that are text, in addition to `text/*` and those with one of [`SUFFIXES`].
const TYPES: [&str; 10] = [
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/ndjson",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "application/x-javascript",
    "application/xml",
    "application/yaml",
];
const SUFFIXES: [&str; 3] = ["+json", "+xml", "+yaml"];

/// The body as text, if its type is a text type, it is not compressed, and it is UTF-8. A body without a type
/// is text if possible.
///
/// Base64 would be correct for every body, but REST APIs decode it only for configured types.
pub(super) fn text<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<&'a str> {
    let encoding = headers.get(CONTENT_ENCODING).map_or(&b"identity"[..], |encoding| encoding.as_bytes());
    if !encoding.eq_ignore_ascii_case(b"identity") {
        return None;
    }
    let is_text = match headers.get(CONTENT_TYPE) {
        None => true,
        Some(content_type) => content_type.to_str().is_ok_and(is_text),
    };
    str::from_utf8(body).ok().filter(|_| is_text)
}

fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || TYPES.contains(&essence.as_str())
        || SUFFIXES.iter().any(|suffix| essence.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_text(content_type: Option<&str>, encoding: Option<&str>, body: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        let values = [(CONTENT_TYPE, content_type), (CONTENT_ENCODING, encoding)];
        for (name, value) in values {
            headers.extend(value.map(|value| (name, value.parse().unwrap())));
        }
        text(&headers, body).is_some()
    }

    #[test]
    fn the_type_decides() {
        for content_type in [
            "text/plain",
            "TEXT/HTML; charset=utf-8",
            "application/json",
            "application/problem+json; a=b",
            "image/svg+xml",
            "application/x-www-form-urlencoded",
        ] {
            assert!(is_text(Some(content_type), None, b"a"), "{content_type}");
        }
        for content_type in ["application/octet-stream", "image/png", "application/jsonx", "", "textual/a"] {
            assert!(!is_text(Some(content_type), None, b"a"), "{content_type}");
        }
    }

    #[test]
    fn what_is_compressed_or_no_utf_8_is_no_text() {
        assert!(!is_text(Some("text/plain"), Some("gzip"), b"a"));
        assert!(is_text(Some("text/plain"), Some("identity"), b"a"));
        assert!(!is_text(Some("text/plain; charset=latin1"), None, b"\xfc"));
    }

    #[test]
    fn a_body_without_a_type_is_text_if_it_can_be() {
        assert!(is_text(None, None, "ü".as_bytes()));
        assert!(is_text(None, None, b""));
        assert!(!is_text(None, None, b"\xff"));
    }
}
