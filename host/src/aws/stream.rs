//! A connection as bytes, with or without TLS, whose reads and writes end at a time.
//!
//! Each read and each write gets the time that is left for the whole exchange. So a server that is slow, however it
//! is slow, cannot hold a thread for longer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::names::addresses;
use super::wire::ClientError;
use crate::http1::Server;

/// A socket whose reads and writes end at a time.
#[derive(Debug)]
pub(super) struct Timed {
    socket: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        // The system takes zero for no limit.
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(bytes)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of a connection.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Stream {
    /// Connects to a server, with TLS if there is a configuration for it.
    pub(super) fn connect(
        server: &Server,
        tls: Option<Arc<ClientConfig>>,
        until: Instant,
    ) -> Result<Self, ClientError> {
        let failed = |error| ClientError::Connect { server: server.authority(), error };
        let timed = Timed { socket: reach(server, until).map_err(failed)?, until };
        let Some(tls) = tls else { return Ok(Self::Plain(timed)) };
        let name = ServerName::try_from(server.host.clone());
        let name = name.map_err(|error| failed(io::Error::new(ErrorKind::InvalidInput, error)))?;
        Ok(Self::Tls(Box::new(StreamOwned::new(ClientConnection::new(tls, name)?, timed))))
    }

    /// Sets the time at which all reads and writes end.
    pub(super) fn ends_at(&mut self, until: Instant) {
        match self {
            Self::Plain(timed) => timed.until = until,
            Self::Tls(stream) => stream.sock.until = until,
        }
    }

    /// Whether the server has neither closed the connection nor sent anything that was not read. This asks the operating
    /// system, and TLS: a record can contain more than was read of it.
    pub(super) fn is_at_rest(&self) -> bool {
        let (socket, is_all_read) = match self {
            Self::Plain(timed) => (&timed.socket, true),
            Self::Tls(stream) => (&stream.sock.socket, stream.conn.wants_read()),
        };
        let peeked = recv(socket, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        is_all_read && peeked.err() == Some(Errno::AGAIN)
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn reach(server: &Server, until: Instant) -> io::Result<TcpStream> {
    let addresses = addresses(server, until)?;
    let mut failure = io::Error::from(ErrorKind::NotFound);
    for (at, address) in addresses.iter().enumerate() {
        // An address that never answers leaves time for the others.
        let others = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let left = until.saturating_duration_since(Instant::now()) / others;
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(address, left) {
            // Requests are written in one piece, so waiting for more data would only delay them.
            Ok(stream) => return stream.set_nodelay(true).map(|()| stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
