//! The body of a request: whole, or in pieces that are produced while it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::header::HeaderMap;
use tokio::sync::mpsc;

/// The body of a request.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// Complete. `None` after it was taken.
    Whole(Option<Bytes>),
    /// In pieces, with an explicit end: a channel that closes without one leaves an incomplete body.
    Streamed(mpsc::Receiver<Piece>),
    /// At its end.
    Ended,
}

/// A piece of a body that is produced while it is sent.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes.
    Data(Bytes),
    /// The end, with the trailers.
    End(Option<HeaderMap>),
}

/// A body without its end. The connection cannot be used again.
#[derive(Debug, thiserror::Error)]
#[error("the body is incomplete")]
pub(super) struct CutOff;

impl Body for Outgoing {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match &mut *self {
            Self::Whole(whole) => Poll::Ready(whole.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Ended => Poll::Ready(None),
            Self::Streamed(pieces) => pieces.poll_recv(context).map(|piece| match piece {
                Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Piece::End(trailers)) => {
                    *self = Self::Ended;
                    trailers.map(|trailers| Ok(Frame::trailers(trailers)))
                }
                None => Some(Err(CutOff)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.as_ref().is_none_or(Bytes::is_empty),
            Self::Ended => true,
            Self::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => {
                let length = whole.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Ended => SizeHint::with_exact(0),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_streamed_body_ends_where_it_is_told_to() {
        let (sender, pieces) = mpsc::channel(4);
        sender.send(Piece::Data(Bytes::from_static(b"one"))).await.unwrap();
        let trailers = HeaderMap::from_iter([(hyper::header::ETAG, "x".parse().unwrap())]);
        sender.send(Piece::End(Some(trailers.clone()))).await.unwrap();
        let collected = Outgoing::Streamed(pieces).collect().await.unwrap();
        assert_eq!(collected.trailers(), Some(&trailers));
        assert_eq!(collected.to_bytes(), "one");
    }

    #[tokio::test]
    async fn one_without_an_end_is_cut_off() {
        let (sender, pieces) = mpsc::channel(4);
        sender.send(Piece::Data(Bytes::from_static(b"one"))).await.unwrap();
        drop(sender);
        assert!(Outgoing::Streamed(pieces).collect().await.is_err());
    }

    #[tokio::test]
    async fn a_whole_one_has_a_length() {
        let body = Outgoing::Whole(Some(Bytes::from_static(b"whole")));
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "whole");
        assert!(Outgoing::Whole(Some(Bytes::new())).is_end_stream());
    }
}
