//! What comes before the first byte of a stream: a content type, or the head of an HTTP response (S7.5).

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use serde::Serialize;

/// How an HTTP response is told from other bytes.
const HTTP: HeaderValue = HeaderValue::from_static("application/vnd.awslambda.http-integration-response");

/// What stands between the head and the body.
const DELIMITER: &[u8] = &[0; 8];

/// Whoever streams looks for the delimiter in the first 16 KB (S7.5).
const LONGEST: usize = 16 * 1024 - DELIMITER.len();

/// They are about one connection, and it is not this one (S7.15).
const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"];

/// What comes before the first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The `Content-Type` of the stream.
    pub content_type: HeaderValue,
    /// What is sent ahead of the guest's own bytes, each as a piece of its own (S7.6).
    pub prelude: Vec<Bytes>,
}

/// A head that cannot be sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not a value of a header.
    #[error("{0:?} cannot be sent as a content type")]
    ContentType(String),
    /// Not a status of a response.
    #[error("{0} is no status of a response; say 200 to 599")]
    Status(u16),
    /// Not a header, or not its value.
    #[error(
        "the header {0:?} cannot be sent: its name or its value has a character that headers cannot have"
    )]
    Header(String),
    /// Not the value of a header.
    #[error("a cookie cannot be sent: {0:?} has a character that headers cannot have")]
    Cookie(String),
    /// More than readers look at.
    #[error("status, headers and cookies together have {0} bytes; at most {LONGEST} are read")]
    TooLong(usize),
}

impl Head {
    /// Of plain bytes.
    ///
    /// # Errors
    /// When this is no content type.
    pub fn plain(content_type: &str) -> Result<Self, HeadError> {
        let value = HeaderValue::from_str(content_type);
        let content_type = value.map_err(|_| HeadError::ContentType(content_type.to_owned()))?;
        Ok(Self { content_type, prelude: Vec::new() })
    }

    /// Of an HTTP response.
    ///
    /// # Errors
    /// When a part of it is none.
    pub fn http(
        status: u16,
        headers: impl IntoIterator<Item = (String, String)>,
        cookies: Vec<String>,
    ) -> Result<Self, HeadError> {
        if !(200..=599).contains(&status) {
            return Err(HeadError::Status(status));
        }
        if let Some(cookie) = cookies.iter().find(|cookie| HeaderValue::from_str(cookie).is_err()) {
            return Err(HeadError::Cookie(cookie.clone()));
        }
        let prelude = Prelude { status_code: status, headers: joined(headers)?, cookies };
        // Numbers and strings always serialise, and raw NULs are none of what they are written as.
        let json = serde_json::to_vec(&prelude).unwrap_or_default();
        if json.len() > LONGEST {
            return Err(HeadError::TooLong(json.len()));
        }
        Ok(Self { content_type: HTTP, prelude: vec![json.into(), Bytes::from_static(DELIMITER)] })
    }
}

/// All three are always there: an emulator wants them (S7.6).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prelude {
    status_code: u16,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
}

/// Those of one name as one, and without those that are about the connection.
fn joined(
    headers: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, HeadError> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let parsed = HeaderName::try_from(&name).ok().filter(|_| HeaderValue::from_str(&value).is_ok());
        let name = parsed.ok_or(HeadError::Header(name))?.as_str().to_owned();
        if HOP_BY_HOP.contains(&name.as_str()) {
            continue;
        }
        joined
            .entry(name)
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(&value);
            })
            .or_insert(value);
    }
    Ok(joined)
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
        ];
        let head = Head::http(201, headers, vec!["a=1; Secure".to_owned()]).unwrap();
        assert_eq!(head.content_type, HTTP);
        let json = r#"{"statusCode":201,"headers":{"content-type":"text/plain","x-a":"1, 2"},"cookies":["a=1; Secure"]}"#;
        assert_eq!(
            head.prelude,
            [Bytes::from_static(json.as_bytes()), Bytes::from_static(b"\0\0\0\0\0\0\0\0")]
        );
    }

    #[test]
    fn s7_6_headers_and_cookies_are_there_even_where_there_are_none() {
        let head = Head::http(204, [], Vec::new()).unwrap();
        assert_eq!(head.prelude[0], r#"{"statusCode":204,"headers":{},"cookies":[]}"#);
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let http = |status, name: &str, value: &str, cookie: &str| {
            Head::http(status, [header(name, value)], vec![cookie.to_owned()]).unwrap_err()
        };
        assert_eq!(http(199, "a", "b", ""), HeadError::Status(199));
        assert_eq!(http(600, "a", "b", ""), HeadError::Status(600));
        assert_eq!(http(200, "a b", "c", ""), HeadError::Header("a b".to_owned()));
        assert_eq!(http(200, "a", "b\r\nc: d", ""), HeadError::Header("a".to_owned()));
        assert_eq!(http(200, "a", "b\0", ""), HeadError::Header("a".to_owned()));
        assert_eq!(http(200, "a", "b", "c\nd"), HeadError::Cookie("c\nd".to_owned()));
        assert!(matches!(http(200, "a", &"b".repeat(17_000), ""), HeadError::TooLong(17_000..)));
        assert_eq!(Head::plain("a\r\n").unwrap_err(), HeadError::ContentType("a\r\n".to_owned()));
    }
}
