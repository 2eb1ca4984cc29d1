//! The loop's side of a response that is sent while its handler still runs; the guest's side is
//! [`crate::capabilities::response_stream`].
//!
//! Handler and request take turns on the loop's task. The handler's time limit is always enforced, however
//! slowly the other side reads.

use std::pin::{Pin, pin};

use bytes::Bytes;
use hyper::header::HeaderValue;
use tokio::sync::mpsc;

use crate::capabilities::response_stream::{Head, Opened, ResponseChannel};
use crate::runtime_api::{Answer, ApiError, InvocationId, Posted, RuntimeApi, Sending, streamed};

/// The result of an event that may have had a stream.
#[derive(Debug)]
pub enum Delivery {
    /// It had no stream, or failed before the first byte. The answer is not posted yet.
    Unsent(Answer),
    /// It had a stream, and this is the API's reply at its end.
    Posted(Posted),
    /// The API disconnected, or replied, in mid-stream. The handler was stopped, and the event has no other
    /// answer (S7.13).
    Cut {
        /// A description of what happened.
        why: String,
        /// [Accepted](Posted::Accepted), or incomplete.
        posted: Posted,
    },
}

/// The head, the first bytes, and the rest.
struct Begun {
    head: Head,
    first: Option<Bytes>,
    rest: mpsc::Receiver<Bytes>,
    /// The response of a handler that has ended already.
    answer: Option<Answer>,
}

/// Has an event handled, and sends its response as it comes if it is streamed.
///
/// # Errors
/// If the API is gone before the stream has begun, or is in a state that only a new process can leave.
pub async fn stream_response(
    api: &mut RuntimeApi,
    id: &InvocationId,
    channel: &ResponseChannel,
    mut handled: Pin<&mut impl Future<Output = Answer>>,
) -> Result<Delivery, ApiError> {
    match begin(channel, handled.as_mut()).await {
        // Boxed, because most events have no stream.
        Ok(begun) => Box::pin(send(api, id, begun, channel, handled)).await,
        Err(answer) => Ok(Delivery::Unsent(answer)),
    }
}

/// Waits for the first byte of a stream, or for the end of the handler (S7.12).
///
/// # Errors
/// The answer of a handler that has ended without a byte.
async fn begin(
    channel: &ResponseChannel,
    mut handled: Pin<&mut impl Future<Output = Answer>>,
) -> Result<Begun, Answer> {
    let opened = tokio::select! {
        biased;
        answer = &mut handled => match channel.take() {
            Some(opened) => return ended(opened, answer),
            None => return Err(answer),
        },
        opened = channel.opened() => opened,
    };
    let Opened { head, mut pieces } = opened;
    tokio::select! {
        biased;
        answer = &mut handled => ended(Opened { head, pieces }, answer),
        first = pieces.recv() => Ok(Begun { head, first, rest: pieces, answer: None }),
    }
}

/// A handler that has ended while it wrote its first bytes, or before.
fn ended(Opened { head, mut pieces }: Opened, answer: Answer) -> Result<Begun, Answer> {
    let first = pieces.try_recv().ok();
    if first.is_none() && answer.is_err() {
        return Err(answer);
    }
    Ok(Begun { head, first, rest: pieces, answer: Some(answer) })
}

/// Sends the pieces, up to the end of the handler and of its bytes.
async fn send(
    api: &mut RuntimeApi,
    id: &InvocationId,
    begun: Begun,
    channel: &ResponseChannel,
    mut handled: Pin<&mut impl Future<Output = Answer>>,
) -> Result<Delivery, ApiError> {
    let Begun { head, first, rest, mut answer } = begun;
    let (sending, body) = streamed();
    let content_type: HeaderValue = head.content_type;
    let mut posted = pin!(api.stream(id, content_type, body));
    let early = {
        let mut pumped = pin!(pump(&sending, head.prelude.into_iter().chain(first), rest));
        let mut is_sent = false;
        loop {
            tokio::select! {
                biased;
                ended = &mut handled, if answer.is_none() => answer = Some(ended),
                early = &mut posted => break Some(early),
                () = &mut pumped, if !is_sent => is_sent = true,
            }
            if is_sent && answer.is_some() {
                break None;
            }
        }
    };
    if let Some(early) = early {
        channel.cut();
        if answer.is_none() {
            // The handler is being stopped, and its result is in the log.
            drop(handled.await);
        }
        return cut(early);
    }
    let failed = answer.and_then(Result::err);
    let (_, posted) = tokio::join!(sending.end(failed.as_ref()), posted);
    posted.map(Delivery::Posted).or_else(|error| cut(Err(error)))
}

/// Passes on all bytes, until there are no more or they are no longer accepted.
async fn pump(sending: &Sending, first: impl Iterator<Item = Bytes>, mut rest: mpsc::Receiver<Bytes>) {
    for piece in first {
        if !sending.data(piece).await {
            return;
        }
    }
    while let Some(piece) = rest.recv().await {
        if !sending.data(piece).await {
            return;
        }
    }
}

/// The remaining bytes of an event whose response was not accepted to its end.
fn cut(early: Result<Posted, ApiError>) -> Result<Delivery, ApiError> {
    let (why, posted) = match early {
        Ok(posted @ Posted::Accepted) => {
            ("the Runtime API accepted the response before its end".to_owned(), posted)
        }
        Ok(Posted::Refused { status, reason }) => {
            (format!("the Runtime API refused the response: {status}: {reason}"), Posted::Incomplete)
        }
        Ok(posted @ Posted::Incomplete) => ("a part of the response is missing".to_owned(), posted),
        Err(error @ ApiError::Connection { .. }) => (crate::log::chain(&error), Posted::Incomplete),
        Err(error) => return Err(error),
    };
    Ok(Delivery::Cut { why, posted })
}
