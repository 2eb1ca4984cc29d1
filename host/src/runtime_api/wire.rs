//! One connection to the Runtime API, as bytes: it writes requests and reads replies.
//!
//! A server may reply before it has read the whole request. So bytes are read while a request waits to be
//! written. If the server has rejected the request, for example with status 413, the rest is not sent. If it has
//! accepted the request, the rest is sent all the same. A streamed body ends with any final reply.

use std::io::{self, IoSlice};

use bytes::{Bytes, BytesMut};
use hyper::header::HeaderMap;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::connection::ConnectionError;
use super::reply::{MAX_BODY, Reply, check_body};
use super::request::Request;
use super::streamed::Piece;
use crate::http1::reply::{self, Body, Head, Line};

/// The size of a read when the number of bytes that follow is not known.
const READ: usize = 8 * 1024;
/// The buffer is not kept after a body that is larger than this.
const KEPT: usize = 256 * 1024;

/// An open connection, with the bytes that were received and not yet read.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    received: BytesMut,
    /// The number of received bytes that were already searched for the end of a head.
    searched: usize,
    /// Whether another request may be sent after this one.
    is_reusable: bool,
    /// Whether the buffer held a body that is larger than [`KEPT`].
    keeps_much: bool,
    /// Whether the server has accepted the request before its end.
    is_accepted: bool,
    /// Whether a second request was sent whose reply is not read yet.
    has_second: bool,
}

/// How much of a request was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// All of it, or all of this piece.
    Whole,
    /// Only a part, because the head of the reply has arrived.
    Answered,
}

impl Wire {
    pub(super) async fn connect(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        // Requests are written in one piece, so waiting for more data would only delay them.
        stream.set_nodelay(true)?;
        let received = BytesMut::new();
        Ok(Self {
            stream,
            received,
            searched: 0,
            is_reusable: true,
            is_accepted: false,
            keeps_much: false,
            has_second: false,
        })
    }

    /// Whether another request can be sent: no reply is missing, no bytes are left over from the last one, and the
    /// connection is not known to be closed.
    pub(super) fn is_usable(&mut self) -> bool {
        let may_read = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        let is_idle = !self.has_second && self.received.is_empty();
        self.is_reusable && is_idle && self.stream.try_read(&mut [0]).is_err_and(may_read)
    }

    /// Whether the server has closed the connection. Unlike [`Self::is_usable`], this asks the operating
    /// system.
    pub(super) fn was_closed(&self) -> bool {
        let found = recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        // A server that sends something without a request is about to close the connection.
        found.err() != Some(Errno::AGAIN)
    }

    /// Sends a request, and a second one in the same write.
    pub(super) async fn send(
        &mut self,
        request: &Request,
        second: Option<&Request>,
    ) -> Result<(), ConnectionError> {
        self.begin();
        let second = second.map_or(&[][..], |second| &second.head);
        let parts = &mut [&request.head, &*request.body, second].map(IoSlice::new);
        let written = self.write(parts).await?;
        self.has_second = !second.is_empty() && written == Written::Whole;
        Ok(())
    }

    /// Whether the server will reply to the second request that was sent with the last one.
    pub(super) fn has_second(&self) -> bool {
        self.has_second && self.is_reusable
    }

    /// Whether the server will reply to the second request. If so, the next call returns `false`.
    pub(super) fn take_second(&mut self) -> bool {
        let has_second = self.has_second();
        self.has_second = false;
        has_second
    }

    /// Waits for the first bytes of a reply, or for the end of the connection, which is then found by [`Self::reply`].
    pub(super) async fn begins_to_arrive(&mut self) {
        if self.received.is_empty() {
            let _ = self.more(READ).await;
        }
    }

    /// Whether a part of a reply has arrived. This asks the operating system.
    pub(super) fn has_begun_to_arrive(&self) -> bool {
        let found = recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        !self.received.is_empty() || found.is_ok_and(|(_, count)| count > 0)
    }

    /// Sends a request whose body arrives in pieces, and reads the reply.
    pub(super) async fn stream(
        &mut self,
        head: &[u8],
        pieces: &mut mpsc::Receiver<Piece>,
    ) -> Result<Reply, ConnectionError> {
        self.begin();
        let mut written = self.write(&mut [IoSlice::new(head)]).await?;
        while written == Written::Whole {
            let piece = tokio::select! {
                biased;
                piece = pieces.recv() => piece,
                answered = self.answered() => {
                    answered?;
                    break;
                }
            };
            written = match piece {
                Some(Piece::Data(bytes)) if bytes.is_empty() => continue,
                Some(Piece::Data(bytes)) => {
                    let size = format!("{:x}\r\n", bytes.len());
                    let chunk = [size.as_bytes(), &bytes, b"\r\n"];
                    self.write(&mut chunk.map(IoSlice::new)).await?
                }
                Some(Piece::End(trailers)) => {
                    self.write(&mut [IoSlice::new(&last_chunk(trailers.as_ref()))]).await?;
                    return self.reply(false).await;
                }
                None => return Err(ConnectionError::CutOff),
            };
        }
        // The sender of the pieces must not wait for a server that is slow to send the rest of its reply.
        pieces.close();
        // The server would read the next request as the rest of this body.
        self.is_reusable = false;
        self.reply(false).await
    }

    fn begin(&mut self) {
        self.is_accepted = false;
        if std::mem::take(&mut self.keeps_much) {
            self.received = BytesMut::new();
        }
    }

