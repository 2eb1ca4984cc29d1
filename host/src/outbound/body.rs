//! Bodies on their way, counted against what the event may send and receive.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, WasiBody};

use super::account::{Account, Underway};
use super::failure;

type Next = Poll<Option<Result<Frame<Bytes>, Error>>>;

/// The body of a request.
#[derive(Debug)]
pub(super) struct Sent {
    /// None once it has ended.
    body: Option<WasiBody>,
    account: Arc<Account>,
}

impl Sent {
    pub(super) fn new(body: WasiBody, account: Arc<Account>) -> Self {
        Self { body: Some(body), account }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Next {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if frame.is_none() {
            self.body = None;
        }
        // A body also ends when its sandbox goes. The server must not take what came till then for all of it.
        if self.account.is_closed() {
            return Poll::Ready(Some(Err(Error::HttpProtocolError)));
        }
        let sent = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        let frame = match self.account.count_sent(sent) {
            Ok(()) => frame,
            Err(_) => Some(Err(Error::HttpRequestBodySize(Some(self.account.policy.limits.outbound_bytes)))),
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(WasiBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(WasiBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let_go(body);
        }
    }
}

/// Takes the rest of a body that is not sent. Were it dropped, a guest that still writes it would see a broken
/// stream, and most of them would never ask what became of the request. It ends with the guest's own end of it, at the
/// latest when its sandbox goes.
pub(super) fn let_go(mut body: WasiBody) {
    if body.is_end_stream() {
        return;
    }
    // Where there is no runtime any more, there is no guest either.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
    }
}

/// The body of a response.
#[derive(Debug)]
pub(super) struct Received {
    /// None once it has failed, which closes the connection.
    body: Option<Incoming>,
    account: Arc<Account>,
    /// The longest wait for the next piece.
    patience: Duration,
    /// Runs while a piece is waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// None once all of it is here: what the guest does with it from then on is its own time.
    underway: Option<Underway>,
    /// While it is held, no other request of the tenant has its place.
    _turn: OwnedSemaphorePermit,
}

impl Received {
    pub(super) fn new(
        body: Incoming,
        account: Arc<Account>,
        patience: Duration,
        (underway, turn): (Underway, OwnedSemaphorePermit),
    ) -> Self {
        Self { body: Some(body), account, patience, timer: None, underway: Some(underway), _turn: turn }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Next {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(body).poll_frame(context) else {
            let patience = self.patience;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
            ready!(timer.as_mut().poll(context));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        self.timer = None;
        let Some(frame) = frame else { return Poll::Ready(None) };
        Poll::Ready(Some(frame.map_err(|error| failure::of(&error)).and_then(|frame| self.counted(frame))))
    }

    fn counted(&self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        let counted = self.account.count_received(frame.data_ref().map_or(0, Bytes::len));
        let limit = self.account.policy.limits.outbound_bytes;
        counted.map(|()| frame).map_err(|_| Error::HttpResponseBodySize(Some(limit)))
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Next {
        let frame = ready!(self.poll_piece(context));
        if matches!(frame, Some(Err(_))) {
            self.body = None;
        }
        if frame.is_none() || self.is_end_stream() {
            self.underway = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Incoming::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::sync::mpsc;

    use super::super::account::tests::log;
    use super::*;
    use crate::log::Scope;
    use crate::policy::Policy;

    fn sent(bytes: &'static [u8], limit: u64) -> Sent {
        let mut policy = Policy::default_for("hello");
        policy.limits.outbound_bytes = limit;
        let account = Account::new(Arc::new(policy), Scope::default(), log().0);
        Sent::new(Full::from(bytes).map_err(|never| match never {}).boxed_unsync(), Arc::new(account))
    }

    /// A body that comes piece by piece, as guests write it.
    struct Pieces(mpsc::Receiver<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Next {
            self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
        }
    }

    #[tokio::test]
    async fn what_is_sent_is_counted() {
        let body = sent(b"twelve bytes", 12);
        let account = Arc::clone(&body.account);
        assert_eq!(body.size_hint().exact(), Some(12));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "twelve bytes");
        assert_eq!(account.usage().bytes_out, 12);
    }

    #[tokio::test]
    async fn more_than_the_limit_is_not_sent() {
        let error = sent(b"twelve bytes", 11).collect().await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestBodySize(Some(11))));
    }

    #[tokio::test]
    async fn a_guest_can_go_on_writing_a_body_that_is_not_sent() {
        let (guest, pieces) = mpsc::channel(1);
        let mut sent = sent(b"", 100);
        sent.body = Some(Pieces(pieces).boxed_unsync());
        drop(sent);
        for _ in 0..10 {
            guest.send(Bytes::from_static(b"more")).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_body_whose_sandbox_is_gone_does_not_end_well() {
        let mut body = sent(b"", 100);
        body.account.close();
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
    }
}
