//! The bytes of a connection, beneath TLS and HTTP, where each of them is seen.
//!
//! Whatever goes over a connection counts against the event whose exchange it is: handshakes, heads, interim responses,
//! the framing of chunks, trailers. A connection that rests is nobody's, so a server that sends anything then loses it.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use wasmtime_wasi_http::Error;

use super::account::Account;

/// What an exchange reads in one turn; then the others have theirs. A server that sends what is costly to understand
/// takes as long for so much as a guest's turn on shared processors.
const TURN: usize = 16 * 1024;
/// What a read counts at least in its turn: one that brings a single byte is not free.
const LEAST: usize = 512;
/// So many reads of an exchange may bring less than that, one after the other.
const SMALL_READS: u32 = 32;
/// From then on each waits so long for more to come. A server that sends byte by byte would wake the host for each of them,
/// which no meter sees.
const PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    /// What is left of the turn of the task that this thread polls.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Begins the turn of a task that may read from connections.
pub(super) fn begin_turn() {
    LEFT.set(TURN);
}

/// The event that pays for a connection; none while it rests.
#[derive(Debug, Clone, Default)]
pub(super) struct Payer(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
struct Exchange {
    account: Option<Arc<Account>>,
    /// The last reads that brought little, one after the other.
    small_reads: u32,
}

impl Payer {
    /// From now on this event pays.
    pub(super) fn set(&self, account: Option<Arc<Account>>) {
        *self.lock() = Exchange { account, small_reads: 0 };
    }

    fn account(&self) -> Option<Arc<Account>> {
        self.lock().account.clone()
    }

    /// Notes how much a read brought, and says whether the next one waits.
    fn note(&self, read: usize) -> bool {
        let mut exchange = self.lock();
        exchange.small_reads = if read < LEAST { exchange.small_reads + 1 } else { 0 };
        exchange.small_reads > SMALL_READS
    }

    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A TCP connection whose bytes are counted.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Arc<TcpStream>,
    payer: Payer,
    /// What the next read waits for.
    pause: Option<Pin<Box<Sleep>>>,
}

/// A server sent something that nobody had asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server sent something while no request was under way")]
struct Unasked;

impl Wire {
    pub(super) fn new(stream: Arc<TcpStream>, payer: Payer) -> Self {
        Self { stream, payer, pause: None }
    }

    fn poll_bytes(&self, context: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(bytes) {
                // It looked ready, and was not.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }
}

/// Whether nothing has come on a connection that rests, neither a byte nor its end. The system is asked itself: what the
/// async runtime knows may be from before a freeze.
pub(super) fn is_quiet(stream: &TcpStream) -> bool {
    let mut byte = [0];
    let peeked = rustix::net::recv(stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
    matches!(peeked, Err(Errno::AGAIN | Errno::INTR))
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(account) = self.payer.account() else {
            let read = ready!(self.poll_bytes(context, &mut [0]))?;
            return Poll::Ready(if read == 0 { Ok(()) } else { Err(io::Error::other(Unasked)) });
        };
        let left = LEFT.get();
        if left == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        // One byte more than there may be shows that there is more, and no limit is reached by what just fits.
        let most = usize::try_from(account.bytes_left()).unwrap_or(usize::MAX).saturating_add(1);
        let most = buffer.remaining().min(left).min(most);
        let read = ready!(self.poll_bytes(context, buffer.initialize_unfilled_to(most)))?;
        LEFT.set(left.saturating_sub(read.max(LEAST)));
        if self.payer.note(read) {
            self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
        }
        let counted = account.count_received(read);
        counted.map_err(|_| too_much(Error::HttpResponseBodySize(account.byte_limit())))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(account) = self.payer.account() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let most = usize::try_from(account.bytes_left()).unwrap_or(usize::MAX).min(bytes.len());
        if most == 0 && !bytes.is_empty() {
            account.refuse_bytes();
            return Poll::Ready(Err(too_much(Error::HttpRequestBodySize(account.byte_limit()))));
        }
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_write(&bytes[..most]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(written) => {
                    account.count_sent(written);
                    return Poll::Ready(Ok(written));
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// It is closed when it is dropped, which is at once.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn too_much(error: Error) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests;
