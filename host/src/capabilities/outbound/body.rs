//! The bodies of requests and responses. Their bytes are counted on the [wire](super::wire), including
//! everything around them.

use std::future::poll_fn;
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
use super::kept::Copy;
use super::link::Link;

type Next = Poll<Option<Result<Frame<Bytes>, Error>>>;

/// The size of a body, with so many bytes before it.
pub(super) fn longer(mut hint: SizeHint, by: usize) -> SizeHint {
    let by = u64::try_from(by).unwrap_or(u64::MAX);
    if let Some(upper) = hint.upper() {
        hint.set_upper(upper.saturating_add(by));
    }
    hint.set_lower(hint.lower().saturating_add(by));
    hint
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct Sent {
    /// A piece that was received while waiting.
    first: Option<Bytes>,
    /// `None` after the end.
    body: Option<WasiBody>,
    account: Arc<Account>,
    /// The room that it takes if all of it was read.
    room: Vec<OwnedSemaphorePermit>,
    /// Where what is sent is kept as well.
    copy: Option<Copy>,
}

impl Sent {
    pub(super) fn new(body: WasiBody, account: Arc<Account>) -> Self {
        Self { first: None, body: Some(body), account, room: Vec::new(), copy: None }
    }

    /// A body that was kept.
    pub(super) fn again(body: Bytes, account: Arc<Account>) -> Self {
        let first = Some(body).filter(|body| !body.is_empty());
        Self { first, body: None, account, room: Vec::new(), copy: None }
    }

    /// Keeps what is sent.
    pub(super) fn copy_to(&mut self, copy: Copy) {
        self.copy = Some(copy);
    }

    /// Takes this room until it is sent, and is not kept any more.
    pub(super) fn occupy(&mut self, room: OwnedSemaphorePermit) {
        match &self.copy {
            Some(copy) => copy.occupy(room),
            None => self.room.push(room),
        }
    }

    /// Waits until it is known whether the body contains anything. The received piece is kept.
    pub(super) async fn is_empty(&mut self) -> Result<bool, Error> {
        while self.first.as_ref().is_none_or(Bytes::is_empty) {
            let Some(piece) = poll_fn(|context| self.poll_piece(context)).await else {
                // An empty piece may have come.
                self.first = None;
                return Ok(true);
            };
            self.first = piece?.into_data().ok();
        }
        Ok(false)
    }

    /// Reads the body to its end, and keeps it to be sent. `None` if it has more bytes than this.
    pub(super) async fn whole(&mut self, most: usize) -> Result<Option<Bytes>, Error> {
        let mut whole = Vec::new();
        let mut first = self.first.take();
        loop {
            let piece = match first.take() {
                Some(piece) => piece,
                None => match poll_fn(|context| self.poll_piece(context)).await {
                    Some(piece) => piece?.into_data().unwrap_or_default(),
                    None => break,
                },
            };
            if whole.len() + piece.len() > most {
                return Ok(None);
            }
            whole.extend_from_slice(&piece);
        }
        // It is counted by its length.
        whole.shrink_to_fit();
        let whole = Bytes::from(whole);
        if let Some(copy) = &self.copy {
            copy.whole(&whole);
        }
        self.first = Some(whole.clone()).filter(|whole| !whole.is_empty());
        Ok(Some(whole))
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Next {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if frame.is_none() {
            self.body = None;
            self.copy.iter().for_each(Copy::end);
        }
        // A body also ends when its sandbox ends. The server must not take the part so far for the whole.
        if self.account.is_closed() {
            return Poll::Ready(Some(Err(Error::HttpProtocolError)));
        }
        // Trailers would have to be announced before the body; without the error they would be lost silently.
        let trailers = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.trailers_ref());
        if trailers.is_some_and(|trailers| !trailers.is_empty()) {
            return Poll::Ready(Some(Err(Error::HttpRequestTrailerSectionSize(Some(0)))));
        }
        Poll::Ready(frame)
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Next {
        let piece = match self.first.take() {
            Some(first) => Some(Ok(Frame::data(first))),
            None => ready!(self.poll_piece(context)),
        };
        if let Some(copy) = &self.copy {
            let data = piece.as_ref().and_then(|piece| piece.as_ref().ok()?.data_ref());
            copy.piece(data.map_or(b"", |piece| piece));
            // Nobody may ask for what comes after the last piece.
            if self.is_end_stream() {
                copy.end();
            }
        }
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.as_ref().is_none_or(WasiBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), WasiBody::size_hint);
        longer(hint, self.first.as_ref().map_or(0, Bytes::len))
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let_go(body, &self.account);
        }
    }
}

/// Reads the rest of a body that is not sent. If the body were dropped, a guest that still writes it would
/// see a broken stream, and most guests would then never ask for the result of the request. This ends with
/// the guest's end of the body, at the latest with its event.
pub(super) fn let_go(mut body: WasiBody, account: &Arc<Account>) {
    if body.is_end_stream() || account.is_closed() {
        return;
    }
    // Without a runtime there is no guest either.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let account = Arc::clone(account);
        runtime.spawn(async move {
            let rest = async { while let Some(Ok(_)) = body.frame().await {} };
            account.charged(rest).await
        });
    }
}

/// The body of a response.
#[derive(Debug)]
pub(super) struct Received {
    /// What was read ahead.
    ahead: Bytes,
    /// What came after that and is not data.
    after: Option<Result<Frame<Bytes>, Error>>,
    /// `None` after a failure, which closes the connection.
    body: Option<Incoming>,
    /// The longest wait for the next piece.
    between_bytes: Duration,
    /// Runs while the body waits for a piece.
    timer: Option<Pin<Box<Sleep>>>,
    /// `None` after the last piece: the guest's use of it is its own time.
    underway: Option<Underway>,
}

