//! [`Body`]: a whole body, with the name and the variants that it has in `lambda_http`.

use std::borrow::Cow;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{FromBody, IncomingBody, IntoBody, OutgoingBody};
use crate::Error;

/// The whole body of a request or a response.
///
/// ```
/// use bulkhead::http::Body;
///
/// assert!(matches!(Body::from("text"), Body::Text(_)));
/// assert!(matches!(Body::from(vec![0xff]), Body::Binary(_)));
/// assert_eq!(&*Body::from(()), b"");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// No body.
    #[default]
    Empty,
    /// Text. The body of a request is text if it is UTF-8.
    Text(String),
    /// Anything else.
    Binary(Vec<u8>),
}

impl Body {
    /// Text if the bytes are UTF-8.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) if text.is_empty() => Self::Empty,
            Ok(text) => Self::Text(text),
            Err(error) => Self::Binary(error.into_bytes()),
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::Empty
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Cow<'static, str>> for Body {
    fn from(text: Cow<'static, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.to_vec())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes.into())
    }
}

impl FromBody for Body {
    fn from_body(body: IncomingBody) -> Result<Self, String> {
        Vec::from_body(body).map(Self::of_bytes)
    }
}

impl IntoBody for Body {
    fn into_body(self) -> Result<OutgoingBody, Error> {
        Ok(self.into_bytes().into())
    }
}

/// For services of axum and tower, which read the body of a request through this trait.
impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Error>>> {
        let bytes = std::mem::take(self.get_mut()).into_bytes();
        Poll::Ready((!bytes.is_empty()).then(|| Ok(http_body::Frame::data(bytes.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    #[test]
    fn a_body_is_text_where_it_can_be() {
        let read = |bytes: &[u8]| Body::from_body(bytes.to_vec().into()).unwrap();
        assert_eq!(read("\u{e4}".as_bytes()), Body::Text("ä".into()));
        assert_eq!(read(b"\xff"), Body::Binary(vec![0xff]));
        assert_eq!(read(b""), Body::Empty);
    }

    #[test]
    fn whatever_is_made_a_body_is_written_as_its_bytes() {
        for (body, bytes) in [
            (Body::from("a"), &b"a"[..]),
            (Body::from(String::from("a")), b"a"),
            (Body::from(Cow::Borrowed("a")), b"a"),
            (Body::from(&b"\xff"[..]), b"\xff"),
            (Body::from(Bytes::from_static(b"b")), b"b"),
            (Body::from(()), b""),
        ] {
            assert_eq!((&*body, body.as_ref().len()), (bytes, bytes.len()));
            assert_eq!(body.into_body().unwrap().into_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn a_service_reads_one_frame() {
        let mut body = Body::from("a");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(1), false));
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut frame = || match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.unwrap().into_data().unwrap()),
            Poll::Pending => panic!("it is there"),
        };
        assert_eq!(frame().unwrap(), "a");
        assert!(frame().is_none());
    }
}
