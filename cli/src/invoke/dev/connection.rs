//! One connection to a `bulkhead dev`, for consecutive requests.

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue};
use hyper::http::response::Parts;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Address;

/// The body of a request.
pub(super) type Payload = Full<Bytes>;

/// It stays open between requests.
#[derive(Debug)]
pub(super) struct Connection {
    address: Address,
    sender: SendRequest<Payload>,
}

impl Connection {
    pub(super) async fn open(address: &Address) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address.to_connect()).await.with_context(|| {
            let command = address.command();
            format!(
                "nothing listens on {address}; start `{command}`, or choose another address with --dev=URL"
            )
        })?;
        stream.set_nodelay(true).with_context(|| format!("the connection to {address} cannot be set up"))?;
        let opened = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.with_context(|| format!("{address} does not speak HTTP"))?;
        // An error of the connection is reported by the request that it interrupts.
        tokio::spawn(connection);
        Ok(Self { address: address.clone(), sender })
    }

    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<(Parts, Bytes)> {
        self.send(Request::get(path).body(Full::default())?).await
    }

    /// Sends a request and waits for the complete response.
    pub(super) async fn send(&mut self, mut request: Request<Payload>) -> anyhow::Result<(Parts, Bytes)> {
        request.headers_mut().insert(HOST, HeaderValue::try_from(self.address.authority())?);
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("bulkhead"));
        let answered = async {
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        };
        let answered = answered.await;
        answered.with_context(|| format!("{} closed the connection before it answered", self.address))
    }
}
