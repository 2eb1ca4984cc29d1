//! One keep-alive HTTP/1.1 connection, and when to replace it.
//!
//! A server may close a kept-alive connection at any moment, and does so when an environment thaws. So a
//! connection that was used before and then breaks is replaced, once per request (checklist 9); if a new
//! connection breaks, that is an error. There is no other retry, no time limit (R1.6, R1.7), and no proxy
//! (R1.3).

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::body::Outgoing;

/// All headers together, including client context and identity, may have up to 1 MB (R1.11).
const MAX_HEADERS: usize = 1024 * 1024;
/// The largest event has 6 MB (11.4); anything far larger is not an event.
const MAX_BODY: usize = 64 * 1024 * 1024;

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
    /// The connection broke, or the data on it was not HTTP.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// A body without an end.
    #[error("the body has more than {MAX_BODY} bytes")]
    BodyTooLarge,
}

/// A reply, read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// The body as a reason in a log line.
    pub(super) fn reason(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text[..text.floor_char_boundary(1024)].to_owned()
    }
}

/// The connection, made when it is needed.
#[derive(Debug)]
pub(super) struct Connection {
    authority: String,
    open: Option<SendRequest<Outgoing>>,
}

impl Connection {
    pub(super) fn new(authority: String) -> Self {
        Self { authority, open: None }
    }

    /// Connects, if possible.
    pub(super) async fn open(&mut self) {
        self.open = connect(&self.authority).await.ok();
    }

    /// Closes the connection, if there is one.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Sends a request and reads the reply.
    pub(super) async fn send(&mut self, request: Request<Bytes>) -> Result<Reply, ConnectionError> {
        if let Some(mut reused) = self.open.take_if(|open| !open.is_closed()) {
            match exchange(&mut reused, copy(&request)).await {
                Ok(reply) => {
                    self.open = Some(reused);
                    return Ok(reply);
                }
                Err(ConnectionError::Http(error)) if is_break(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut fresh = connect(&self.authority).await?;
        let reply = exchange(&mut fresh, copy(&request)).await?;
        self.open = Some(fresh);
        Ok(reply)
    }

    /// Sends a request that cannot be sent twice, and reads the reply. A connection that was closed before
    /// the first byte is replaced.
    pub(super) async fn send_once(&mut self, request: Request<Outgoing>) -> Result<Reply, ConnectionError> {
        let mut reused = self.open.take_if(|open| !open.is_closed());
        if let Some(open) = &mut reused
            && open.ready().await.is_err()
        {
            reused = None;
        }
        let mut connection = match reused {
            Some(reused) => reused,
            None => connect(&self.authority).await?,
        };
        let reply = exchange(&mut connection, request).await?;
        self.open = Some(connection);
        Ok(reply)
    }
}

/// Whether the peer disconnected, as opposed to sending invalid data.
fn is_break(error: &hyper::Error) -> bool {
    !(error.is_parse() || error.is_user())
}

/// A copy of the request; the body is shared, not copied.
fn copy(request: &Request<Bytes>) -> Request<Outgoing> {
    let mut copy = Request::new(Outgoing::Whole(Some(request.body().clone())));
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

async fn connect(authority: &str) -> Result<SendRequest<Outgoing>, ConnectionError> {
    let connect_error = |source| ConnectionError::Connect { authority: authority.to_owned(), source };
    let stream = TcpStream::connect(authority).await.map_err(connect_error)?;
    // Requests are written in one piece, so waiting for more data would only delay them.
    stream.set_nodelay(true).map_err(connect_error)?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(MAX_HEADERS).handshake(TokioIo::new(stream)).await?;
    // The end of the connection is reported by the request that fails.
    tokio::spawn(connection);
    // Otherwise the first request would wait for that task twice: to be accepted, and to be written.
    sender.ready().await?;
    Ok(sender)
}

async fn exchange(
    sender: &mut SendRequest<Outgoing>,
    request: Request<Outgoing>,
) -> Result<Reply, ConnectionError> {
    sender.ready().await?;
    let (head, body) = sender.send_request(request).await.map(Response::into_parts)?;
    Ok(Reply { status: head.status, headers: head.headers, body: read(body).await? })
}

/// Reads a body; a body that arrives in one piece is not copied.
async fn read(mut body: Incoming) -> Result<Bytes, ConnectionError> {
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        if whole.len() + pieces.len() + piece.len() > MAX_BODY {
            return Err(ConnectionError::BodyTooLarge);
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
            continue;
        }
        if pieces.is_empty() {
            let expected = usize::try_from(body_size(&body)).unwrap_or(0).min(MAX_BODY);
            pieces.reserve(whole.len() + piece.len() + expected);
            pieces.extend_from_slice(&std::mem::take(&mut whole));
        }
        pieces.extend_from_slice(&piece);
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

/// The remaining length, according to the headers.
fn body_size(body: &Incoming) -> u64 {
    hyper::body::Body::size_hint(body).lower()
}
