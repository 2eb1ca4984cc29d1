//! A connection to a server: its socket, TLS where that was asked for, and HTTP on it.
//!
//! It makes progress only while whoever has it polls it: an exchange, in turns that its event pays for, or the pool that
//! it rests in. So no connection runs on its own.

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
    /// None once it has ended.
    connection: Option<Connection<TokioIo<Stream>, Sent>>,
    socket: Arc<TcpStream>,
    payer: Payer,
}

impl Link {
    /// Speaks HTTP on a stream over `socket`. Nothing is sent yet.
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

    /// Says who pays for it from now on.
    pub(super) fn belongs_to(&self, account: Option<Arc<Account>>) {
        self.payer.set(account);
    }

    /// Whether the server has let it rest.
    pub(super) fn is_quiet(&self) -> bool {
        self.connection.is_some() && wire::is_quiet(&self.socket)
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// # Errors
    /// With the request, where not a byte of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<Sent>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Sent>>> {
        let mut response = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            // How it ended is told to whoever waits for the response.
            let _ = drive(&mut self.connection, context);
            response.as_mut().poll(context)
        })
        .await
    }

    /// Goes on with the bodies of an exchange, and says once they have ended whether there can be another exchange.
    pub(super) fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if drive(&mut self.connection, context).is_ready() {
            return Poll::Ready(false);
        }
        let rests = ready!(self.sender.poll_ready(context));
        Poll::Ready(rests.is_ok())
    }

    /// Waits for the end of a connection that rests: the server closes it, or sends something.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        drive(&mut self.connection, context)
    }
}

fn drive(connection: &mut Option<Connection<TokioIo<Stream>, Sent>>, context: &mut Context<'_>) -> Poll<()> {
    let Some(running) = connection else { return Poll::Ready(()) };
    // An error has been told to the request and to the response that it came in the way of.
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
