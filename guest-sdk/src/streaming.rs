//! Responses that are sent while they are made, with the names of `lambda_runtime::streaming`.
//!
//! ```no_run
//! use bulkhead::streaming::{Body, Response, channel};
//! use bulkhead::{Error, LambdaEvent, run, service_fn};
//!
//! async fn count(event: LambdaEvent<u32>) -> Result<Response<Body>, Error> {
//!     let (mut sender, body) = channel();
//!     tokio::spawn(async move {
//!         for number in 0..event.payload {
//!             sender.send_data(format!("{number}\n").into()).await?;
//!         }
//!         Ok::<_, Error>(())
//!     });
//!     Ok(Response::from(body))
//! }
//!
//! #[bulkhead::streaming::main]
//! async fn main() -> Result<(), Error> {
//!     run(service_fn(count)).await
//! }
//! ```
//!
//! Tasks need the feature `tokio` of the SDK.
//!
//! A [`streaming_handler`](macro@crate::streaming_handler) does the same with less. Under `#[bulkhead::main]`
//! the pieces are collected and sent as one response, without the status, the headers and the cookies of the
//! prelude.

mod channel;

use std::io::Write as _;

use ::http::{HeaderMap, StatusCode};

pub use bulkhead_sdk_macros::streaming_main as main;
pub use bytes::Bytes;
pub use channel::{Body, Sender, channel};

use crate::failure;
use crate::generated::Outcome;
use crate::response::Answer;
use crate::{Diagnostic, IntoResponse, ResponseStream};

/// A response whose body is sent while it is made.
#[derive(Debug)]
pub struct Response<S> {
    /// Status, headers and cookies, which are sent first.
    pub metadata_prelude: MetadataPrelude,
    /// The body.
    pub stream: S,
}

/// What is sent before the first byte. The default is a response that is not HTTP, with the content type
/// `application/octet-stream`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataPrelude {
    /// The status.
    pub status_code: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The cookies, each as the value of a `Set-Cookie` header.
    pub cookies: Vec<String>,
}

impl From<Body> for Response<Body> {
    fn from(stream: Body) -> Self {
        Self { metadata_prelude: MetadataPrelude::default(), stream }
    }
}

impl IntoResponse for Response<Body> {
    fn into_response(self) -> Result<Vec<u8>, Diagnostic> {
        Err("a streamed response is sent by `bulkhead::run`".into())
    }

    fn into_answer(self) -> Answer {
        Answer::Pieces(self)
    }
}

impl Response<Body> {
    /// Writes the pieces to the host's stream as they are made, or collects them if there is none.
    pub(crate) async fn send(mut self, stream: Option<ResponseStream>) -> Outcome {
        let Some(mut stream) = stream else {
            let mut whole = Vec::new();
            while let Some(piece) = self.stream.next().await.map_err(failure::from_diagnostic)? {
                whole.extend_from_slice(&piece);
            }
            return Ok(whole);
        };
        self.metadata_prelude.write_to(&mut stream).map_err(failure::from_diagnostic)?;
        while let Some(piece) = self.stream.next().await.map_err(failure::from_diagnostic)? {
            let written = stream.write_all(&piece).and_then(|()| stream.flush());
            written.map_err(failure::from_diagnostic)?;
        }
        Ok(Vec::new())
    }
}

impl MetadataPrelude {
    fn write_to(&self, stream: &mut ResponseStream) -> std::io::Result<()> {
        if *self == Self::default() {
            return Ok(());
        }
        stream.status(self.status_code.as_u16())?;
        for (name, value) in &self.headers {
            let value = value.to_str().map_err(|error| std::io::Error::other(format!("{name}: {error}")))?;
            stream.header(name.as_str(), value)?;
        }
        self.cookies.iter().try_for_each(|cookie| stream.cookie(cookie))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::block_on;

    fn response(pieces: &'static [&'static str]) -> Response<Body> {
        let (mut sender, body) = channel();
        for piece in pieces {
            sender.try_send_data(Bytes::from_static(piece.as_bytes())).unwrap();
        }
        Response::from(body)
    }

    #[test]
    fn pieces_are_written_after_the_prelude() {
        let (stream, written) = ResponseStream::in_memory();
        let mut response = response(&["one"]);
        response.metadata_prelude.status_code = StatusCode::CREATED;
        response.metadata_prelude.headers.insert("x-a", "b".parse().unwrap());
        response.metadata_prelude.cookies.push("c=d".to_owned());
        assert_eq!(block_on(response.send(Some(stream))).unwrap().unwrap(), b"");
        assert_eq!((written.body(), written.status()), (b"one".to_vec(), Some(201)));
    }

    #[test]
    fn without_a_stream_they_are_collected() {
        assert_eq!(block_on(response(&["one"]).send(None)).unwrap().unwrap(), b"one");
        let (stream, written) = ResponseStream::in_memory();
        block_on(response(&[]).send(Some(stream))).unwrap().unwrap();
        assert_eq!(written.content_type().as_deref(), Some("application/octet-stream"));
        assert!(response(&[]).into_response().is_err());
    }

    #[test]
    fn an_error_of_the_sender_is_one_of_the_handler() {
        let (mut sender, body) = channel();
        sender.send_error("it broke".into());
        let failure = block_on(Response::from(body).send(None)).unwrap().unwrap_err();
        assert_eq!(failure.error_message, "it broke");
    }
}
