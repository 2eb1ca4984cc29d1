//! The head of a stream, before its first byte: a content type, or the head of an HTTP response (S7.5).
//!
//! [`crate::http_event`] decides which parts of such a head are sent, and how, for handlers that stream and
//! for services.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use crate::http_event::{PRELUDE_END, ResponseError, STREAM_CONTENT_TYPE, prelude, shown};

/// The largest head of a guest, in bytes; services have the same limit.
const MAX_HANDED_OVER: usize = 64 * 1024;
/// The bytes that a header or a cookie counts in addition to its text.
const ENTRY: usize = 32;

/// The head, which is sent before the first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The `Content-Type` of the stream.
    pub content_type: HeaderValue,
    /// The bytes before the guest's own bytes, each sent as a separate chunk (S7.6).
    pub prelude: Vec<Bytes>,
}

/// A head that cannot be sent. Only the shown part of the guest's value is kept.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// Not a valid header value.
    #[error("{0} cannot be sent as a content type")]
    ContentType(String),
    /// Not a valid header.
    #[error("the header {0} cannot be sent: its name or its value has a character that headers cannot have")]
    Header(String),
    /// Not a valid cookie value.
    #[error("a cookie cannot be sent: {0} has a character that headers cannot have")]
    Cookie(String),
    /// The head is larger than the limit.
    #[error(
        "content type, headers and cookies have {0} bytes, counting {ENTRY} more for each; this exceeds the limit for the head of a \
         stream"
    )]
    TooLong(usize),
    /// The parts do not form a response that can be sent.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

impl Head {
    /// A head of plain bytes.
    ///
    /// # Errors
    /// If this is not a valid content type, or too long. The Runtime API would refuse the whole response, and deliver its event again
    /// (R4.6).
    pub fn plain(content_type: &str) -> Result<Self, HeadError> {
        let length = content_type.len() + ENTRY;
        if length > MAX_HANDED_OVER {
            return Err(HeadError::TooLong(length));
        }
        let value = HeaderValue::from_str(content_type);
        let content_type = value.map_err(|_| HeadError::ContentType(shown(content_type)))?;
        Ok(Self { content_type, prelude: Vec::new() })
    }

