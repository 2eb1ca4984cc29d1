//! [`channel`]: a body, and the half that fills it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::Error;

/// How many pieces wait for the reader. A sender that is further ahead waits.
const ROOM: usize = 1;

#[derive(Default)]
struct Shared {
    pieces: VecDeque<Bytes>,
    error: Option<Error>,
    has_sender: bool,
    has_reader: bool,
    sender: Option<Waker>,
    reader: Option<Waker>,
}

/// Makes a body, and the sender that fills it piece by piece.
#[must_use]
pub fn channel() -> (Sender, Body) {
    let shared = Shared { has_sender: true, has_reader: true, ..Shared::default() };
    let shared = Arc::new(Mutex::new(shared));
    (Sender(Arc::clone(&shared)), Body(shared))
}

fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// Fills a [`Body`]. The body ends when it is dropped.
pub struct Sender(Arc<Mutex<Shared>>);

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// Sends a piece, and waits until there is room for it.
    ///
    /// # Errors
    /// If the body was dropped.
    pub async fn send_data(&mut self, chunk: Bytes) -> Result<(), Error> {
        poll_fn(|context| self.poll_ready(context)).await?;
        self.try_send_data(chunk).map_err(|_| closed())
    }

    /// Whether there is room for a piece.
    ///
    /// # Errors
    /// If the body was dropped.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut shared = locked(&self.0);
        if !shared.has_reader {
            return Poll::Ready(Err(closed()));
        }
        if shared.pieces.len() < ROOM {
            return Poll::Ready(Ok(()));
        }
        shared.sender = Some(context.waker().clone());
        Poll::Pending
    }

    /// Sends a piece if there is room for it.
    ///
    /// # Errors
    /// The piece, if there is none.
    pub fn try_send_data(&mut self, chunk: Bytes) -> Result<(), Bytes> {
        let mut shared = locked(&self.0);
        if !shared.has_reader || shared.pieces.len() >= ROOM {
            return Err(chunk);
        }
        shared.pieces.push_back(chunk);
        wake(&mut shared.reader);
        Ok(())
    }

    /// Ends the body with an error, which is the event's.
    pub fn send_error(&mut self, error: Error) {
        let mut shared = locked(&self.0);
        shared.error = Some(error);
        wake(&mut shared.reader);
    }

    /// Ends the body with an error, because it is incomplete.
    pub fn abort(mut self) {
        self.send_error("the response was aborted".into());
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut shared = locked(&self.0);
        shared.has_sender = false;
        wake(&mut shared.reader);
    }
}

fn closed() -> Error {
    "the caller no longer reads the response".into()
}

/// A body that is made piece by piece.
pub struct Body(Arc<Mutex<Shared>>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl Body {
    /// Makes a body, and the sender that fills it.
    #[must_use]
    pub fn channel() -> (Sender, Self) {
        channel()
    }

    /// A body without a byte.
    #[must_use]
    pub fn empty() -> Self {
        channel().1
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|context| {
            let mut shared = locked(&self.0);
            let piece = shared.pieces.pop_front();
            if piece.is_some() {
                wake(&mut shared.sender);
                return Poll::Ready(Ok(piece));
            }
            if let Some(error) = shared.error.take() {
                return Poll::Ready(Err(error));
            }
            if !shared.has_sender {
                return Poll::Ready(Ok(None));
            }
            shared.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        let (mut sender, body) = channel();
        // There is room for one.
        sender.try_send_data(bytes.into()).ok();
        body
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut shared = locked(&self.0);
        shared.has_reader = false;
        wake(&mut shared.sender);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;
    use crate::executor::block_on;

    #[test]
    fn a_sender_waits_for_its_reader_and_a_reader_for_its_sender() {
        let (mut sender, mut body) = channel();
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut reading = pin!(body.next());
            assert!(reading.as_mut().poll(&mut context).is_pending());
            sender.try_send_data("one".into()).unwrap();
            let Poll::Ready(Ok(Some(piece))) = reading.as_mut().poll(&mut context) else {
                panic!("there is one")
            };
            assert_eq!(piece, "one");
        }
        block_on(sender.send_data("two".into())).unwrap().unwrap();
        assert_eq!(sender.try_send_data("three".into()).unwrap_err(), "three");
        assert!(sender.poll_ready(&mut context).is_pending());
        drop(sender);
        assert_eq!(block_on(body.next()).unwrap().unwrap().unwrap(), "two");
        assert_eq!(block_on(body.next()).unwrap().unwrap(), None);
    }

    #[test]
    fn nobody_sends_to_a_body_that_is_gone() {
        let (mut sender, body) = channel();
        drop(body);
        let error = block_on(sender.send_data("a".into())).unwrap().unwrap_err();
        assert!(error.to_string().contains("no longer reads"), "{error}");
        let (sender, mut body) = Body::channel();
        sender.abort();
        assert!(block_on(body.next()).unwrap().unwrap_err().to_string().contains("aborted"));
    }

    #[test]
    fn a_body_may_be_whole_or_empty() {
        assert_eq!(block_on(Body::from("a").next()).unwrap().unwrap().unwrap(), "a");
        assert_eq!(block_on(Body::empty().next()).unwrap().unwrap(), None);
    }
}
