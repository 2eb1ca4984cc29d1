//! The answer to an event: whole, as a stream, or an error.

use bytes::{Bytes, BytesMut};
use hyper::header::HeaderValue;
use serde_json::json;
use tokio::sync::mpsc;

/// What a bootstrap answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The response.
    Whole(Bytes),
    /// The response as it is made.
    Streamed(Stream),
    /// The handler failed.
    Failed(Failure),
    /// The bootstrap could not start.
    NotStarted(Failure),
}

/// An error, as its caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// JSON.
    pub(crate) body: Bytes,
    /// As the platform knows it.
    pub(crate) error_type: String,
}

/// A response of which there may be more.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) content_type: Option<HeaderValue>,
    /// Ends with [`Piece::End`] or [`Piece::Failed`]; without either it was cut off.
    pub(crate) pieces: mpsc::Receiver<Piece>,
}

/// A piece of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Bytes),
    /// There will be no more, because the handler failed.
    Failed(Failure),
    End,
}

/// What a caller gets that waits for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The response.
    Replied(Bytes),
    /// The error as JSON, and its type as the platform would know it.
    Failed { body: Bytes, error_type: String },
    /// The bootstrap could not start; the error as JSON.
    NotStarted { body: Bytes, error_type: String },
}

impl Failure {
    /// An error that the platform itself tells.
    pub(crate) fn new(error_type: &str, message: &str) -> Self {
        let body = json!({ "errorType": error_type, "errorMessage": message }).to_string().into();
        Self { body, error_type: error_type.to_owned() }
    }

    /// The response was more than Lambda takes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
        Self::new("Function.ResponseSizeTooLarge", &message)
    }
}

impl Stream {
    /// The next piece; the end of a stream that was cut off says so.
    pub(crate) async fn next(&mut self) -> Piece {
        let cut_off = || {
            Piece::Failed(Failure::new(
                "Runtime.TruncatedResponse",
                "the response was cut off before its end",
            ))
        };
        self.pieces.recv().await.unwrap_or_else(cut_off)
    }
}

impl Reply {
    /// All of it, as a caller gets it that does not read streams.
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
