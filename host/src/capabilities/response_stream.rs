//! The guest's side of a response that is streamed while its guest still runs.
//!
//! The guest writes into a channel that holds almost nothing, so it can be no faster than the reader at the
//! other end, which is [`mod@crate::event_loop::stream_response`].

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

pub use head::{Head, HeadError};

use crate::capabilities::limits::Exceeded;
use crate::policy::Limit;

mod guest;
mod head;

pub(crate) use guest::{View, add_to_linker};

/// The most that a guest may write in one call.
const PERMIT: usize = 64 * 1024;

/// The number of such pieces in flight.
const PIECES: usize = 2;

/// Through this channel a loop gets the stream that answers the event in flight. Each loop has one.
#[derive(Debug, Clone, Default)]
pub struct ResponseChannel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    opened: Mutex<Option<Opened>>,
    has_opened: Notify,
    is_cut: AtomicBool,
    cut: Notify,
}

/// An open response.
#[derive(Debug)]
pub struct Opened {
    /// The head, which is sent before the first byte.
    pub head: Head,
    /// The bytes that the guest writes. No more come once its event has ended.
    pub pieces: mpsc::Receiver<Bytes>,
}

impl ResponseChannel {
    /// Forgets the last event.
    pub fn begin(&self) {
        self.0.is_cut.store(false, Ordering::Release);
        *lock(&self.0.opened) = None;
    }

    /// The response, once it is opened.
    pub async fn opened(&self) -> Opened {
        loop {
            let notified = self.0.has_opened.notified();
            if let Some(opened) = self.take() {
                return opened;
            }
            notified.await;
        }
    }

    /// The response, if it was opened meanwhile.
    pub fn take(&self) -> Option<Opened> {
        lock(&self.0.opened).take()
    }

    /// The response is no longer read.
    pub fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Release);
        self.0.cut.notify_waiters();
    }

    /// Whether the response is no longer read.
    pub fn is_cut(&self) -> bool {
        self.0.is_cut.load(Ordering::Acquire)
    }

    /// Waits until the response is no longer read.
    pub async fn wait_cut(&self) {
        let notified = self.0.cut.notified();
        if !self.is_cut() {
            notified.await;
        }
    }
}

/// The response of one sandbox, if its event may have a stream.
#[derive(Debug, Clone, Default)]
pub struct Response(Option<Arc<Written>>);

/// Writes the response. All writers share one count.
#[derive(Debug, Clone)]
pub(crate) struct Writer(Arc<Written>);

#[derive(Debug)]
struct Written {
    channel: ResponseChannel,
    limit: usize,
    was_opened: AtomicBool,
    /// `None` before the response is opened, and after the event has ended.
    pieces: Mutex<Option<mpsc::Sender<Bytes>>>,
    sent: AtomicUsize,
}

/// The reason why a response is not opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// It is open already.
    #[error("the response is open already")]
    Opened,
    /// The event is part of a batch.
    #[error("the event is part of a batch whose responses are combined, so it has no stream of its own")]
    Unsupported,
}

impl Response {
    /// Sets the event, and its limit in bytes.
    pub fn begin(&mut self, channel: Option<ResponseChannel>, limit: usize) {
        self.0 = channel.map(|channel| {
            let (pieces, sent) = (Mutex::default(), AtomicUsize::new(0));
            Arc::new(Written { channel, limit, was_opened: AtomicBool::new(false), pieces, sent })
        });
    }

    /// Opens the response. From now on the guest's bytes are sent.
    ///
    /// # Errors
    /// If it is open already, or cannot be streamed.
    pub(crate) fn open(&self, head: Head) -> Result<Writer, OpenError> {
        let written = self.0.as_ref().ok_or(OpenError::Unsupported)?;
        if written.was_opened.swap(true, Ordering::Relaxed) {
            return Err(OpenError::Opened);
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        *lock(&written.pieces) = Some(sender);
        let shared = &written.channel.0;
        *lock(&shared.opened) = Some(Opened { head, pieces });
        shared.has_opened.notify_one();
        Ok(Writer(Arc::clone(written)))
    }

    /// Whether it was opened.
    pub(crate) fn is_open(&self) -> bool {
        self.0.as_ref().is_some_and(|written| written.was_opened.load(Ordering::Relaxed))
    }

    /// Ends the event: nothing more can be written. Returns the number of bytes written.
    pub fn end(&mut self) -> usize {
        let Some(written) = self.0.take() else { return 0 };
        lock(&written.pieces).take();
        written.sent.load(Ordering::Relaxed)
    }
}

impl Writer {
    /// Passes bytes on, and waits until there is room for them. `false` if they are no longer read.
    ///
    /// # Errors
    /// If they exceed the limit of the response.
    pub(crate) async fn send(&self, bytes: Bytes) -> Result<bool, Exceeded> {
        self.count(bytes.len())?;
        let sender = lock(&self.0.pieces).clone();
        match sender {
            Some(sender) => Ok(sender.send(bytes).await.is_ok()),
            None => Ok(false),
        }
    }

