//! Makes connections, and only to addresses that the policy permits.
//!
//! A name is resolved once for a connection, and the connection goes to an address that was checked: a
//! second lookup could have another answer.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tower_service::Service;

use super::address::{self, Refusal};
use super::resolver::Lookups;
use crate::policy::Policy;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// No connection came about.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The name does not resolve.
    #[error("the host's name could not be resolved")]
    Lookup(#[source] io::Error),
    /// The name resolves to nothing.
    #[error("the host's name has no address")]
    NoAddress,
    /// No address of it is permitted.
    #[error("the host's address is not permitted")]
    Refused(#[source] Refusal),
    /// What must not be reached is not known, so nothing is.
    #[error("the Runtime API's address could not be resolved")]
    RuntimeApi(#[source] io::Error),
    /// Nobody answers there.
    #[error("the host could not be connected to")]
    Connect(#[source] io::Error),
    /// It took too long.
    #[error("the host did not answer in time")]
    TimedOut,
}

/// Where the Runtime API is, which no guest may reach: whoever speaks to it answers other tenants' events.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    host: String,
    port: u16,
    addresses: OnceCell<Vec<SocketAddr>>,
}

impl RuntimeApi {
    /// From `host:port`; the port is 80 if there is none.
    pub(super) fn new(authority: &str) -> Option<Self> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, 80),
        };
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, addresses: OnceCell::new() })
    }

    /// Refuses its address, and its port on all of loopback: a server may listen on every address of the
    /// machine.
    async fn check(&self, address: SocketAddr, lookups: &Lookups) -> Result<(), ConnectError> {
        let lookup = || lookups.lookup(&self.host, self.port);
        let own = self.addresses.get_or_try_init(lookup).await.map_err(ConnectError::RuntimeApi)?;
        let plain = address::unwrapped(address.ip());
        let is_own = own.iter().any(|own| own.ip().to_canonical() == plain);
        if address.port() == self.port && (is_own || plain.is_loopback()) {
            return Err(ConnectError::Refused(Refusal::RuntimeApi(address)));
        }
        Ok(())
    }
}

/// Makes the TCP connections of one client.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    pub(super) policy: Arc<Policy>,
    pub(super) lookups: Lookups,
    pub(super) runtime_api: Arc<RuntimeApi>,
    pub(super) open: Arc<AtomicUsize>,
}

impl Dialer {
    async fn dial(self, uri: Uri) -> Result<Tracked, ConnectError> {
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default_port);
        let host = uri.host().unwrap_or_default();
        let addresses = self.lookups.lookup(host, port).await.map_err(ConnectError::Lookup)?;
        let mut failure = ConnectError::NoAddress;
        let mut permitted = Vec::new();
        for address in addresses {
            match self.check(address).await {
                Ok(()) => permitted.push(address),
                Err(error) => failure = error,
            }
        }
        permitted.truncate(MAX_ADDRESSES);
        // One that never answers leaves time for the others.
        let patience =
            self.policy.limits.wall_time / u32::try_from(permitted.len().max(1)).unwrap_or(u32::MAX);
        for address in permitted {
            let connected = tokio::time::timeout(patience, self.connect(address)).await;
            match connected.unwrap_or(Err(ConnectError::TimedOut)) {
                Ok(stream) => return Ok(Tracked::new(stream, self.open)),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn check(&self, address: SocketAddr) -> Result<(), ConnectError> {
        let granted = &self.policy.grants.allowed_private_networks;
        address::check(address.ip(), granted).map_err(ConnectError::Refused)?;
        self.runtime_api.check(address, &self.lookups).await
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, ConnectError> {
        let stream = TcpStream::connect(address).await.map_err(ConnectError::Connect)?;
        if !address::unwrapped(address.ip()).is_loopback() && is_to_itself(&stream) {
            self.check_own(address)?;
        }
        // Requests are written whole; waiting for more to send would only delay them.
        stream.set_nodelay(true).map_err(ConnectError::Connect)?;
        Ok(stream)
    }

    /// Another address of this machine leads where loopback leads. Nothing has been sent to it yet.
    fn check_own(&self, address: SocketAddr) -> Result<(), ConnectError> {
        if address.port() == self.runtime_api.port {
            return Err(ConnectError::Refused(Refusal::RuntimeApi(address)));
        }
        let granted = &self.policy.grants.allowed_private_networks;
        let loopback =
            if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address::check(loopback, granted).map_err(ConnectError::Refused)
    }
}

fn is_to_itself(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(here), Ok(there)) => here.ip() == there.ip(),
        // It is gone already.
        _ => false,
    }
}

impl Service<Uri> for Dialer {
    type Response = Tracked;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Tracked, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().dial(uri))
    }
}

/// What hyper's pool asks for connections: TCP, then TLS where the scheme is `https`.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    https: HttpsConnector<Dialer>,
    /// The pool may finish a connection that no request waits for any more, and a server may never finish
    /// its handshake.
    patience: Duration,
}

impl Connector {
    pub(super) fn new(dialer: Dialer, tls: rustls::ClientConfig) -> Self {
        Self { patience: dialer.policy.limits.wall_time, https: HttpsConnector::from((dialer, tls)) }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Tracked>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connected = tokio::time::timeout(self.patience, self.https.call(uri));
        Box::pin(async { connected.await.unwrap_or_else(|_| Err(ConnectError::TimedOut.into())) })
    }
}

/// A connection that counts as open for as long as it is.
#[derive(Debug)]
pub(super) struct Tracked {
    stream: TokioIo<TcpStream>,
    open: Arc<AtomicUsize>,
}

impl Tracked {
    fn new(stream: TcpStream, open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Relaxed);
        Self { stream: TokioIo::new(stream), open }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

impl Connection for Tracked {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Tracked {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl Write for Tracked {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolver::Resolver;
    use super::*;

    fn dialer(granted: &[&str]) -> Dialer {
        let mut policy = Policy::default_for("hello");
        policy.grants.allowed_private_networks =
            granted.iter().map(|network| network.parse().unwrap()).collect();
        Dialer {
            policy: Arc::new(policy),
            lookups: Lookups::new(Resolver::System),
            runtime_api: Arc::new(RuntimeApi::new("10.0.0.7:9001").unwrap()),
            open: Arc::default(),
        }
    }

    async fn is_permitted(dialer: &Dialer, address: &str) -> bool {
        dialer.check(address.parse().unwrap()).await.is_ok()
    }

    #[tokio::test]
    async fn the_runtime_api_is_refused_where_it_is_and_on_loopback() {
        let dialer = dialer(&["10.0.0.0/8", "127.0.0.0/8", "::1/128"]);
        for api in ["10.0.0.7:9001", "[::ffff:10.0.0.7]:9001", "[64:ff9b::a00:7]:9001", "127.0.0.1:9001"] {
            assert!(!is_permitted(&dialer, api).await, "{api}");
        }
        for other in ["10.0.0.7:9002", "10.0.0.8:9001", "127.0.0.1:9002", "[::1]:9002", "1.1.1.1:9001"] {
            assert!(is_permitted(&dialer, other).await, "{other}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_judged_as_loopback() {
        let own =
            |granted: &[&str], address: &str| dialer(granted).check_own(address.parse().unwrap()).is_ok();
        assert!(!own(&["10.0.0.0/8"], "10.0.0.1:80"));
        assert!(own(&["127.0.0.0/8"], "10.0.0.1:80"));
        assert!(!own(&["127.0.0.0/8"], "10.0.0.1:9001"));
        assert!(own(&["::1/128"], "[fd00::1]:80") && !own(&["127.0.0.0/8"], "[fd00::1]:80"));
    }
}
