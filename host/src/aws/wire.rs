//! One connection to a server: it writes requests and reads replies, and blocks while it does so.
//!
//! All that a server sends has a limit: heads, bodies, and what is around the chunks of a body.

use std::io::{self, ErrorKind, Read, Write as _};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustls::ClientConfig;

use super::client::{Reply, Request};
use super::stream::Stream;
use crate::http1::reply::{self, Body, Head, Line};
use crate::http1::{ReplyError, Server};

/// The largest head of a reply, and of all interim replies before it.
const MAX_HEAD: usize = 64 * 1024;
/// The largest body of a reply that reports an error. A larger one is not read.
const MAX_ERROR: u64 = 64 * 1024;
/// The size of a read when it is not known how much follows.
const READ: usize = 8 * 1024;

/// A request has no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens there, or the name does not resolve.
    #[error("{server} cannot be connected to: {error}")]
    Connect {
        /// The server.
        server: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The connection ended before the reply did, or TLS was not possible.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// It took too long.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The bytes that came are not a reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// The head of the reply has no end.
    #[error("the head of the reply has more than {MAX_HEAD} bytes")]
    HeadTooLarge,
    /// The body is too large.
    #[error("the body of the reply has more than {most} bytes")]
    TooLarge {
        /// Its size, as far as it is known.
        length: u64,
        /// The largest allowed size.
        most: u64,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        if is_late { Self::TimedOut } else { Self::Broken(error) }
    }
}

/// An open connection, with the bytes that were received and not yet read.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    received: Vec<u8>,
    /// The bytes of a reply that are not its body.
    framing: usize,
    /// Whether another request may be sent after this one.
    is_reusable: bool,
}

impl Wire {
    /// Connects to a server, with TLS if there is a configuration for it.
    pub(super) fn connect(
        server: &Server,
        tls: Option<Arc<ClientConfig>>,
        until: Instant,
    ) -> Result<Self, ClientError> {
        let stream = Stream::connect(server, tls, until)?;
        Ok(Self { stream, received: Vec::new(), framing: 0, is_reusable: true })
    }

    /// Whether another request can be sent: nothing is left over from the last reply, and the server has neither closed the
    /// connection nor sent anything.
    pub(super) fn is_usable(&self) -> bool {
        self.is_reusable && self.received.is_empty() && self.stream.is_at_rest()
    }

