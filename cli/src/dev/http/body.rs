//! The bodies of our responses: whole, or in pieces as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bulkhead_host::text::printable;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

use super::budget::Charge;
use super::refusal::Refusal;

/// What is refused is read to this length all the same, and not kept: who is still writing does not read the answer.
const PATIENCE: usize = 64 * 1024 * 1024;

/// Nobody takes longer to send one.
const LONGEST: Duration = Duration::from_secs(60);

/// The whole body of a request, if it is no longer than this. It is charged for as it comes.
pub(in crate::dev) async fn read<B>(body: B, most: usize, charge: &mut Charge) -> Result<Bytes, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    tokio::time::timeout(LONGEST, whole(body, most, charge)).await.unwrap_or(Err(Refusal::CutOff))
}

async fn whole<B>(mut body: B, most: usize, charge: &mut Charge) -> Result<Bytes, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    // As long as it is said to be, so that what is charged is what is taken.
    let said = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    let room = said.filter(|length| *length <= most).unwrap_or(0);
    let mut charged = charge.reach(room);
    let (mut whole, mut length) = (BytesMut::with_capacity(charged.as_ref().map_or(0, |()| room)), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::CutOff)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > PATIENCE {
            break;
        }
        if length <= most && charged.is_ok() {
            whole.extend_from_slice(&data);
            charged = charge.reach(whole.capacity());
        } else {
            whole = BytesMut::new();
        }
    }
    if length > most {
        return Err(Refusal::TooLarge(most));
    }
    charged.map(|()| whole.freeze())
}

/// A body.
#[derive(Debug)]
pub(in crate::dev) enum Body {
    Whole(Full<Bytes>),
    Pieces(Receiver<Bytes>),
}

impl Body {
    pub(in crate::dev) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Full::new(bytes.into()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Pieces(pieces) => {
                pieces.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// A response of our own JSON, escaped so that it can be printed.
pub(in crate::dev) fn told(status: StatusCode, told: &impl Serialize) -> Response<Body> {
    // Text and numbers always serialise.
    let json = serde_json::to_string(told).unwrap_or_default();
    self::json(status, printable::json(&json).into_owned())
}

/// A response of JSON, as it is.
pub(in crate::dev) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response of text, for people.
pub(in crate::dev) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::http::budget::Budget;

    async fn of(length: usize, most: usize, budget: usize) -> Result<usize, Refusal> {
        let mut charge = Budget::new(budget).charge()?;
        let body = Full::new(Bytes::from(vec![0; length]));
        read(body, most, &mut charge).await.map(|whole| whole.len())
    }

    #[tokio::test]
    async fn a_body_is_read_to_its_limit_and_within_the_budget() {
        assert_eq!(of(100_000, 100_000, 100_000).await, Ok(100_000));
        assert_eq!(of(100_001, 100_000, 200_000).await, Err(Refusal::TooLarge(100_000)));
        assert_eq!(of(100_000, 100_000, 99_999).await, Err(Refusal::TooMany));
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_charged_for_all_that_it_takes() {
        let (sender, pieces) = tokio::sync::mpsc::channel(4);
        for _ in 0..3 {
            sender.send(Bytes::from(vec![0; 10_000])).await.unwrap();
        }
        drop(sender);
        let budget = Budget::new(25_000);
        let mut charge = budget.charge().unwrap();
        assert_eq!(read(Body::Pieces(pieces), 1_000_000, &mut charge).await, Err(Refusal::TooMany));
    }
}
