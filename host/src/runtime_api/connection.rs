//! One keep-alive HTTP/1.1 connection, and when to replace it.
//!
//! A server may close a kept-alive connection at any moment, and does so when an environment thaws. So a
//! connection that was used before and then breaks is replaced, once per request (checklist 9); if a new
//! connection breaks, that is an error. There is no other retry, no time limit (R1.6, R1.7), and no proxy
//! (R1.3). The bytes on the connection belong to [`wire`](super::wire).

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

/// The connection, made when it is needed.
#[derive(Debug)]
pub(super) struct Connection {
    authority: String,
    /// Empty while a request runs, so a request that is dropped takes the connection with it.
    open: Option<Wire>,
}

impl Connection {
    pub(super) fn new(authority: String) -> Self {
        Self { authority, open: None }
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
        if let Some(mut reused) = self.usable() {
            match reused.exchange(request).await {
                Ok(reply) => {
                    self.open = Some(reused);
                    return Ok(reply);
                }
                Err(ConnectionError::Broken(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut fresh = self.connect().await?;
        let reply = fresh.exchange(request).await?;
        self.open = Some(fresh);
        Ok(reply)
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

    async fn connect(&self) -> Result<Wire, ConnectionError> {
        let connected = Wire::connect(&self.authority).await;
        connected.map_err(|source| ConnectionError::Connect { authority: self.authority.clone(), source })
    }
}