    /// A head of an HTTP response.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn http(status: StatusCode, headers: &HeaderMap) -> Result<Self, ResponseError> {
        let prelude = vec![prelude(status, headers)?.into(), Bytes::from_static(&PRELUDE_END)];
        Ok(Self { content_type: HeaderValue::from_static(STREAM_CONTENT_TYPE), prelude })
    }

    /// A head of an HTTP response, from a guest's values.
    ///
    /// # Errors
    /// If a part of it is not valid, or it cannot be sent.
    pub fn from_guest(
        status: u16,
        headers: &[(String, String)],
        cookies: &[String],
    ) -> Result<Self, HeadError> {
        let (status, headers) = Self::parts(status, headers, cookies)?;
        Ok(Self::http(status, &headers)?)
    }

    /// The status and the headers of an HTTP response, from a guest's values.
    ///
    /// # Errors
    /// If a part of it is not valid, or there is too much of it.
    pub fn parts(
        status: u16,
        headers: &[(String, String)],
        cookies: &[String],
    ) -> Result<(StatusCode, HeaderMap), HeadError> {
        let lengths = headers.iter().map(|(name, value)| name.len() + value.len());
        let length = lengths.chain(cookies.iter().map(String::len)).map(|length| length + ENTRY).sum();
        if length > MAX_HANDED_OVER {
            return Err(HeadError::TooLong(length));
        }
        let status = StatusCode::from_u16(status).map_err(|_| ResponseError::Status(status))?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let header = HeaderName::try_from(name).ok().zip(HeaderValue::from_bytes(value.as_bytes()).ok());
            let (key, value) = header.ok_or_else(|| HeadError::Header(shown(name)))?;
            map.try_append(key, value).map_err(|_| HeadError::TooLong(length))?;
        }
        for cookie in cookies {
            let value = HeaderValue::from_bytes(cookie.as_bytes());
            let value = value.map_err(|_| HeadError::Cookie(shown(cookie)))?;
            map.try_append(SET_COOKIE, value).map_err(|_| HeadError::TooLong(length))?;
        }
        Ok((status, map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn s7_5_an_http_head_is_json_and_eight_nuls() {
        let headers = [
            header("Content-Type", "text/plain"),
            header("x-a", "1"),
            header("X-A", "2"),
            header("Transfer-Encoding", "chunked"),
            header("Content-Length", "7"),
            header("Set-Cookie", "b=ü"),
        ];
        let head = Head::from_guest(201, &headers, &["a=1; Secure".to_owned()]).unwrap();
        assert_eq!(head.content_type, "application/vnd.awslambda.http-integration-response");
        let json = r#"{"statusCode":201,"headers":{"content-type":"text/plain","x-a":"1, 2"},"cookies":["b=ü","a=1; Secure"]}"#;
        assert_eq!(
            head.prelude,
            [Bytes::from_static(json.as_bytes()), Bytes::from_static(b"\0\0\0\0\0\0\0\0")]
        );
    }

    #[test]
    fn what_is_told_of_a_mistake_is_short_however_long_that_is() {
        let long = "\u{1}".repeat(10_000);
        let errors = [
            Head::plain(&long).unwrap_err(),
            Head::from_guest(200, &[header(&long, "")], &[]).unwrap_err(),
            Head::from_guest(200, &[], std::slice::from_ref(&long)).unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.to_string().len() < 2000), "{errors:.100?}");
    }

    #[test]
    fn s7_6_headers_and_cookies_are_there_even_where_there_are_none() {
        let head = Head::from_guest(204, &[], &[]).unwrap();
        assert_eq!(head.prelude[0], r#"{"statusCode":204,"headers":{},"cookies":[]}"#);
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let why = |status, name: &str, value: &str, cookie: &str| {
            let error = Head::from_guest(status, &[header(name, value)], &[cookie.to_owned()]).unwrap_err();
            error.to_string()
        };
        for status in [0, 99, 199, 600, 1000] {
            let text = why(status, "a", "b", "");
            assert!(text.starts_with(&format!("{status} is not a valid status of a response; ")), "{text}");
        }
        assert!(why(200, "a b", "c", "").contains(r#"the header "a b""#));
        assert!(why(200, "", "c", "").contains(r#"the header """#));
        assert!(why(200, "a", "b\r\nc: d", "").contains(r#"the header "a""#));
        assert!(why(200, "a", "b\0", "").contains(r#"the header "a""#));
        assert!(why(200, "a", "b", "c\nd").contains(r#"a cookie cannot be sent: "c\nd""#));
        assert!(why(200, "a", &"b".repeat(17_000), "").contains("17"));
        assert!(Head::plain("a\r\n").unwrap_err().to_string().contains(r#""a\r\n""#));
    }

    #[test]
    fn what_is_too_much_is_not_looked_at() {
        let long = "\0".repeat(MAX_HANDED_OVER);
        let many = vec![header("", ""); MAX_HANDED_OVER / ENTRY + 1];
        let cookies = vec![String::new(); MAX_HANDED_OVER / ENTRY + 1];
        for error in [
            Head::from_guest(200, &[header("a", &long)], &[]).unwrap_err(),
            Head::from_guest(200, &[header(&long, "a")], &[]).unwrap_err(),
            Head::from_guest(200, &many, &[]).unwrap_err(),
            Head::from_guest(200, &[], &cookies).unwrap_err(),
            Head::plain(&long).unwrap_err(),
        ] {
            assert!(matches!(error, HeadError::TooLong(length) if length > MAX_HANDED_OVER), "{error}");
        }
        let quoted = Head::from_guest(200, &[header(&"\0".repeat(1000), "a")], &[]).unwrap_err().to_string();
        assert!(quoted.len() < 1000, "{quoted}");
    }
}