    /// Writes all parts, unless a reply arrives first.
    async fn write(&mut self, mut parts: &mut [IoSlice<'_>]) -> Result<Written, ConnectionError> {
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.stream.try_write_vectored(parts) {
                Ok(0) => return Err(ConnectionError::Broken(io::ErrorKind::WriteZero.into())),
                Ok(count) => IoSlice::advance_slices(&mut parts, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let interest = match self.is_accepted {
                        true => Interest::WRITABLE,
                        false => Interest::READABLE | Interest::WRITABLE,
                    };
                    let ready = self.stream.ready(interest).await?;
                    if !self.is_accepted && ready.is_readable() && self.take_in()? {
                        // Some emulators accept an answer before they have read it (M13).
                        self.is_accepted = reply::status(&self.received)?.is_success();
                        if !self.is_accepted {
                            self.is_reusable = false;
                            return Ok(Written::Answered);
                        }
                    }
                }
                // The server may have sent a reply before it closed the connection.
                Err(error) => {
                    self.is_reusable = false;
                    return if self.answered().await.is_ok() {
                        Ok(Written::Answered)
                    } else {
                        Err(error.into())
                    };
                }
            }
        }
        Ok(Written::Whole)
    }

    /// Waits until the head of a reply has arrived.
    async fn answered(&mut self) -> Result<(), ConnectionError> {
        while !self.take_in()? {
            self.stream.readable().await?;
        }
        Ok(())
    }

    /// Receives the available bytes. Returns whether the head of a reply has arrived. Informational replies (1xx) are
    /// skipped.
    fn take_in(&mut self) -> Result<bool, ConnectionError> {
        loop {
            if let Some(end) = self.end_of_head()? {
                if !reply::is_interim(reply::status(&self.received)?) {
                    return Ok(true);
                }
                drop(self.take_head(end));
                continue;
            }
            self.received.reserve(READ);
            match self.stream.try_read_buf(&mut self.received) {
                Ok(0) => return Err(ended()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The position of the head's end, if it has arrived.
    fn end_of_head(&mut self) -> Result<Option<usize>, ConnectionError> {
        let end = reply::end_of_head(&self.received, self.searched);
        if end.is_none() {
            // The last bytes may be the start of the empty line that ends the head.
            self.searched = self.received.len().saturating_sub(3);
            reply::check_start(&self.received)?;
        }
        Ok(end)
    }

    /// Reads a complete reply. Informational replies (1xx) are skipped. If the body is not needed, the reply is what has arrived of it.
    pub(super) async fn reply(&mut self, needs_body: bool) -> Result<Reply, ConnectionError> {
        let head = loop {
            let head = self.head().await?;
            if !reply::is_interim(head.status) {
                break head;
            }
        };
        self.is_reusable &= head.keeps_alive();
        let body = match head.body()? {
            Body::Sized(size) => self.sized(size).await,
            Body::Chunked => self.chunked().await,
            Body::UntilClosed => self.until_closed().await,
        };
        let body = match body {
            // The request must not be sent again: the server has judged it.
            Err(ConnectionError::Broken(_)) if !needs_body => {
                self.is_reusable = false;
                self.received.split().freeze()
            }
            body => body?,
        };
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    async fn head(&mut self) -> Result<Head, ConnectionError> {
        loop {
            if let Some(end) = self.end_of_head()? {
                return Ok(Head::parse(&self.take_head(end))?);
            }
            self.more(READ).await?;
        }
    }

    /// The head that has arrived, and ends here.
    fn take_head(&mut self, end: usize) -> Bytes {
        self.searched = 0;
        self.received.split_to(end).freeze()
    }

    async fn sized(&mut self, size: usize) -> Result<Bytes, ConnectionError> {
        check_body(size)?;
        self.keeps_much = size > KEPT;
        self.fill(size).await?;
        Ok(self.received.split_to(size).freeze())
    }

    async fn chunked(&mut self) -> Result<Bytes, ConnectionError> {
        let mut body = BytesMut::new();
        loop {
            let size = self.line(reply::chunk_size).await?;
            if size == 0 {
                break;
            }
            check_body(body.len().saturating_add(size))?;
            self.fill(size).await?;
            body.extend_from_slice(&self.received.split_to(size));
            self.line(reply::line_end).await?;
        }
        while !self.line(reply::trailer).await? {}
        self.keeps_much = body.len() > KEPT;
        Ok(body.freeze())
    }

    async fn until_closed(&mut self) -> Result<Bytes, ConnectionError> {
        self.is_reusable = false;
        loop {
            self.received.reserve(READ);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Ok(self.received.split().freeze());
            }
            check_body(self.received.len())?;
        }
    }

    /// Reads a line between chunks as soon as it has arrived.
    async fn line<T>(&mut self, read: impl Fn(&[u8]) -> Line<T>) -> Result<T, ConnectionError> {
        loop {
            if let Some((length, said)) = read(&self.received)? {
                drop(self.received.split_to(length));
                return Ok(said);
            }
            self.more(READ).await?;
        }
    }

    /// Reads until this many bytes have arrived.
    async fn fill(&mut self, size: usize) -> Result<(), ConnectionError> {
        while self.received.len() < size {
            self.more(size - self.received.len()).await?;
        }
        Ok(())
    }

    /// Reads once, with room for this many bytes.
    async fn more(&mut self, room: usize) -> Result<(), ConnectionError> {
        self.received.reserve(room.clamp(READ, MAX_BODY));
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(ended()),
            _ => Ok(()),
        }
    }
}

fn ended() -> ConnectionError {
    ConnectionError::Broken(io::ErrorKind::UnexpectedEof.into())
}

/// The end of a body in chunks.
fn last_chunk(trailers: Option<&HeaderMap>) -> Vec<u8> {
    let mut last = b"0\r\n".to_vec();
    for (name, value) in trailers.into_iter().flatten() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            last.extend_from_slice(part);
        }
    }
    last.extend_from_slice(b"\r\n");
    last
}

#[cfg(test)]
pub(super) mod tests;
