//! What goes over one connection to the Runtime API, as bytes: a request out, and a reply in.
//!
//! A server may answer before it has read a request to its end, as with a 413. So while a request does not go out, what
//! comes in is looked at; once a whole head of a reply is there, the rest of the request is not sent.

use std::io::{self, IoSlice};

use bytes::{Bytes, BytesMut};
use hyper::header::HeaderMap;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::connection::ConnectionError;
use super::reply::{self, Body, Head, Line, MAX_BODY, Reply};
use super::request::Request;
use super::streamed::Piece;

/// As much is read at a time where nobody knows how much comes.
const READ: usize = 8 * 1024;
/// A larger body takes its buffer with it when it goes.
const KEPT: usize = 256 * 1024;

/// An open connection, and what came over it and was not read yet.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    received: BytesMut,
    /// How much of what was received is known to hold no end of a head.
    searched: usize,
    /// Whether another request may follow.
    is_reusable: bool,
    keeps_much: bool,
}

/// How far a request went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// To its end, or to that of the piece.
    Whole,
    /// The head of the reply came before that.
    Answered,
}

impl Wire {
    pub(super) async fn connect(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        // Requests are written in one piece, so waiting for more data would only delay them.
        stream.set_nodelay(true)?;
        let received = BytesMut::new();
        Ok(Self { stream, received, searched: 0, is_reusable: true, keeps_much: false })
    }

    /// Whether another request can be sent: as far as is known, the server has not ended the connection, and it owes nothing.
    pub(super) fn is_usable(&mut self) -> bool {
        let may_read = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        self.is_reusable && self.received.is_empty() && self.stream.try_read(&mut [0]).is_err_and(may_read)
    }

    /// Whether the server has closed the connection. Unlike [`Self::is_usable`], this asks the system.
    pub(super) fn was_closed(&self) -> bool {
        let found = recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        found.map_or_else(|error| error != Errno::AGAIN, |(_, count)| count == 0)
    }

    /// Sends a request and reads the reply.
    pub(super) async fn exchange(&mut self, request: &Request) -> Result<Reply, ConnectionError> {
        if std::mem::take(&mut self.keeps_much) {
            self.received = BytesMut::new();
        }
        self.write(&mut [IoSlice::new(&request.head), IoSlice::new(&request.body)]).await?;
        self.reply().await
    }

    /// Sends a request whose body comes piece by piece, and reads the reply.
    pub(super) async fn stream(
        &mut self,
        head: &[u8],
        pieces: &mut mpsc::Receiver<Piece>,
    ) -> Result<Reply, ConnectionError> {
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
                    return self.reply().await;
                }
                None => return Err(ConnectionError::CutOff),
            };
        }
        // The server would take what is sent next for the rest of the body.
        self.is_reusable = false;
        self.reply().await
    }

    /// Writes all parts, unless the reply comes first.
    async fn write(&mut self, mut parts: &mut [IoSlice<'_>]) -> Result<Written, ConnectionError> {
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.stream.try_write_vectored(parts) {
                Ok(0) => return Err(ConnectionError::Broken(io::ErrorKind::WriteZero.into())),
                Ok(count) => IoSlice::advance_slices(&mut parts, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let ready = self.stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
                    if ready.is_readable() && self.take_in()? {
                        self.is_reusable = false;
                        return Ok(Written::Answered);
                    }
                }
                // It may have said why before it went.
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

    /// Waits until the head of a reply is there.
    async fn answered(&mut self) -> Result<(), ConnectionError> {
        while !self.take_in()? {
            self.stream.readable().await?;
        }
        Ok(())
    }

    /// Takes in what has come, and says whether the head of a reply is there.
    fn take_in(&mut self) -> Result<bool, ConnectionError> {
        loop {
            if self.has_head()? {
                return Ok(true);
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

    fn has_head(&mut self) -> Result<bool, ConnectionError> {
        let has_head = reply::end_of_head(&self.received, self.searched).is_some();
        if !has_head {
            // Its last line may end in what comes next.
            self.searched = self.received.len().saturating_sub(3);
            reply::check_length(self.received.len())?;
        }
        Ok(has_head)
    }

    /// Reads a reply to its end. Replies that only announce one (1xx) are passed over.
    async fn reply(&mut self) -> Result<Reply, ConnectionError> {
        let head = loop {
            let head = self.head().await?;
            if !head.is_interim() {
                break head;
            }
        };
        self.is_reusable &= head.keeps_alive();
        let body = match head.body()? {
            Body::Sized(size) => self.sized(size).await?,
            Body::Chunked => self.chunked().await?,
            Body::UntilClosed => self.until_closed().await?,
        };
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    async fn head(&mut self) -> Result<Head, ConnectionError> {
        while !self.has_head()? {
            self.more(READ).await?;
        }
        let searched = std::mem::take(&mut self.searched);
        let end = reply::end_of_head(&self.received, searched).unwrap_or_default();
        Head::parse(&self.received.split_to(end).freeze())
    }

    async fn sized(&mut self, size: usize) -> Result<Bytes, ConnectionError> {
        reply::check_body(size)?;
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
            reply::check_body(body.len().saturating_add(size))?;
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
            reply::check_body(self.received.len())?;
        }
    }

    /// What a line of the framing says, once it is there.
    async fn line<T>(&mut self, read: impl Fn(&[u8]) -> Line<T>) -> Result<T, ConnectionError> {
        loop {
            if let Some((length, said)) = read(&self.received)? {
                drop(self.received.split_to(length));
                return Ok(said);
            }
            self.more(READ).await?;
        }
    }

    /// Reads until so much is there.
    async fn fill(&mut self, size: usize) -> Result<(), ConnectionError> {
        while self.received.len() < size {
            self.more(size - self.received.len()).await?;
        }
        Ok(())
    }

    /// Reads once, with room for so much.
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

/// What ends a body that came in chunks.
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
mod tests;
