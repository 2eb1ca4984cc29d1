//! Makes connections, and only to addresses that the policy allows.
//!
//! A name is resolved once for a connection, and the connection goes to an address that was checked: a second
//! lookup could have another result.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::account::Account;
use super::address::{self, Refusal};
use super::link::{Link, Stream};
use super::pool::Purpose;
use super::resolver::Lookups;
use super::target::Target;
use super::wire::{Payer, Wire};
use crate::engine::meter::Meter;
use crate::policy::Policy;

/// The number of addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// The connection could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The name does not resolve.
    #[error("the host's name could not be resolved")]
    Lookup(#[source] io::Error),
    /// The name resolves to no address.
    #[error("the host's name has no address")]
    NoAddress,
    /// None of its addresses is allowed.
    #[error("the host's address is not allowed")]
    Refused(#[source] Refusal),
    /// The address that must be out of reach is unknown, so no address is reachable.
    #[error("the Runtime API's address could not be resolved")]
    RuntimeApi(#[source] io::Error),
    /// Nothing listens at the address.
    #[error("the host could not be connected to")]
    Connect(#[source] io::Error),
    /// TLS needs a valid name or address to check the certificate.
    #[error("the host's name is not valid in a certificate")]
    Name(#[source] InvalidDnsNameError),
    /// The server and the client did not agree.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// HTTP could not be started.
    #[error("HTTP could not be started on the connection")]
    Http(#[source] hyper::Error),
    /// It took too long.
    #[error("the host did not answer in time")]
    TimedOut,
}

/// The address of the Runtime API, which no guest may reach: its clients can answer the events of other
/// tenants.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    host: String,
    port: u16,
    addresses: OnceCell<Vec<SocketAddr>>,
}

impl RuntimeApi {
    /// Parses `host:port`; the default port is 80.
    pub(super) fn new(authority: &str) -> Option<Self> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, 80),
        };
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, addresses: OnceCell::new() })
    }

    /// Rejects its address, and its port on all loopback addresses: a server may listen on every address of
    /// the machine.
    async fn check(&self, address: SocketAddr, lookups: &Lookups, meter: &Meter) -> Result<(), ConnectError> {
        let lookup = || lookups.lookup(&self.host, self.port, meter);
        let own = self.addresses.get_or_try_init(lookup).await.map_err(ConnectError::RuntimeApi)?;
        let plain = address::unwrapped(address.ip());
        let is_own = own.iter().any(|own| own.ip().to_canonical() == plain);
        if address.port() == self.port && (is_own || plain.is_loopback()) {
            return Err(ConnectError::Refused(Refusal::RuntimeApi(address)));
        }
        Ok(())
    }
}

/// Makes the connections of one client.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) policy: Arc<Policy>,
    pub(super) lookups: Lookups,
    pub(super) runtime_api: Arc<RuntimeApi>,
    pub(super) tls: Tls,
}

/// The TLS configuration of a client.
#[derive(Debug)]
pub(super) struct Tls {
    /// With session resumption.
    pub(super) resuming: Arc<ClientConfig>,
    /// Without session resumption: a resumed session identifies the client to a server, and relies on an
    /// earlier handshake.
    pub(super) afresh: Arc<ClientConfig>,
}

impl Dialer {
    /// Makes a connection for `purpose`, which is charged to this event.
    pub(super) async fn dial(&self, purpose: &Purpose, account: &Arc<Account>) -> Result<Link, ConnectError> {
        let target = &purpose.target;
        let socket = Arc::new(self.reach(target, &account.sender.meter).await?);
        let payer = Payer::default();
        payer.set(Some(Arc::clone(account)));
        let wire = Wire::new(Arc::clone(&socket), payer.clone());
        let stream = if target.is_tls() {
            let name = ServerName::try_from(target.name()).map_err(ConnectError::Name)?.to_owned();
            let config = if purpose.stranger.is_some() { &self.tls.afresh } else { &self.tls.resuming };
            let handshake = TlsConnector::from(Arc::clone(config)).connect(name, wire);
            Stream::Tls(Box::new(handshake.await.map_err(ConnectError::Handshake)?))
        } else {
            Stream::Plain(wire)
        };
        Link::new(stream, socket, payer).await.map_err(ConnectError::Http)
    }

    async fn reach(&self, target: &Target, meter: &Meter) -> Result<TcpStream, ConnectError> {
        let addresses = self.lookups.lookup(target.host(), target.port(), meter).await;
        let mut failure = ConnectError::NoAddress;
        let mut permitted = Vec::new();
        for address in addresses.map_err(ConnectError::Lookup)? {
            match self.check(address, meter).await {
                Ok(()) => permitted.push(address),
                Err(error) => failure = error,
            }
        }
        permitted.truncate(MAX_ADDRESSES);
        // An address that never answers leaves time for the others.
        let patience =
            self.policy.limits.wall_time / u32::try_from(permitted.len().max(1)).unwrap_or(u32::MAX);
        for address in permitted {
            let connected = timeout(patience, self.connect(address)).await;
            match connected.unwrap_or(Err(ConnectError::TimedOut)) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn check(&self, address: SocketAddr, meter: &Meter) -> Result<(), ConnectError> {
        let granted = &self.policy.grants.allowed_private_networks;
        address::check(address.ip(), granted).map_err(ConnectError::Refused)?;
        self.runtime_api.check(address, &self.lookups, meter).await
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, ConnectError> {
        let stream = TcpStream::connect(address).await.map_err(ConnectError::Connect)?;
        if !address::unwrapped(address.ip()).is_loopback() && is_to_itself(&stream) {
            self.check_own(address)?;
        }
        // Requests are written in one piece, so waiting for more data would only delay them.
        stream.set_nodelay(true).map_err(ConnectError::Connect)?;
        Ok(stream)
    }

    /// Any other address of this machine reaches the loopback services too. Nothing was sent to it yet.
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
        // It may be closed already.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::resolver::Resolver;
    use super::*;

    fn dialer(granted: &[&str]) -> Dialer {
        let mut policy = Policy::default_for("hello");
        policy.grants.allowed_private_networks =
            granted.iter().map(|network| network.parse().unwrap()).collect();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
        Dialer {
            policy: Arc::new(policy),
            lookups: Lookups::new(Resolver::System, Arc::default()),
            runtime_api: Arc::new(RuntimeApi::new("10.0.0.7:9001").unwrap()),
            tls: Tls { resuming: Arc::clone(&tls), afresh: tls },
        }
    }

    async fn is_permitted(dialer: &Dialer, address: &str) -> bool {
        dialer.check(address.parse().unwrap(), &Meter::new(Duration::MAX)).await.is_ok()
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
