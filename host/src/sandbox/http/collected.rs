//! A response that is sent as a whole: collected while its service runs.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::Body;
use hyper::Response;
use hyper::http::response::Parts;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use super::service_error::{ServiceError, given};
use crate::capabilities::limits::Exceeded;
use crate::http_event::has_body;
use crate::policy::Limit;

/// The source of the response, or the error that was set in its place.
pub(super) type Receiver = oneshot::Receiver<Result<Response<WasiBody>, ErrorCode>>;

/// A response on its way out of a service.
pub(super) struct Receiving {
    state: Receives,
    /// Whether the request's method is HEAD.
    is_head: bool,
    head: Option<Parts>,
    collected: Vec<u8>,
    limit: usize,
}

enum Receives {
    Head(Receiver),
    Body(WasiBody),
    Ended(Result<(), ServiceError>),
}

impl Receiving {
    pub(super) fn new(receiver: Receiver, is_head: bool, limit: usize) -> Self {
        Self { state: Receives::Head(receiver), is_head, head: None, collected: Vec::new(), limit }
    }

    /// Takes a piece of the body, if the response has one.
    fn collect(&mut self, piece: &[u8]) -> Result<(), Exceeded> {
        if !self.head.as_ref().is_some_and(|head| has_body(self.is_head, head.status)) {
            return Ok(());
        }
        if piece.len() > self.limit.saturating_sub(self.collected.len()) {
            let allowed = u64::try_from(self.limit).unwrap_or(u64::MAX);
            return Err(Exceeded { limit: Limit::Response, allowed });
        }
        self.collected.extend_from_slice(piece);
        Ok(())
    }