    fn count(&self, length: usize) -> Result<(), Exceeded> {
        let limit = self.0.limit;
        let sent = self.0.sent.load(Ordering::Relaxed);
        if length > limit.saturating_sub(sent) {
            let allowed = u64::try_from(limit).unwrap_or(u64::MAX);
            return Err(Exceeded { limit: Limit::StreamedResponse, allowed });
        }
        self.0.sent.store(sent + length, Ordering::Relaxed);
        Ok(())
    }

    fn sender(&self) -> StreamResult<mpsc::Sender<Bytes>> {
        lock(&self.0.pieces).clone().ok_or(StreamError::Closed)
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        if let Ok(sender) = self.sender() {
            // The guest asks again, and gets the result then.
            let _ = sender.reserve().await;
        }
    }
}

impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.count(bytes.len()).map_err(|exceeded| StreamError::Trap(exceeded.into()))?;
        self.sender()?.try_send(bytes).map_err(|error| match error {
            mpsc::error::TrySendError::Closed(_) => StreamError::Closed,
            mpsc::error::TrySendError::Full(_) => {
                StreamError::Trap(wasmtime::format_err!("written without leave of `check-write`"))
            }
        })
    }

    /// Written bytes are in flight at once.
    fn flush(&mut self) -> StreamResult<()> {
        self.sender().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match self.sender()?.try_reserve() {
            Ok(_) => Ok(PERMIT),
            Err(mpsc::error::TrySendError::Full(())) => Ok(0),
            Err(mpsc::error::TrySendError::Closed(())) => Err(StreamError::Closed),
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Head {
        Head::plain("text/plain").unwrap()
    }

    fn open(limit: usize) -> (ResponseChannel, Response, Writer) {
        let channel = ResponseChannel::default();
        let mut response = Response::default();
        response.begin(Some(channel.clone()), limit);
        let writer = response.open(plain()).unwrap();
        (channel, response, writer)
    }

    #[tokio::test]
    async fn what_is_written_comes_out_and_ends_with_the_event() {
        let (channel, mut response, mut writer) = open(100);
        let Opened { head, mut pieces } = channel.opened().await;
        assert_eq!(head, plain());
        writer.write(Bytes::from_static(b"one")).unwrap();
        assert!(writer.send(Bytes::from_static(b"two")).await.unwrap());
        assert_eq!(response.end(), 6);
        assert_eq!(
            (pieces.recv().await.unwrap(), pieces.recv().await.unwrap()),
            ("one".into(), "two".into())
        );
        assert_eq!(pieces.recv().await, None);
        assert!(matches!(writer.write(Bytes::from_static(b"late")), Err(StreamError::Closed)));
    }

    #[tokio::test]
    async fn a_guest_goes_no_faster_than_its_reader() {
        let (channel, _response, mut writer) = open(usize::MAX);
        let mut pieces = channel.take().unwrap().pieces;
        for _ in 0..PIECES {
            assert_eq!(writer.check_write().unwrap(), PERMIT);
            writer.write(Bytes::from_static(b"piece")).unwrap();
        }
        assert_eq!(writer.check_write().unwrap(), 0);
        assert!(matches!(writer.write(Bytes::from_static(b"piece")), Err(StreamError::Trap(_))));
        pieces.recv().await.unwrap();
        writer.ready().await;
        assert_eq!(writer.check_write().unwrap(), PERMIT);
    }

    #[tokio::test]
    async fn s7_10_a_stream_has_a_limit_of_its_own() {
        let (_outlet, _response, mut writer) = open(5);
        writer.write(Bytes::from_static(b"four")).unwrap();
        let Err(StreamError::Trap(error)) = writer.write(Bytes::from_static(b"56")) else {
            panic!("there was room for more")
        };
        let exceeded: &Exceeded = error.downcast_ref().unwrap();
        assert_eq!((exceeded.limit, exceeded.allowed), (Limit::StreamedResponse, 5));
    }

    #[tokio::test]
    async fn a_response_is_opened_once_and_only_where_there_is_a_way_out() {
        let (channel, mut response, _writer) = open(5);
        assert_eq!(response.open(plain()).unwrap_err(), OpenError::Opened);
        response.begin(None, 5);
        assert_eq!(response.open(plain()).unwrap_err(), OpenError::Unsupported);
        channel.begin();
        assert!(channel.take().is_none(), "what the event before had opened is nobody's");
    }

    #[tokio::test]
    async fn who_reads_no_more_says_so() {
        let (channel, _response, mut writer) = open(5);
        drop(channel.take());
        channel.cut();
        channel.wait_cut().await;
        assert!(matches!(writer.check_write(), Err(StreamError::Closed)));
        assert!(!writer.send(Bytes::from_static(b"x")).await.unwrap());
        channel.begin();
        assert!(!channel.is_cut());
    }
}
