//! The reasons why a service has no response that can be sent.

use wasmtime_wasi_http::p2::bindings::http::types::{
    DnsErrorPayload, ErrorCode, FieldSizePayload, TlsAlertReceivedPayload,
};

use crate::http_event::ResponseError;
use crate::text::bounded;

/// The part of a service's error that is reported.
const MAX_ERROR: usize = 1024;

/// A service that returned without a response that can be sent.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It dropped its `response-outparam`, or kept it.
    #[error("the service returned without a response; it must set its `response-outparam`")]
    NoResponse,
    /// It set an error in place of a response.
    #[error("the service set an error in place of a response: {0}")]
    Error(String),
    /// It dropped the body before its end, kept it open, or wrote another number of bytes than it had
    /// announced.
    #[error(
        "the service did not finish the body of its response; it must call `outgoing-body.finish` after it \
         has written exactly as many bytes as its Content-Length states"
    )]
    BodyUnfinished,
    /// It cannot be sent to the sender of the event.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

/// The error that a service set. It can contain texts of the service, as long as one call allows.
pub(super) fn given(mut code: ErrorCode) -> ServiceError {
    if let Some(text) = texts(&mut code) {
        bounded::shorten(text, MAX_ERROR);
    }
    ServiceError::Error(bounded::text(format_args!("{code:?}"), MAX_ERROR))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most errors hold no text")]
fn texts(code: &mut ErrorCode) -> Option<&mut String> {
    match code {
        ErrorCode::DnsError(DnsErrorPayload { rcode: text, .. })
        | ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload { alert_message: text, .. })
        | ErrorCode::HttpRequestHeaderSize(Some(FieldSizePayload { field_name: text, .. }))
        | ErrorCode::HttpRequestTrailerSize(FieldSizePayload { field_name: text, .. })
        | ErrorCode::HttpResponseHeaderSize(FieldSizePayload { field_name: text, .. })
        | ErrorCode::HttpResponseTrailerSize(FieldSizePayload { field_name: text, .. })
        | ErrorCode::HttpResponseTransferCoding(text)
        | ErrorCode::HttpResponseContentCoding(text)
        | ErrorCode::InternalError(text) => text.as_mut(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_cut_before_it_is_written_out() {
        let long = || Some("\u{1}".repeat(15_000_000));
        let size = || FieldSizePayload { field_name: long(), field_size: Some(1) };
        for code in [
            ErrorCode::InternalError(long()),
            ErrorCode::DnsError(DnsErrorPayload { rcode: long(), info_code: None }),
            ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload { alert_id: None, alert_message: long() }),
            ErrorCode::HttpRequestHeaderSize(Some(size())),
            ErrorCode::HttpRequestTrailerSize(size()),
            ErrorCode::HttpResponseHeaderSize(size()),
            ErrorCode::HttpResponseTrailerSize(size()),
            ErrorCode::HttpResponseTransferCoding(long()),
            ErrorCode::HttpResponseContentCoding(long()),
        ] {
            let told = given(code).to_string();
            assert!(told.len() < 2 * MAX_ERROR && told.contains(r"\u{1}"), "{} bytes", told.len());
        }
    }
}
