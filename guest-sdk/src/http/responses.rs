//! [`IntoResponse`]: what a service for [`run`](super::run) may return, with the name that the trait has in
//! `lambda_http`.

use std::future::{Future, poll_fn, ready};
use std::pin::Pin;

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{Response, StatusCode};
use bytes::Buf as _;

use super::Body;

/// The response, when it is made.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// What a service for [`run`](super::run) may return: a [`Response`] of any body of the `http-body` crate, such
/// as axum's; text, bytes or a `serde_json::Value` with or without a [`StatusCode`].
#[diagnostic::on_unimplemented(
    message = "a service cannot return `{Self}`",
    label = "not a response",
    note = "return a `bulkhead::http::Response` of a `bulkhead::http::Body`, text, bytes, a `serde_json::Value`, or a status code and one of these"
)]
pub trait IntoResponse {
    /// Makes the response.
    fn into_response(self) -> ResponseFuture;
}

impl<B> IntoResponse for Response<B>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<crate::Error>,
{
    fn into_response(self) -> ResponseFuture {
        let (head, body) = self.into_parts();
        Box::pin(async move {
            match collected(body).await {
                Ok(body) => Response::from_parts(head, body),
                Err(error) => broken(&error.into()),
            }
        })
    }
}

/// A response whose body is incomplete becomes status 500.
#[expect(clippy::print_stderr, reason = "stderr is the log")]
fn broken(error: &crate::Error) -> Response<Body> {
    eprintln!("the body of the response is incomplete: {error}");
    let mut response = Response::new(Body::from("Internal Server Error"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

async fn collected<B: http_body::Body>(body: B) -> Result<Body, B::Error> {
    let mut body = Box::pin(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        if let Ok(mut data) = frame?.into_data() {
            while data.has_remaining() {
                let piece = data.chunk();
                bytes.extend_from_slice(piece);
                let length = piece.len();
                data.advance(length);
            }
        }
    }
    Ok(Body::of_bytes(bytes))
}

fn whole(status: StatusCode, body: Body) -> ResponseFuture {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Box::pin(ready(response))
}

fn json(status: StatusCode, value: &serde_json::Value) -> ResponseFuture {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Box::pin(ready(response))
}

macro_rules! whole {
    ($($of:ty),*) => {$(
        impl IntoResponse for $of {
            fn into_response(self) -> ResponseFuture {
                whole(StatusCode::OK, self.into())
            }
        }

        impl IntoResponse for (StatusCode, $of) {
            fn into_response(self) -> ResponseFuture {
                whole(self.0, self.1.into())
            }
        }
    )*};
}
whole!(String, &str, Vec<u8>, &[u8]);

impl IntoResponse for serde_json::Value {
    fn into_response(self) -> ResponseFuture {
        json(StatusCode::OK, &self)
    }
}

impl IntoResponse for (StatusCode, serde_json::Value) {
    fn into_response(self) -> ResponseFuture {
        json(self.0, &self.1)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use super::*;
    use crate::executor::block_on;

    fn made(response: impl IntoResponse) -> (u16, String) {
        let response = block_on(response.into_response()).unwrap();
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
    }

    #[test]
    fn text_bytes_and_json_are_responses() {
        assert_eq!(made("a"), (200, "a".into()));
        assert_eq!(made(String::from("a")), (200, "a".into()));
        assert_eq!(made((StatusCode::CREATED, b"a".to_vec())), (201, "a".into()));
        assert_eq!(made(&b"a"[..]), (200, "a".into()));
        assert_eq!(made((StatusCode::CONFLICT, serde_json::json!([1]))), (409, "[1]".into()));
        let json = block_on(serde_json::json!({}).into_response()).unwrap();
        assert_eq!(json.headers()[CONTENT_TYPE], "application/json");
    }

    /// Ends with an error after one piece.
    struct Broken(bool);

    impl http_body::Body for Broken {
        type Data = bytes::Bytes;
        type Error = crate::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, crate::Error>>> {
            let piece = http_body::Frame::data(bytes::Bytes::from_static(b"a"));
            Poll::Ready(Some(if std::mem::replace(&mut self.0, true) {
                Err("no more".into())
            } else {
                Ok(piece)
            }))
        }
    }

    #[test]
    fn a_body_is_collected_and_one_that_breaks_off_is_an_error() {
        assert_eq!(made(Response::new(Body::from("whole"))), (200, "whole".into()));
        assert_eq!(made(Response::new(String::from("text"))), (200, "text".into()));
        assert_eq!(made(Response::new(Broken(false))), (500, "Internal Server Error".into()));
    }
}