    /// Receives everything that comes. It may be cancelled and called again.
    ///
    /// # Errors
    /// If there is too much of it.
    pub(super) async fn rest(&mut self) -> Result<(), Exceeded> {
        // Tokio would sometimes make it wait although there is something to receive, which would look like
        // the end.
        tokio::task::unconstrained(std::future::poll_fn(|context| self.poll(context))).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Exceeded>> {
        loop {
            match &mut self.state {
                Receives::Head(receiver) => match ready!(Pin::new(receiver).poll(context)) {
                    Ok(Ok(response)) => {
                        let (head, body) = response.into_parts();
                        self.head = Some(head);
                        self.state = Receives::Body(body);
                    }
                    Ok(Err(code)) => self.state = Receives::Ended(Err(given(code))),
                    Err(_) => self.state = Receives::Ended(Err(ServiceError::NoResponse)),
                },
                Receives::Body(body) => match ready!(Pin::new(body).poll_frame(context)) {
                    // No sender of events supports trailers.
                    Some(Ok(frame)) => {
                        let piece = frame.into_data().unwrap_or_default();
                        if let Err(exceeded) = self.collect(&piece) {
                            return Poll::Ready(Err(exceeded));
                        }
                    }
                    Some(Err(_)) => self.state = Receives::Ended(Err(ServiceError::BodyUnfinished)),
                    None => self.state = Receives::Ended(Ok(())),
                },
                Receives::Ended(_) => return Poll::Ready(Ok(())),
            }
        }
    }

    /// The response, if it is complete.
    pub(super) fn finish(self) -> Result<(Parts, Vec<u8>), ServiceError> {
        match self.state {
            Receives::Head(_) => return Err(ServiceError::NoResponse),
            Receives::Body(_) => return Err(ServiceError::BodyUnfinished),
            Receives::Ended(ended) => ended?,
        }
        let head = self.head.ok_or(ServiceError::NoResponse)?;
        Ok((head, self.collected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use hyper::StatusCode;
    use hyper::header::HeaderMap;
    use wasmtime_wasi_http::Error;

    use http_body::Frame;
    use tokio::sync::mpsc;

    /// A body that comes piece by piece, as services write it.
    struct Pieces(mpsc::UnboundedReceiver<Result<Frame<Bytes>, Error>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            self.0.poll_recv(context)
        }
    }

    type Writer = mpsc::UnboundedSender<Result<Frame<Bytes>, Error>>;

    /// A service that has set its response, and what it writes the body with.
    fn responded(limit: usize) -> (Receiving, Writer) {
        responded_to(false, 201, limit)
    }

    fn responded_to(is_head: bool, status: u16, limit: usize) -> (Receiving, Writer) {
        let (sender, receiver) = oneshot::channel();
        let (writer, pieces) = mpsc::unbounded_channel();
        let body = Pieces(pieces).boxed_unsync();
        sender.send(Ok(Response::builder().status(status).body(body).unwrap())).unwrap();
        (Receiving::new(receiver, is_head, limit), writer)
    }

    fn piece(bytes: &'static [u8]) -> Result<Frame<Bytes>, Error> {
        Ok(Frame::data(Bytes::from_static(bytes)))
    }

    fn why(receiving: Receiving) -> String {
        receiving.finish().unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_body_is_collected_however_often_that_is_interrupted() {
        let (mut receiving, writer) = responded(10_000);
        for _ in 0..1000 {
            writer.send(piece(b"piece")).unwrap();
            tokio::select! {
                biased;
                ended = receiving.rest() => panic!("{ended:?}"),
                () = std::future::ready(()) => {}
            }
        }
        writer.send(Ok(Frame::trailers(HeaderMap::new()))).unwrap();
        drop(writer);
        receiving.rest().await.unwrap();
        let (head, body) = receiving.finish().unwrap();
        assert_eq!((head.status, body.len()), (StatusCode::CREATED, 5000));
    }

    #[tokio::test]
    async fn what_was_written_before_the_return_is_taken_at_once() {
        let (mut receiving, writer) = responded(usize::MAX);
        for _ in 0..1000 {
            writer.send(piece(b"piece")).unwrap();
        }
        drop(writer);
        tokio::select! {
            biased;
            ended = receiving.rest() => ended.unwrap(),
            () = std::future::ready(()) => panic!("it waits, although all of it is there"),
        }
        assert_eq!(receiving.finish().unwrap().1.len(), 5000);
    }

    #[tokio::test]
    async fn a_body_may_be_as_long_as_a_response_and_no_longer() {
        let (mut receiving, writer) = responded(10);
        writer.send(piece(b"piece")).unwrap();
        writer.send(piece(b"piece")).unwrap();
        writer.send(piece(b"!")).unwrap();
        let exceeded = receiving.rest().await.unwrap_err();
        assert_eq!((exceeded.limit, exceeded.allowed), (Limit::Response, 10));
    }

    #[tokio::test]
    async fn a_response_that_has_no_body_is_sent_without_what_was_written() {
        for (is_head, status) in [(true, 200), (false, 304), (false, 204)] {
            let (mut receiving, writer) = responded_to(is_head, status, 3);
            writer.send(piece(b"piece")).unwrap();
            drop(writer);
            receiving.rest().await.unwrap();
            let (head, body) = receiving.finish().unwrap();
            assert_eq!((head.status.as_u16(), body.len()), (status, 0));
        }
    }

    #[tokio::test]
    async fn each_way_not_to_respond_has_its_text() {
        let (sender, receiver) = oneshot::channel();
        assert!(why(Receiving::new(receiver, false, 0)).contains("without a response"), "it was kept");
        drop(sender);
        let (sender, receiver) = oneshot::channel();
        sender.send(Err(ErrorCode::LoopDetected)).unwrap();
        let mut receiving = Receiving::new(receiver, false, 0);
        receiving.rest().await.unwrap();
        assert!(why(receiving).ends_with("ErrorCode::LoopDetected"));
        let (mut receiving, writer) = responded(10);
        writer.send(Err(Error::HttpProtocolError)).unwrap();
        receiving.rest().await.unwrap();
        assert!(why(receiving).contains("did not finish the body"));
    }

    #[tokio::test]
    async fn a_body_that_is_kept_open_is_not_finished() {
        let (mut receiving, writer) = responded(10);
        writer.send(piece(b"piece")).unwrap();
        tokio::select! {
            biased;
            ended = receiving.rest() => panic!("{ended:?}"),
            () = std::future::ready(()) => {}
        }
        assert!(why(receiving).contains("did not finish the body"));
    }
}
