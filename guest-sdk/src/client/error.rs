//! [`Error`]: why a request has no usable response.

use std::fmt;

use ::http::{Method, StatusCode, Uri};

use super::error_code::DENIED;
use crate::Diagnostic;

/// Why a request failed. As the error of a handler it has an `errorType` of its own, such as
/// `HttpRequestDenied`, `ConnectionTimeout` or `DnsError`: those of `wasi:http`.
///
/// The message names the method and the host of the request, and neither its path nor its query, which may
/// contain secrets.
#[derive(Debug)]
#[expect(clippy::error_impl_error, reason = "the name that it has in clients such as reqwest")]
pub struct Error {
    to: String,
    reason: Reason,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Reason {
    /// It is not a request that can be sent.
    Invalid(String),
    /// There is no host to send it.
    NoHost,
    /// The host gives this reason: the name of an error code, and its sentence.
    Failed { name: &'static str, text: String },
    /// The response has the status of an error.
    Status(StatusCode),
    /// The body breaks off, or is not what was asked for.
    Body(String),
}

/// The request as errors name it.
pub(super) fn place(method: &Method, uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    match uri.authority() {
        // Without a user and a password.
        Some(authority) => {
            let host = authority.as_str().rsplit('@').next().unwrap_or_default();
            format!("{method} {scheme}://{host}")
        }
        None => format!("{method} without a host"),
    }
}

impl Error {
    pub(super) fn new(to: String, reason: Reason) -> Self {
        Self { to, reason }
    }

    /// The status of the response, if that is the error.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match &self.reason {
            Reason::Status(status) => Some(*status),
            Reason::Invalid(_) | Reason::NoHost | Reason::Failed { .. } | Reason::Body(_) => None,
        }
    }

    /// Whether the host refused to send the request, because no grant allows it, or because it does not use its credential for
    /// such a request. The log of the function says which.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(&self.reason, Reason::Failed { name, .. } if *name == DENIED)
    }

    /// Whether the request may succeed if it is sent again. One that is not valid, or was denied, fails again.
    #[cfg(feature = "aws")]
    pub(crate) fn may_pass(&self) -> bool {
        match &self.reason {
            Reason::Failed { .. } => !self.is_denied(),
            Reason::Body(_) => true,
            Reason::Invalid(_) | Reason::NoHost | Reason::Status(_) => false,
        }
    }

    pub(crate) fn error_type(&self) -> &str {
        match &self.reason {
            Reason::Invalid(_) => "InvalidRequest",
            Reason::NoHost => "NoHost",
            Reason::Failed { name, .. } => name,
            Reason::Status(_) => "HttpStatus",
            Reason::Body(_) => "InvalidResponseBody",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, reason } = self;
        match reason {
            Reason::Invalid(why) => write!(f, "{to}: the request cannot be sent: {why}"),
            Reason::NoHost => {
                write!(f, "{to}: only a component can send requests; use `Client::answering` in unit tests")
            }
            Reason::Failed { name, text } if *name == DENIED => {
                let origin = to.split_once(' ').map_or(to.as_str(), |(_, origin)| origin);
                write!(
                    f,
                    "{to}: {text}, and the log says why; if no grant allows it, add \"{origin}\" to \
                     allowed_outbound_hosts in bulkhead.toml"
                )
            }
            Reason::Failed { text, .. } => write!(f, "{to}: {text}"),
            Reason::Status(status) => write!(f, "{to}: the status is {status}"),
            Reason::Body(why) => write!(f, "{to}: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: error.error_type().to_owned(), error_message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_no_secrets() {
        let uri = Uri::from_static("https://me:secret@api.example.com:8443/token/abc?key=secret");
        assert_eq!(place(&Method::GET, &uri), "GET https://api.example.com:8443");
        assert_eq!(place(&Method::PUT, &Uri::from_static("/a")), "PUT without a host");
    }

    #[test]
    fn each_reason_has_a_type_and_a_sentence() {
        let failed = |name| Reason::Failed { name, text: "it took too long".into() };
        for (reason, error_type, text) in [
            (Reason::Invalid("no".into()), "InvalidRequest", "cannot be sent: no"),
            (Reason::NoHost, "NoHost", "Client::answering"),
            (failed("ConnectionTimeout"), "ConnectionTimeout", "it took too long"),
            (
                failed(DENIED),
                DENIED,
                ", and the log says why; if no grant allows it, add \"https://a.b\" to allowed_outbound_hosts in",
            ),
            (Reason::Status(StatusCode::NOT_FOUND), "HttpStatus", "404 Not Found"),
            (Reason::Body("it breaks off".into()), "InvalidResponseBody", "it breaks off"),
        ] {
            let error = Error::new("GET https://a.b".into(), reason);
            assert_eq!(error.is_denied(), error_type == DENIED);
            #[cfg(feature = "aws")]
            assert_eq!(
                error.may_pass(),
                matches!(error.reason, Reason::Failed { .. } | Reason::Body(_)) && error_type != DENIED
            );
            assert_eq!(error.status().is_some(), error_type == "HttpStatus");
            let boxed = Diagnostic::from(crate::Error::from(error));
            let error = Error::new("GET https://a.b".into(), Reason::Body(String::new()));
            assert_eq!(Diagnostic::from(error).error_type, "InvalidResponseBody");
            let diagnostic = boxed;
            assert_eq!(diagnostic.error_type, error_type);
            assert!(diagnostic.error_message.starts_with("GET https://a.b: "), "{diagnostic}");
            assert!(diagnostic.error_message.contains(text), "{diagnostic}");
        }
    }
}