    /// Sends a request and reads the reply.
    pub(super) fn exchange(&mut self, request: &Request<'_>, until: Instant) -> Result<Reply, ClientError> {
        self.stream.ends_at(until);
        self.framing = 0;
        let head = head_of(request);
        let parts = [head.as_bytes(), request.body];
        let written = parts.iter().try_for_each(|part| self.stream.write_all(part));
        match written.and_then(|()| self.stream.flush()) {
            Ok(()) => self.reply(request),
            // A server may reject a request before it has read all of it, and close the connection.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.is_reusable = false;
                self.reply(request).map_err(|_| error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn reply(&mut self, request: &Request<'_>) -> Result<Reply, ClientError> {
        let head = loop {
            let head = self.head()?;
            if !reply::is_interim(head.status) {
                break head;
            }
            if self.framing > MAX_HEAD {
                return Err(ClientError::HeadTooLarge);
            }
        };
        // Two headers that say where the body ends may be read in two ways, by us and by a proxy.
        let is_clear =
            ["content-length", "transfer-encoding"].iter().any(|name| head.headers.get(name).is_none());
        self.is_reusable &= head.keeps_alive() && is_clear;
        let framing = if request.method == "HEAD" { Body::Sized(0) } else { head.body()? };
        let body = if head.status.is_success() {
            self.body(&framing, request.most)?
        } else {
            self.error_body(&framing)?
        };
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Such a body only explains the status, so it may be missing.
    fn error_body(&mut self, framing: &Body) -> Result<Vec<u8>, ClientError> {
        match self.body(framing, MAX_ERROR) {
            Err(ClientError::TooLarge { .. } | ClientError::HeadTooLarge | ClientError::Reply(_)) => {
                self.is_reusable = false;
                Ok(Vec::new())
            }
            body => body,
        }
    }

    fn head(&mut self) -> Result<Head, ClientError> {
        let mut searched = 0;
        loop {
            if let Some(end) = reply::end_of_head(&self.received, searched) {
                self.framing += end;
                return Ok(Head::parse(&Bytes::from(self.take(end)))?);
            }
            // The last bytes may be the start of the empty line that ends the head.
            searched = self.received.len().saturating_sub(3);
            reply::check_start(&self.received)?;
            if self.received.len() > MAX_HEAD {
                return Err(ClientError::HeadTooLarge);
            }
            self.more()?;
        }
    }

    fn body(&mut self, framing: &Body, most: u64) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        match framing {
            Body::Sized(size) => self.fill(&mut body, *size, most)?,
            Body::Chunked => {
                // As much as the smallest chunks need, of which each has a byte.
                let most_framing = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(5);
                self.framing = 0;
                loop {
                    let size = self.line(reply::chunk_size, most_framing)?;
                    if size == 0 {
                        break;
                    }
                    self.fill(&mut body, size, most)?;
                    self.line(reply::line_end, most_framing)?;
                }
                self.framing = 0;
                while !self.line(reply::trailer, 0)? {}
            }
            // One that was cut off would look whole.
            Body::UntilClosed => return Err(ReplyError::Framing("the body has no stated length").into()),
        }
        Ok(body)
    }

    /// Reads this many bytes of a body, which may have `most` bytes.
    fn fill(&mut self, body: &mut Vec<u8>, size: usize, most: u64) -> Result<(), ClientError> {
        let whole = body.len().saturating_add(size);
        let length = u64::try_from(whole).unwrap_or(u64::MAX);
        if length > most {
            return Err(ClientError::TooLarge { length, most });
        }
        body.reserve(size);
        let here = size.min(self.received.len());
        body.extend(self.received.drain(..here));
        let left = u64::try_from(size - here).unwrap_or(u64::MAX);
        Read::take(&mut self.stream, left).read_to_end(body)?;
        if body.len() < whole { Err(ended()) } else { Ok(()) }
    }

    /// Reads a line between chunks. All of them together may have this many bytes more than a head.
    fn line<T>(&mut self, read: fn(&[u8]) -> Line<T>, most: usize) -> Result<T, ClientError> {
        loop {
            if let Some((length, said)) = read(&self.received)? {
                self.received.drain(..length);
                self.framing += length;
                if self.framing > most.saturating_add(MAX_HEAD) {
                    return Err(ReplyError::Framing("too much is around the chunks of the body").into());
                }
                return Ok(said);
            }
            if self.received.len() > MAX_HEAD {
                return Err(ClientError::HeadTooLarge);
            }
            self.more()?;
        }
    }

    /// The bytes up to here, which have arrived.
    fn take(&mut self, end: usize) -> Vec<u8> {
        let rest = self.received.split_off(end);
        std::mem::replace(&mut self.received, rest)
    }

    fn more(&mut self) -> Result<(), ClientError> {
        let before = self.received.len();
        self.received.resize(before + READ, 0);
        let free = self.received.get_mut(before..).unwrap_or_default();
        let read = loop {
            match self.stream.read(free) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.received.truncate(before + read.as_ref().copied().unwrap_or_default());
        if read? == 0 { Err(ended()) } else { Ok(()) }
    }
}

fn ended() -> ClientError {
    ClientError::Broken(ErrorKind::UnexpectedEof.into())
}

fn head_of(request: &Request<'_>) -> String {
    let Request { method, target, server, headers, body, .. } = request;
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", server.authority());
    for (name, value) in *headers {
        head.extend([*name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() || matches!(*method, "POST" | "PUT") {
        head += &format!("content-length: {}\r\n", body.len());
    }
    head += "accept-encoding: identity\r\n\r\n";
    head
}
