//! The bytes of a connection, below TLS and HTTP, where every byte is seen.
//!
//! Everything on a connection counts against the event of its exchange: handshakes, heads, interim responses,
//! chunk framing, trailers. An idle connection belongs to no event, so it is closed if a server sends
//! anything.

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

/// The most that an exchange reads in one turn, so that the others get theirs. For a server whose data is
/// expensive to parse, this much takes about as long as a guest's turn on shared processors.
const TURN: usize = 16 * 1024;
/// The minimum that a read counts in its turn: a read of a single byte is not free.
const LEAST: usize = 512;
/// The number of consecutive reads that may return less than that.
const SMALL_READS: u32 = 32;
/// After these, each read waits this long for more data. A server that sends byte by byte would otherwise
/// wake the host for each of them.
const PAUSE: Duration = Duration::from_millis(1);
/// The charge for a read that returns less than [`LEAST`]: the processor time that it takes to wake the thread that
/// waits for all sockets, and to find nothing to do on the others. No meter sees it. This is a measured average.
const WAKE_CHARGE: Duration = Duration::from_micros(8);

thread_local! {
    /// The rest of the turn of the task that this thread polls.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// Starts the turn of a task that may read from connections.
pub(super) fn begin_turn() {
    LEFT.set(TURN);
}

/// The event that is charged for a connection; `None` while it is idle.
#[derive(Debug, Clone, Default)]
pub(super) struct Payer(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
struct Exchange {
    account: Option<Arc<Account>>,
    /// The number of consecutive short reads.
    small_reads: u32,
}

impl Payer {
    /// This event is charged from now on.
    pub(super) fn set(&self, account: Option<Arc<Account>>) {
        *self.lock() = Exchange { account, small_reads: 0 };
    }

    fn account(&self) -> Option<Arc<Account>> {
        self.lock().account.clone()
    }

    /// Records the size of a read. Returns whether the next read waits.
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
    /// The next read waits for this.
    pause: Option<Pin<Box<Sleep>>>,
}

/// A server sent data that no request had asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server sent data while no request was in flight")]
struct Unasked;

impl Wire {
    pub(super) fn new(stream: Arc<TcpStream>, payer: Payer) -> Self {
        Self { stream, payer, pause: None }
    }

    fn poll_bytes(&self, context: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(bytes) {
                // The socket looked ready, but was not.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }
}

/// Whether nothing has arrived on an idle connection, neither data nor its end. This asks the operating
/// system: the async runtime's state may be from before a freeze.
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
        // One byte over the limit shows that there is more; data that just fits does not reach the limit.
        let most = usize::try_from(account.bytes_left()).unwrap_or(usize::MAX).saturating_add(1);
        let most = buffer.remaining().min(left).min(most);
        let read = ready!(self.poll_bytes(context, buffer.initialize_unfilled_to(most)))?;
        LEFT.set(left.saturating_sub(read.max(LEAST)));
        if read < LEAST {
            account.charge(WAKE_CHARGE);
        }
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

    /// The connection is closed when this is dropped, immediately.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn too_much(error: Error) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests;
