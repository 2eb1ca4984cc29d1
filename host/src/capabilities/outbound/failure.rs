//! Converts the failure of a request to the error that the guest sees.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use wasmtime_wasi_http::Error;

use super::connect::ConnectError;

/// The most specific error of `wasi:http` for `error`.
pub(super) fn of(error: &(dyn StdError + 'static)) -> Error {
    if let Some(error) = find::<ConnectError>(error) {
        return of_connecting(error);
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return of_tls(error);
    }
    // The error of the request's own body, or the byte over the limit.
    if let Some(error) = find::<Error>(error) {
        return of_ours(error);
    }
    match find::<hyper::Error>(error) {
        Some(error) if error.is_parse_too_large() => Error::HttpResponseHeaderSectionSize(None),
        Some(error) if error.is_parse() || error.is_user() => Error::HttpProtocolError,
        Some(error) if error.is_timeout() => Error::HttpResponseTimeout,
        _ => Error::ConnectionTerminated,
    }
}

fn of_ours(error: &Error) -> Error {
    if let Error::HttpRequestBodySize(size) = error {
        return Error::HttpRequestBodySize(*size);
    }
    if let Error::HttpResponseBodySize(size) = error {
        return Error::HttpResponseBodySize(*size);
    }
    if let Error::HttpRequestTrailerSectionSize(size) = error {
        return Error::HttpRequestTrailerSectionSize(*size);
    }
    Error::HttpProtocolError
}

fn of_connecting(error: &ConnectError) -> Error {
    match error {
        ConnectError::Name(_) => Error::HttpRequestUriInvalid,
        ConnectError::Handshake(error) => of(error),
        ConnectError::Http(error) => of(error),
        ConnectError::Refused(_) => Error::DestinationIpProhibited,
        ConnectError::TimedOut => Error::ConnectionTimeout,
        ConnectError::RuntimeApi(_) => Error::InternalError(Some(error.to_string())),
        ConnectError::Lookup(_) => Error::DnsError { rcode: Some(error.to_string()), info_code: None },
        ConnectError::NoAddress => Error::DestinationNotFound,
        ConnectError::Connect(error) => of_connect_call(error),
    }
}

fn of_connect_call(error: &io::Error) -> Error {
    if error.kind() == ErrorKind::ConnectionRefused {
        return Error::ConnectionRefused;
    }
    if matches!(error.kind(), ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable) {
        return Error::DestinationIpUnroutable;
    }
    if error.kind() == ErrorKind::TimedOut {
        return Error::ConnectionTimeout;
    }
    Error::DestinationUnavailable
}

fn of_tls(error: &rustls::Error) -> Error {
    use rustls::Error::{AlertReceived, InvalidCertificate, NoCertificatesPresented, UnsupportedNameType};
    if matches!(error, InvalidCertificate(_) | NoCertificatesPresented | UnsupportedNameType) {
        return Error::TlsCertificateError;
    }
    let AlertReceived(alert) = error else { return Error::TlsProtocolError };
    Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: Some(format!("{alert:?}")) }
}

/// The first `T` among an error and its causes.
pub(super) fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // The source of an I/O error is that of its inner error, so the inner error is checked too.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = within.map(|within| within as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_found_within_io_errors() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let wrapped = io::Error::other(io::Error::other(tls));
        assert!(matches!(of(&wrapped), Error::TlsCertificateError));
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        let wrapped = io::Error::other(alert);
        assert!(matches!(of(&wrapped), Error::TlsAlertReceived { alert_id: Some(40), .. }));
    }

    #[test]
    fn each_way_not_to_connect_has_its_error() {
        let connect = |kind| of(&ConnectError::Connect(io::Error::from(kind)));
        assert!(matches!(connect(ErrorKind::ConnectionRefused), Error::ConnectionRefused));
        assert!(matches!(connect(ErrorKind::NetworkUnreachable), Error::DestinationIpUnroutable));
        assert!(matches!(connect(ErrorKind::TimedOut), Error::ConnectionTimeout));
        assert!(matches!(connect(ErrorKind::Other), Error::DestinationUnavailable));
        assert!(matches!(of(&ConnectError::Lookup(io::Error::other("x"))), Error::DnsError { .. }));
        assert!(matches!(of(&ConnectError::TimedOut), Error::ConnectionTimeout));
    }

    #[test]
    fn a_body_over_its_budget_is_told_as_such() {
        let wrapped = io::Error::other(Error::HttpRequestBodySize(Some(7)));
        assert!(matches!(of(&wrapped), Error::HttpRequestBodySize(Some(7))));
        let wrapped = ConnectError::Handshake(io::Error::other(Error::HttpResponseBodySize(Some(8))));
        assert!(matches!(of(&wrapped), Error::HttpResponseBodySize(Some(8))));
        assert!(matches!(of(&io::Error::other("gone")), Error::ConnectionTerminated));
    }
}
