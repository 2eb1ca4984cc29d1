//! A response that is streamed (section 7 of `docs/runtime-api.md`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;

use super::{ApiError, ERROR_TYPE, InvocationId, Posted, RuntimeApi};
use crate::runtime_api::ErrorReport;

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");
/// The names of trailers have to be announced before the first byte (S7.1).
const TRAILERS: &str = "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body";
/// Readers treat trailers as headers, and few servers accept long ones.
const LONGEST_TRAILER: usize = 48 * 1024;

/// A piece of a body that is sent while it is written.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes.
    Data(Bytes),
    /// The end, with trailers. A body without it is incomplete.
    End(Option<HeaderMap>),
}

/// The target of a response's pieces.
#[derive(Debug)]
pub struct Sending(mpsc::Sender<Piece>);

/// The response that [`RuntimeApi::stream`] sends.
#[derive(Debug)]
pub struct Streamed(mpsc::Receiver<Piece>);

/// A streamed response: the ends for writing and for reading its pieces.
pub fn streamed() -> (Sending, Streamed) {
    // The sockets have buffers of their own.
    let (sender, pieces) = mpsc::channel(1);
    (Sending(sender), Streamed(pieces))
}

impl Sending {
    /// Sends a piece, when there is room for it. If nothing reads it, the request itself reports the reason.
    pub async fn data(&self, bytes: Bytes) -> bool {
        self.0.send(Piece::Data(bytes)).await.is_ok()
    }

    /// Ends the response, with an error in the trailers if there was one (S7.3).
    pub async fn end(self, failed: Option<&ErrorReport>) {
        // If nothing reads it, the request itself reports the reason.
        drop(self.0.send(Piece::End(failed.map(trailers))).await);
    }
}

fn trailers(report: &ErrorReport) -> HeaderMap {
    let mut body = report.body();
    if body.len() > LONGEST_TRAILER {
        body = report.shortest().body();
    }
    let mut trailers = HeaderMap::new();
    // Letters and a dot, and base64.
    if let Ok(error_type) = HeaderValue::from_str(report.header_type()) {
        trailers.insert(ERROR_TYPE, error_type);
    }
    if let Ok(body) = HeaderValue::try_from(BASE64_STANDARD.encode(body)) {
        trailers.insert(ERROR_BODY, body);
    }
    trailers
}

impl RuntimeApi {
    /// Posts a streamed response of an invocation. It is never retried: sent bytes are gone.
    ///
    /// # Errors
    /// When the API is gone, or the invocation is in a state that only a new process can leave.
    pub async fn stream(
        &mut self,
        id: &InvocationId,
        content_type: HeaderValue,
        Streamed(pieces): Streamed,
    ) -> Result<Posted, ApiError> {
        const CALL: &str = "POST /runtime/invocation/{id}/response (streamed)";
        let head = self
            .answer(id, "response")
            .with(RESPONSE_MODE, "streaming")
            .with("transfer-encoding", "chunked")
            .with("trailer", TRAILERS)
            .with_value("content-type", &content_type);
        let reply = self.connection.send_once(&head.end(), pieces).await;
        Self::judged(CALL, &reply.map_err(|source| ApiError::Connection { call: CALL, source })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s7_3_an_error_is_a_type_and_a_body_in_base64() {
        let trailers = trailers(&ErrorReport::new("Function.Panic", "🚢\r\nx: y".to_owned()));
        assert_eq!(trailers[ERROR_TYPE], "Function.Panic");
        let body = BASE64_STANDARD.decode(trailers[ERROR_BODY].as_bytes()).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&body["errorType"], &body["errorMessage"]),
            (&"Function.Panic".into(), &"🚢\r\nx: y".into())
        );
    }

    #[test]
    fn a_long_error_is_cut() {
        let trailers = trailers(&ErrorReport::new("Function.Panic", "\u{1}".repeat(20_000)));
        assert!(trailers[ERROR_BODY].len() < LONGEST_TRAILER, "{}", trailers[ERROR_BODY].len());
    }
}
