//! One keep-alive HTTP/1.1 connection, and when to replace it.
//!
//! A server may close a kept-alive connection at any moment, and does so when an environment thaws. So a
//! connection that was used before and then breaks is replaced, once per request (checklist 9); if a new
//! connection breaks, that is an error. There is no other retry, no time limit (R1.6, R1.7), and no proxy
//! (R1.3). The bytes on the connection belong to [`wire`](super::wire).

use std::future::poll_fn;
use std::pin::pin;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::reply::{MAX_BODY, Reply};
use super::request::Request;
use super::streamed::Piece;
use super::wire::Wire;
use crate::http1::ReplyError;

/// The connection can no longer be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Nothing listens there, or the name does not resolve.
    #[error("could not connect to {authority}")]
    Connect {
        /// The `host:port` that was tried.
        authority: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The connection ended before the reply did.
    #[error("the connection broke")]
    Broken(#[from] std::io::Error),
    /// The bytes that came are not a reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// A body without an end.
    #[error("the body has more than {MAX_BODY} bytes")]
    BodyTooLarge,
    /// The streamed response was dropped before its end was sent.
    #[error("the streamed response is incomplete")]
    CutOff,
}

/// A request whose reply is not read yet. It holds the connection, so one that is dropped takes the connection with it.
#[derive(Debug)]
pub(super) struct Exchange {
    wire: Wire,
    /// Whether the connection was used before, so that the server may have closed it meanwhile.
    is_reused: bool,
}

impl Exchange {
    /// Waits for the first bytes of the reply, or for the end of the connection. The exchange is not spoilt if this is dropped.
    pub(super) async fn begins_to_arrive(&mut self) {
        self.wire.begins_to_arrive().await;
    }

    /// Whether a part of the reply has arrived. This asks the operating system.
    pub(super) fn has_begun_to_arrive(&self) -> bool {
        self.wire.has_begun_to_arrive()
    }
}

/// The connection, made when it is needed.
#[derive(Debug)]
pub(super) struct Connection {
    authority: String,
    /// Empty during an [`Exchange`].
    open: Option<Wire>,
    /// The Tokio runtime on which the first connection was made.
    runtime: Option<Handle>,
}

impl Connection {
    pub(super) fn new(authority: String) -> Self {
        Self { authority, open: None, runtime: None }
    }

    /// Connects, if possible.
    pub(super) async fn open(&mut self) {
        self.open = self.connect().await.ok();
    }

    /// Closes the connection, if there is one.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Sends a request and reads the reply.
    pub(super) async fn send(&mut self, request: &Request) -> Result<Reply, ConnectionError> {
        let sent = self.begin(request, None).await?;
        self.finish(sent, request).await
    }

    /// Sends a request, and after it a second one whose reply is [asked for](Self::second) later. The second one is
    /// sent again if the connection ends after the first reply, so it must be one that can be repeated (RFC 9112, 9.3.2).
    pub(super) async fn begin(
        &mut self,
        request: &Request,
        second: Option<&Request>,
    ) -> Result<Exchange, ConnectionError> {
        let mut second = second;
        if let Some(mut wire) = self.usable() {
            match wire.send(request, second).await {
                Ok(()) => return Ok(Exchange { wire, is_reused: true }),
                // A request that is sent again goes alone (RFC 9112, 9.3.2).
                Err(ConnectionError::Broken(_)) => second = None,
                Err(error) => return Err(error),
            }
        }
        let mut wire = self.connect().await?;
        wire.send(request, second).await?;
        Ok(Exchange { wire, is_reused: false })
    }

    /// Reads the reply to the request that [began](Self::begin) this exchange. The request is sent again if the connection was used before
    /// and has ended.
    pub(super) async fn finish(
        &mut self,
        exchange: Exchange,
        request: &Request,
    ) -> Result<Reply, ConnectionError> {
        if let Some(reply) = self.try_finish(exchange, request).await? {
            return Ok(reply);
        }
        let mut wire = self.connect().await?;
        wire.send(request, None).await?;
        let reply = wire.reply(request.needs_body()).await?;
        self.open = Some(wire);
        Ok(reply)
    }

    /// The same, but `None` in place of sending the request again.
    pub(super) async fn try_finish(
        &mut self,
        Exchange { mut wire, is_reused }: Exchange,
        request: &Request,
    ) -> Result<Option<Reply>, ConnectionError> {
        match wire.reply(request.needs_body()).await {
            Err(ConnectionError::Broken(_)) if is_reused => Ok(None),
            reply => {
                let reply = reply?;
                self.open = Some(wire);
                Ok(Some(reply))
            }
        }
    }

    /// The exchange of the second request that was sent with the last one, if the connection is still open for its reply.
    pub(super) fn second(&mut self) -> Option<Exchange> {
        let wire = self.open.take_if(Wire::take_second)?;
        Some(Exchange { wire, is_reused: true })
    }

    /// Whether the connection is still open for the reply to a [second](Self::second) request.
    pub(super) fn has_second(&self) -> bool {
        self.open.as_ref().is_some_and(Wire::has_second)
    }

    /// Sends a request whose body cannot be sent twice, and reads the reply. A connection that was already
    /// closed before the request is replaced.
    pub(super) async fn send_once(
        &mut self,
        head: &[u8],
        mut pieces: mpsc::Receiver<Piece>,
    ) -> Result<Reply, ConnectionError> {
        let mut connection = match self.usable().filter(|reused| !reused.was_closed()) {
            Some(reused) => reused,
            None => self.connect().await?,
        };
        let reply = connection.stream(head, &mut pieces).await?;
        self.open = Some(connection);
        Ok(reply)
    }

    fn usable(&mut self) -> Option<Wire> {
        let mut open = self.open.take()?;
        open.is_usable().then_some(open)
    }

    /// Connects. The thread of the first connection is told when the socket is ready, although the loop may now be on a thread that is about
    /// to compute for long.
    async fn connect(&mut self) -> Result<Wire, ConnectionError> {
        let runtime = self.runtime.get_or_insert_with(Handle::current).clone();
        let mut connecting = pin!(Wire::connect(&self.authority));
        let connected = poll_fn(|context| {
            let _entered = runtime.enter();
            connecting.as_mut().poll(context)
        });
        connected
            .await
            .map_err(|source| ConnectionError::Connect { authority: self.authority.clone(), source })
    }
}

#[cfg(test)]
mod tests;
