//! The answer to an event: a whole response, a stream, or an error.

use bytes::{Bytes, BytesMut};
use hyper::header::HeaderValue;
use serde_json::json;
use tokio::sync::mpsc;

/// The answer of a bootstrap.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The whole response.
    Whole(Bytes),
    /// The response as a stream.
    Streamed(Stream),
    /// The handler failed.
    Failed(Failure),
    /// The bootstrap could not start.
    NotStarted(Failure),
}

/// An error, as the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// JSON.
    pub(crate) body: Bytes,
    /// The type that the platform knows.
    pub(crate) error_type: String,
}

/// A response of which more pieces may come.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) content_type: Option<HeaderValue>,
    /// Ends with [`Piece::End`] or [`Piece::Failed`]; a channel that closes before was cut off.
    pub(crate) pieces: mpsc::Receiver<Piece>,
}

/// A piece of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Bytes),
    /// The handler failed, and no more pieces will come.
    Failed(Failure),
    End,
}

/// The answer for a caller that waits for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The response.
    Replied(Bytes),
    /// The error as JSON, and the type that the platform would know.
    Failed { body: Bytes, error_type: String },
    /// The bootstrap could not start; the error as JSON.
    NotStarted { body: Bytes, error_type: String },
}

impl Failure {
    /// An error of the platform itself.
    pub(crate) fn new(error_type: &str, message: &str) -> Self {
        let body = json!({ "errorType": error_type, "errorMessage": message }).to_string().into();
        Self { body, error_type: error_type.to_owned() }
    }

    /// The response exceeds Lambda's limit.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
        Self::new("Function.ResponseSizeTooLarge", &message)
    }
}

impl Stream {
    /// The next piece. A stream that was cut off ends with an error.
    pub(crate) async fn next(&mut self) -> Piece {
        let cut_off = || {
            Piece::Failed(Failure::new(
                "Runtime.TruncatedResponse",
                "the response ended before it was complete",
            ))
        };
        self.pieces.recv().await.unwrap_or_else(cut_off)
    }
}

impl Reply {
    /// Collects the pieces, as for a caller that does not read streams.
    pub(crate) async fn collect(self) -> Answer {
        let failed = |Failure { body, error_type }| Answer::Failed { body, error_type };
        match self {
            Self::Whole(body) => Answer::Replied(body),
            Self::Failed(failure) => failed(failure),
            Self::NotStarted(Failure { body, error_type }) => Answer::NotStarted { body, error_type },
            Self::Streamed(mut stream) => {
                let mut whole = BytesMut::new();
                loop {
                    match stream.next().await {
                        Piece::Data(data) => whole.extend_from_slice(&data),
                        Piece::Failed(failure) => return failed(failure),
                        Piece::End => return Answer::Replied(whole.freeze()),
                    }
                }
            }
        }
    }
}
