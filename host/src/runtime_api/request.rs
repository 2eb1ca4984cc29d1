//! A request as it is sent on the connection.

use std::fmt::Display;
use std::io::Write as _;

use bytes::Bytes;
use hyper::header::HeaderValue;

use super::endpoint::Endpoint;

/// A complete request, which can be sent again.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) head: Vec<u8>,
    pub(super) body: Bytes,
}

impl Request {
    /// Whether the body of the reply is what it is sent for. The reply to an answer is its status.
    pub(super) fn needs_body(&self) -> bool {
        self.head.starts_with(b"GET ")
    }
}

/// The head of a request, while it is written.
#[derive(Debug)]
pub(super) struct Head(Vec<u8>);

impl Head {
    /// Starts a request. The path is written as it is, because it contains no characters that need escaping.
    pub(super) fn new(method: &str, endpoint: &Endpoint, path: impl Display) -> Self {
        let mut head = Vec::with_capacity(512);
        let Endpoint { authority, prefix } = endpoint;
        // Writing to a vector does not fail.
        let _ = write!(head, "{method} {prefix}{path} HTTP/1.1\r\nhost: {authority}\r\n");
        Self(head)
    }

    /// Adds a header whose value contains no line break.
    pub(super) fn with(mut self, name: &str, value: &'static str) -> Self {
        self.line(name, value.as_bytes());
        self
    }

    /// Adds a header.
    pub(super) fn with_value(mut self, name: &str, value: &HeaderValue) -> Self {
        self.line(name, value.as_bytes());
        self
    }

    fn line(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.0.extend_from_slice(part);
        }
    }

    /// Ends the head of a request without a body.
    pub(super) fn without_body(self) -> Request {
        Request { head: self.end(), body: Bytes::new() }
    }

    /// Ends the head of a request with this body.
    pub(super) fn with_body(mut self, body: Bytes) -> Request {
        let _ = write!(self.0, "content-length: {}\r\n", body.len());
        Request { head: self.end(), body }
    }

    /// Ends the head of any request.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let endpoint = "127.0.0.1:9000/.rt/hello".parse().unwrap();
        Head::new("POST", &endpoint, format_args!("/2018-06-01/runtime/{}", "init/error"))
    }

    #[test]
    fn a_request_is_a_head_and_a_body() {
        let value = HeaderValue::from_bytes(b"\xff1").unwrap();
        let request =
            head().with("content-type", "text/plain").with_value("x", &value).with_body("body".into());
        assert_eq!(
            request.head,
            b"POST /.rt/hello/2018-06-01/runtime/init/error HTTP/1.1\r\nhost: 127.0.0.1:9000\r\n\
              content-type: text/plain\r\nx: \xff1\r\ncontent-length: 4\r\n\r\n"
        );
        assert_eq!(request.body, "body");
    }

    #[test]
    fn one_without_a_body_says_nothing_of_its_length() {
        let request = head().without_body();
        assert!(request.head.ends_with(b"host: 127.0.0.1:9000\r\n\r\n") && request.body.is_empty());
    }
}
