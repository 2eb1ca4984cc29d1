//! A complete reply of the Runtime API.

use bytes::Bytes;
use hyper::StatusCode;

use super::connection::ConnectionError;
use crate::http1::Headers;

/// The largest event has 6 MB (11.4); anything far larger is not an event.
pub(super) const MAX_BODY: usize = 64 * 1024 * 1024;

/// A complete reply.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

impl Reply {
    /// The body as a reason in a log line.
    pub(super) fn reason(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text[..text.floor_char_boundary(1024)].to_owned()
    }
}

/// Rejects a body of more than [`MAX_BODY`] bytes.
pub(super) fn check_body(size: usize) -> Result<(), ConnectionError> {
    if size > MAX_BODY { Err(ConnectionError::BodyTooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_does_not_grow_without_end() {
        assert!(check_body(MAX_BODY).is_ok() && check_body(MAX_BODY + 1).is_err());
    }
}
