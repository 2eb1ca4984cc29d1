//! Why an event cannot be made into a request.

use hyper::StatusCode;

use super::source::HttpSource;

/// As much of what a client sent goes into a text.
const MAX_SHOWN: usize = 100;

/// An event that is no request.
#[derive(Debug, thiserror::Error)]
pub enum HttpEventError {
    /// It is not an HTTP event at all.
    #[error(
        "this handler is an HTTP service, and the event is no HTTP event: {0}; events of API Gateway (REST, HTTP and \
         WebSocket APIs), function URLs, Application Load Balancers and VPC Lattice are"
    )]
    NotHttp(&'static str),
    /// It looks like an HTTP event, but for one part.
    #[error("the event looks like one from {origin}, but its `{field}` cannot be read: {error}")]
    Field {
        /// What it looks like.
        origin: HttpSource,
        /// The part.
        field: &'static str,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// It is an HTTP event, and its request is none that a server would take.
    #[error("the request in the event from {origin} is refused: {refusal}")]
    Refused {
        /// How it came.
        origin: HttpSource,
        /// Why it is refused.
        refusal: Refusal,
    },
}

impl HttpEventError {
    /// What the client should get where the request is at fault: the source that the response is for, and the status. `None` where
    /// the event is at fault.
    pub fn refusal(&self) -> Option<(HttpSource, StatusCode)> {
        match self {
            Self::NotHttp(_) | Self::Field { .. } => None,
            Self::Refused { origin, refusal } => Some((*origin, refusal.status())),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The method is no token.
    #[error("{0} is not an HTTP method")]
    Method(String),
    /// The path is that of a proxy's request, or none.
    #[error("its path does not start with a slash: {0}")]
    NotAPath(String),
    /// The path has characters that no request line can have.
    #[error("its path has a control character")]
    ControlCharacter,
    /// The path leads above its root.
    #[error("its path leads above its root with `..`")]
    AboveRoot,
    /// Path and query are too long, or cannot be a URI for another reason.
    #[error("its path and query are longer than 65534 bytes")]
    Target,
    /// A name is no token.
    #[error("{0} is not the name of a header")]
    HeaderName(String),
    /// A value has control characters.
    #[error("the value of its header `{0}` has a control character")]
    HeaderValue(String),
    /// So many that nobody means well.
    #[error("it has more headers than can be held")]
    TooManyHeaders,
    /// It is there with several values, or is no number.
    #[error("its Content-Length is not a single number")]
    ContentLength,
    /// It is there with several values.
    #[error("it names more than one host")]
    SeveralHosts,
    /// The body is said to be base64, and is not.
    #[error("its body is marked as base64 and cannot be decoded: {0}")]
    Body(base64::DecodeError),
}

impl Refusal {
    /// The status that a server would refuse it with.
    fn status(&self) -> StatusCode {
        match self {
            Self::Target => StatusCode::URI_TOO_LONG,
            Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Method(_)
            | Self::NotAPath(_)
            | Self::ControlCharacter
            | Self::AboveRoot
            | Self::HeaderName(_)
            | Self::HeaderValue(_)
            | Self::ContentLength
            | Self::SeveralHosts
            | Self::Body(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// What a client sent, for a text: quoted, and not all of it where it is long.
pub(crate) fn shown(sent: &str) -> String {
    let start = &sent[..sent.floor_char_boundary(MAX_SHOWN)];
    if start.len() < sent.len() { format!("{start:?}…") } else { format!("{start:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_is_shown_short_and_harmless() {
        assert_eq!(shown("GE\nT"), r#""GE\nT""#);
        let long = shown(&"ä".repeat(200));
        assert!(long.ends_with("\"…") && long.len() < 120, "{long}");
    }

    #[test]
    fn only_a_bad_request_is_the_clients_fault() {
        let refused = |refusal| HttpEventError::Refused { origin: HttpSource::Alb, refusal };
        let status =
            |error: HttpEventError| error.refusal().map(|(source, status)| (source, status.as_u16()));
        assert_eq!(status(refused(Refusal::AboveRoot)), Some((HttpSource::Alb, 400)));
        assert_eq!(status(refused(Refusal::Target)), Some((HttpSource::Alb, 414)));
        assert_eq!(status(refused(Refusal::TooManyHeaders)), Some((HttpSource::Alb, 431)));
        assert_eq!(status(HttpEventError::NotHttp("why")), None);
    }
}