impl Received {
    pub(super) fn new(body: Incoming, between_bytes: Duration) -> Self {
        Self {
            ahead: Bytes::new(),
            after: None,
            body: Some(body),
            between_bytes,
            timer: None,
            underway: None,
        }
    }

    /// The request is in flight until the last piece.
    pub(super) fn belongs_to(&mut self, underway: Underway) {
        self.underway = Some(underway);
    }

    /// Reads nothing more, and closes the connection.
    pub(super) fn end(&mut self) {
        self.ahead.clear();
        self.after = None;
        self.body = None;
        self.underway = None;
    }

    /// The beginning of the body, up to so many bytes or more, which is still to be read.
    pub(super) async fn beginning(&mut self, most: usize, link: &mut Link) -> &[u8] {
        let mut beginning = Vec::new();
        while beginning.len() < most {
            let piece = poll_fn(|context| {
                // Nothing else drives the connection yet.
                let _ = link.poll_gone(context);
                self.poll_piece(context)
            });
            let Some(piece) = piece.await else { break };
            match piece.as_ref().ok().and_then(Frame::data_ref) {
                Some(data) => beginning.extend_from_slice(data),
                None => {
                    self.after = Some(piece);
                    break;
                }
            }
        }
        self.ahead = beginning.into();
        &self.ahead
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Next {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(body).poll_frame(context) else {
            let between_bytes = self.between_bytes;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(between_bytes)));
            ready!(timer.as_mut().poll(context));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        self.timer = None;
        let Some(frame) = frame else { return Poll::Ready(None) };
        Poll::Ready(Some(frame.map_err(|error| failure::of(&error))))
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Next {
        let ahead = Some(std::mem::take(&mut self.ahead)).filter(|ahead| !ahead.is_empty());
        let frame = match ahead {
            Some(ahead) => Some(Ok(Frame::data(ahead))),
            None => match self.after.take() {
                Some(after) => Some(after),
                None => ready!(self.poll_piece(context)),
            },
        };
        if matches!(frame, Some(Err(_))) {
            self.body = None;
        }
        if frame.is_none() || self.is_end_stream() {
            self.underway = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty()
            && self.after.is_none()
            && self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        longer(self.body.as_ref().map(Incoming::size_hint).unwrap_or_default(), self.ahead.len())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tokio::sync::mpsc;

    use super::super::account::tests::account;
    use super::*;

    fn sent(bytes: &'static [u8]) -> Sent {
        let body = Full::from(bytes).map_err(|never| match never {}).boxed_unsync();
        Sent::new(body, Arc::new(account(|_| {}).0))
    }

    /// Whose pieces are these.
    fn of_pieces(pieces: impl IntoIterator<Item = Frame<Bytes>>) -> Sent {
        let (guest, receiver) = mpsc::channel(8);
        pieces.into_iter().for_each(|piece| guest.try_send(piece).unwrap());
        let mut sent = sent(b"");
        sent.body = Some(Pieces(receiver).boxed_unsync());
        sent
    }

    fn data(bytes: &'static str) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(bytes.as_bytes()))
    }

    /// A body that comes piece by piece, as guests write it.
    struct Pieces(mpsc::Receiver<Frame<Bytes>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Next {
            self.0.poll_recv(context).map(|piece| piece.map(Ok))
        }
    }

    #[tokio::test]
    async fn a_body_is_sent_as_it_is() {
        let body = sent(b"twelve bytes");
        assert_eq!(body.size_hint().exact(), Some(12));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "twelve bytes");
    }

    #[tokio::test]
    async fn looking_whether_there_is_something_in_a_body_takes_nothing_away() {
        let mut body = of_pieces([data(""), data("some"), data("thing")]);
        assert!(!body.is_empty().await.unwrap() && !body.is_end_stream());
        assert_eq!((body.size_hint().lower(), body.size_hint().upper()), (4, None));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "something");
        let mut nothing = of_pieces([data("")]);
        assert!(nothing.is_empty().await.unwrap() && nothing.is_end_stream());
        assert_eq!(nothing.size_hint().exact(), Some(0));
    }

    #[tokio::test]
    async fn trailers_are_refused_and_not_left_out() {
        let trailers = [("x-checksum".parse().unwrap(), "1".parse().unwrap())];
        let body = of_pieces([data("body"), Frame::trailers(trailers.into_iter().collect())]);
        let refused = body.collect().await.unwrap_err();
        assert!(matches!(refused, Error::HttpRequestTrailerSectionSize(Some(0))), "{refused:?}");
        let none = of_pieces([data("body"), Frame::trailers(hyper::HeaderMap::new())]);
        assert_eq!(none.collect().await.unwrap().to_bytes(), "body");
    }

    #[tokio::test]
    async fn a_guest_can_go_on_writing_a_body_that_is_not_sent() {
        let (guest, pieces) = mpsc::channel(1);
        let mut sent = sent(b"");
        sent.body = Some(Pieces(pieces).boxed_unsync());
        drop(sent);
        for _ in 0..10 {
            guest.send(data("more")).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_body_that_is_not_sent_ends_with_its_event() {
        let (guest, pieces) = mpsc::channel(1);
        let mut sent = sent(b"");
        let account = Arc::clone(&sent.account);
        sent.body = Some(Pieces(pieces).boxed_unsync());
        drop(sent);
        tokio::task::yield_now().await;
        account.close();
        guest.closed().await;
    }

    #[tokio::test]
    async fn a_body_whose_sandbox_is_gone_does_not_end_well() {
        let mut body = sent(b"");
        body.account.close();
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
    }
}
