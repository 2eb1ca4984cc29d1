//! Why an event cannot be made into a request.

use hyper::StatusCode;

use super::source::HttpSource;

/// The part of a client's text that an error shows.
const MAX_SHOWN: usize = 100;

/// An event that is not a request.
#[derive(Debug, thiserror::Error)]
pub enum HttpEventError {
    /// It is not an HTTP event at all.
    #[error(
        "this handler is an HTTP service, and the event is not an HTTP event: {0}; HTTP events come from API \
         Gateway (REST, HTTP and WebSocket APIs), function URLs, Application Load Balancers and VPC Lattice"
    )]
    NotHttp(&'static str),
    /// It looks like an HTTP event, except for one field.
    #[error("the event looks like one from {origin}, but its `{field}` cannot be read: {error}")]
    Field {
        /// The source that it looks like.
        origin: HttpSource,
        /// The field.
        field: &'static str,
        /// The error.
        error: serde_json::Error,
    },
    /// It is an HTTP event, but no server would accept its request.
    #[error("the request in the event from {origin} is not valid: {refusal}")]
    Refused {
        /// The source of the event.
        origin: HttpSource,
        /// The reason.
        refusal: Refusal,
    },
}

impl HttpEventError {
    /// The response for the client if the request is at fault: the source that it is for, and the status.
    /// `None` if the event is at fault.
    pub fn refusal(&self) -> Option<(HttpSource, StatusCode)> {
        match self {
            Self::NotHttp(_) | Self::Field { .. } => None,
            Self::Refused { origin, refusal } => Some((*origin, refusal.status())),
        }
    }
}

/// The reason why a request is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The method is not a valid token.
    #[error("{0} is not an HTTP method")]
    Method(String),
    /// The path is that of a proxy request, or empty.
    #[error("its path does not start with a slash: {0}")]
    NotAPath(String),
    /// The path contains characters that no request line may contain.
    #[error("its path has a control character")]
    ControlCharacter,
    /// The path leads above its root.
    #[error("its path leads above its root with `..`")]
    AboveRoot,
    /// Path and query are too long, or not a valid URI for another reason.
    #[error("its path and query are longer than 65534 bytes")]
    Target,
    /// A name is not a valid token.
    #[error("{0} is not the name of a header")]
    HeaderName(String),
    /// A value has control characters.
    #[error("the value of its header `{0}` has a control character")]
    HeaderValue(String),
    /// More headers than any legitimate request has.
    #[error("it has too many headers")]
    TooManyHeaders,
    /// The length has several values, or is not a number.
    #[error("its Content-Length is not a single number")]
    ContentLength,
    /// The host has several values.
    #[error("it names more than one host")]
    SeveralHosts,
    /// The body is marked as base64, but cannot be decoded.
    #[error("its body is marked as base64 and cannot be decoded: {0}")]
    Body(base64::DecodeError),
}

impl Refusal {
    /// The status with which a server would reject it.
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

/// A client's value for a text: quoted, and shortened if it is long.
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
