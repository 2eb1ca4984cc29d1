//! The bodies of our responses: whole, or in pieces as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bulkhead_host::log::printable;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

use super::refusal::Refusal;

/// What is too large is read to this length all the same: who is still writing does not read the answer.
const PATIENCE: usize = 64 * 1024 * 1024;

/// The whole body of a request, if it is no longer than this.
pub(super) async fn read(mut body: Incoming, most: usize) -> Result<Bytes, Refusal> {
    let (mut whole, mut length) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::CutOff)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= most {
            whole.extend_from_slice(&data);
        } else if length > PATIENCE {
            break;
        }
    }
    if length > most { Err(Refusal::TooLarge(most)) } else { Ok(whole.freeze()) }
}

/// A body.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Full<Bytes>),
    Pieces(Receiver<Bytes>),
}

impl Body {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
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

/// A response of JSON that is ours, for whoever prints it.
pub(super) fn told(status: StatusCode, told: &impl Serialize) -> Response<Body> {
    // Text and numbers always serialise.
    let json = serde_json::to_string(told).unwrap_or_default();
    self::json(status, printable::json(&json).into_owned())
}

/// A response of JSON, as it is.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
