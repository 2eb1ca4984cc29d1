//! A connection to a server: its socket, TLS if the request needs it, and HTTP on top.
//!
//! It makes progress only while its owner polls it: an exchange, in turns that are charged to its event, or
//! the pool of idle connections. So no connection runs by itself.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::account::Account;
use super::body::Sent;
use super::wire::{self, Payer, Wire};

/// The head of a response.
const MAX_HEAD: usize = 64 * 1024;

/// With or without TLS.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Link {
    sender: SendRequest<Sent>,
    /// `None` after the end.
    connection: Option<Connection<TokioIo<Stream>, Sent>>,
    socket: Arc<TcpStream>,
    payer: Payer,
}

impl Link {
    /// Starts HTTP on a stream over `socket`. Nothing is sent yet.
    pub(super) async fn new(
        stream: Stream,
        socket: Arc<TcpStream>,
        payer: Payer,
    ) -> Result<Self, hyper::Error> {
        let mut builder = Builder::new();
        builder.max_buf_size(MAX_HEAD);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection: Some(connection), socket, payer })
    }

    /// Sets the event that is charged from now on.
    pub(super) fn belongs_to(&self, account: Option<Arc<Account>>) {
        self.payer.set(account);
    }

    /// Whether the server has sent nothing unexpected.
    pub(super) fn is_quiet(&self) -> bool {
        self.connection.is_some() && wire::is_quiet(&self.socket)
    }

    /// Sends a request, and waits for the head of its response.
    ///
    /// # Errors
    /// Returns the request if no byte of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<Sent>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Sent>>> {
        let mut response = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            // The result of the connection is reported to the response.
            let _ = drive(&mut self.connection, context);
            response.as_mut().poll(context)
        })
        .await
    }

    /// Continues with the bodies of an exchange. After they end, returns whether the connection can be used
    /// again.
    pub(super) fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if drive(&mut self.connection, context).is_ready() {
            return Poll::Ready(false);
        }
        let rests = ready!(self.sender.poll_ready(context));
        Poll::Ready(rests.is_ok())
    }

    /// Waits for the end of an idle connection: the server closes it, or sends something.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        drive(&mut self.connection, context)
    }
}

fn drive(connection: &mut Option<Connection<TokioIo<Stream>, Sent>>, context: &mut Context<'_>) -> Poll<()> {
    let Some(running) = connection else { return Poll::Ready(()) };
    // The error was reported to the request and the response that it interrupted.
    let _ = ready!(Pin::new(running).poll(context));
    *connection = None;
    Poll::Ready(())
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(wire) => Pin::new(wire).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}
