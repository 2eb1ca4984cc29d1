//! What is kept of a request with a credential until its response is there, so that it can be sent once more: its head, and its
//! body if it is small.
//!
//! Any request may be: with 401 or 403, a server says that it has not done what was asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::Request;
use hyper::body::Body as _;
use hyper::header::CONTENT_LENGTH;
use hyper::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;

use super::account::Account;
use super::body::Sent;

/// The largest body that is copied while it is sent. One that was read before that, to be signed, is kept as a whole.
const MAX_COPY: usize = 64 * 1024;

/// A request as the guest has made it.
#[derive(Debug)]
pub(super) struct Original {
    head: Parts,
    body: Copy,
}

/// The bytes of a body so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Copy(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    body: Kept,
    /// The room that a whole body takes.
    room: Vec<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum Kept {
    Part(Vec<u8>),
    Whole(Bytes),
    TooLarge,
}

impl Default for Kept {
    fn default() -> Self {
        Self::Part(Vec::new())
    }
}

impl Original {
    /// Keeps a request.
    pub(super) fn of(request: Request<Sent>) -> (Request<Sent>, Option<Self>) {
        let (head, mut body) = request.into_parts();
        let copy = Copy::default();
        if body.is_end_stream() {
            copy.end();
        }
        body.copy_to(copy.clone());
        (Request::from_parts(head.clone(), body), Some(Self { head, body: copy }))
    }

    /// Whether all of the body was sent. If its length is stated, nobody looks whether more comes.
    pub(super) fn is_whole(&self) -> bool {
        let stated = || self.head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        match &self.body.lock().body {
            Kept::Whole(_) => true,
            Kept::Part(part) => stated() == Some(part.len()),
            Kept::TooLarge => false,
        }
    }

    /// The request once more. `None` if its body is too large.
    pub(super) fn again(self, account: &Arc<Account>) -> Option<Request<Sent>> {
        let body = match std::mem::take(&mut *self.body.lock()).body {
            Kept::Whole(body) => body,
            Kept::Part(part) => part.into(),
            Kept::TooLarge => return None,
        };
        Some(Request::from_parts(self.head, Sent::again(body, Arc::clone(account))))
    }
}

impl Copy {
    /// A piece is sent.
    pub(super) fn piece(&self, piece: &[u8]) {
        let mut state = self.lock();
        if let Kept::Part(part) = &mut state.body {
            if part.len() + piece.len() > MAX_COPY {
                state.body = Kept::TooLarge;
            } else {
                part.extend_from_slice(piece);
            }
        }
    }

    /// The body is at its end.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        if let Kept::Part(part) = &mut state.body {
            state.body = Kept::Whole(std::mem::take(part).into());
        }
    }

    /// All of the body is there before it is sent.
    pub(super) fn whole(&self, body: &Bytes) {
        self.lock().body = Kept::Whole(body.clone());
    }

    /// Takes this room as long as the body is kept.
    pub(super) fn occupy(&self, room: OwnedSemaphorePermit) {
        self.lock().room.push(room);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};
    use wasmtime_wasi_http::WasiBody;

    use super::super::account::tests::account;
    use super::*;

    fn body(bytes: Vec<u8>) -> WasiBody {
        Full::<Bytes>::from(bytes).map_err(|never| match never {}).boxed_unsync()
    }

    /// What is kept after a body was sent, whose length is stated or not.
    async fn sent(bytes: Vec<u8>, is_stated: bool) -> (Original, Arc<Account>) {
        let account = Arc::new(account(|_| {}).0);
        let mut builder = Request::builder().method("DELETE").uri("/a?b").header("x-own", "1");
        if is_stated {
            builder = builder.header(CONTENT_LENGTH, bytes.len());
        }
        let request = builder.body(Sent::new(body(bytes), Arc::clone(&account))).unwrap();
        let (request, original) = Original::of(request);
        request.into_body().collect().await.unwrap();
        (original.unwrap(), account)
    }

    #[tokio::test]
    async fn a_small_request_is_the_same_once_more() {
        for length in [0, 1, MAX_COPY] {
            for is_stated in [true, false] {
                let (original, account) = sent(vec![b'x'; length], is_stated).await;
                assert!(original.is_whole(), "{length} {is_stated}");
                let again = original.again(&account).unwrap();
                assert_eq!((again.method().as_str(), again.uri().to_string().as_str()), ("DELETE", "/a?b"));
                assert_eq!(again.headers()["x-own"], "1");
                assert_eq!(again.into_body().collect().await.unwrap().to_bytes().len(), length);
            }
        }
    }

    #[tokio::test]
    async fn a_large_body_is_not_kept() {
        for is_stated in [true, false] {
            let (original, account) = sent(vec![b'x'; MAX_COPY + 1], is_stated).await;
            assert!(!original.is_whole() && original.again(&account).is_none(), "{is_stated}");
        }
    }

    #[tokio::test]
    async fn a_body_that_was_read_to_be_signed_is_kept_with_its_room() {
        let account = Arc::new(account(|_| {}).0);
        let request = Request::new(Sent::new(body(vec![b'x'; MAX_COPY + 1]), Arc::clone(&account)));
        let (mut request, original) = Original::of(request);
        let original = original.unwrap();
        let all = Arc::new(tokio::sync::Semaphore::new(2));
        request.body_mut().occupy(Arc::clone(&all).acquire_owned().await.unwrap());
        request.body_mut().whole(1 << 20).await.unwrap().unwrap();
        drop(request);
        assert!(original.is_whole() && all.available_permits() == 1);
        let again = original.again(&account).unwrap();
        assert_eq!(all.available_permits(), 2);
        assert_eq!(again.into_body().collect().await.unwrap().to_bytes().len(), MAX_COPY + 1);
    }

    /// A body that does not know that it is empty, as guests write it.
    struct Unknown;

    impl hyper::body::Body for Unknown {
        type Data = Bytes;
        type Error = wasmtime_wasi_http::Error;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Ready(None)
        }
    }

    #[tokio::test]
    async fn a_request_that_turns_out_to_have_no_body_is_whole() {
        let account = Arc::new(account(|_| {}).0);
        let request = Request::new(Sent::new(Unknown.boxed_unsync(), Arc::clone(&account)));
        let (mut request, original) = Original::of(request);
        let original = original.unwrap();
        assert!(!original.is_whole());
        assert!(request.body_mut().is_empty().await.unwrap());
        assert!(original.is_whole(), "nothing asks for its end again");
        assert!(original.again(&account).unwrap().body().is_end_stream());
    }

    #[tokio::test]
    async fn a_request_whose_body_is_not_at_its_end_is_not_whole() {
        let account = Arc::new(account(|_| {}).0);
        let request = Request::new(Sent::new(body(vec![b'x'; 9]), account));
        let (_request, original) = Original::of(request);
        assert!(!original.unwrap().is_whole());
    }
}
