//! Requests to real servers on loopback, from the admission of a request to the last byte of its response.

mod credentials;
mod hostile;
mod limits;
mod request_bodies;

use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use rustls::HandshakeKind;

use super::account::tests::{log, read};
use super::resolver::Resolver;
use super::resolver::tests::Answers;
use super::*;
use crate::engine::meter::Meter;
use crate::http1::test_server::{OK, Server, certificate, receive};
use crate::log::Scope;
use crate::policy::Owner;

/// Clients, and the policy and log of one handler that may reach loopback.
struct Handler {
    clients: Arc<Clients>,
    policy: Policy,
    log: File,
}

impl Handler {
    fn new() -> Self {
        Self::with("127.0.0.1:1", Resolver::System, &[])
    }

    fn with(runtime_api: &str, resolver: Resolver, roots: &[(PathBuf, Vec<u8>)]) -> Self {
        let (log, file) = log();
        let mut policy = Policy::default_for("hello");
        policy.grants.allowed_private_networks =
            vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        Self {
            clients: Arc::new(Clients::with_resolver(log, runtime_api, roots, resolver).unwrap()),
            policy,
            log: file,
        }
    }

    fn outbound(&self, tenant: &str) -> Outbound {
        self.outbound_of(Owner::Tenant(tenant.into()), tenant)
    }

    /// Of a tenant that shares the limits of this owner.
    fn outbound_of(&self, owner: Owner, tenant: &str) -> Outbound {
        let mut outbound = Outbound::new(Arc::clone(&self.clients), Arc::new(self.policy.clone()));
        let scope = Scope { request_id: Some("1".into()), tenant_id: Some(tenant.into()) };
        outbound.begin(Sender { scope, owner, meter: Meter::new(self.policy.limits.cpu_time) });
        outbound
    }

    /// What a GET comes back with, or how it failed, in a sandbox of its own.
    async fn get(&self, tenant: &str, uri: &str) -> Result<String, Error> {
        self.outbound(tenant).get(uri).await
    }
}

impl Outbound {
    /// Sends a request that the allow-list is not asked about.
    async fn send(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<Response<WasiBody>, Error> {
        let account = self.account().unwrap();
        account.count_request().map_err(|_| Error::ConnectionLimitReached)?;
        let target = Target::of(request.uri())?;
        self.exchange(account, target, options)?.run(request).await
    }

    /// Processor time that was spent on its connections.
    fn charged(&self) -> Duration {
        self.account.as_ref().unwrap().sender.meter.spent()
    }

    async fn get(&mut self, uri: &str) -> Result<String, Error> {
        let response = self.send(request(Method::GET, uri, ""), None).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }
}

fn request(method: Method, uri: &str, body: &'static str) -> Request<WasiBody> {
    let body = Full::<Bytes>::from(body).map_err(|never| match never {}).boxed_unsync();
    Request::builder().method(method).uri(uri).body(body).unwrap()
}

#[tokio::test]
async fn a_request_is_as_the_guest_made_it_but_for_its_host() {
    let server = Server::start(&[&[OK]]);
    let handler = Handler::new();
    let mut outbound = handler.outbound("a");
    assert_eq!(outbound.get(&format!("{}path?q=1", server.uri())).await.unwrap(), "ok");
    let host = server.address;
    let asked = format!("GET /path?q=1 HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let usage = outbound.usage();
    let time = usage.time;
    let (bytes_out, bytes_in) = (asked.len() as u64, OK.len() as u64);
    assert_eq!(usage, OutboundUsage { requests: 1, bytes_out, bytes_in, time, ..OutboundUsage::default() });
    assert_eq!(server.requests(), [asked]);
    assert!(time > Duration::ZERO);
    assert_eq!(outbound.usage().time, time, "its response has been read, and the clock still runs");
}

#[tokio::test]
async fn redirects_are_left_to_the_guest() {
    let server = Server::start(&[&["HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n"]]);
    let mut outbound = Handler::new().outbound("a");
    let response = outbound.send(request(Method::GET, &server.uri(), ""), None).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_is_not_on_the_list_is_denied_with_the_line_that_would_allow_it() {
    let handler = Handler::new();
    let mut outbound = handler.outbound("a");
    let mut send = |method, uri| {
        let sending = outbound.send_request(request(method, uri, ""), None, Box::new(async { Ok(()) }));
        async { Box::into_pin(sending).await.map(drop).unwrap_err() }
    };
    assert!(matches!(send(Method::GET, "https://a.example/").await, Error::HttpRequestDenied));
    assert!(matches!(send(Method::CONNECT, "https://a.example/").await, Error::HttpRequestMethodInvalid));
    assert!(matches!(send(Method::GET, "https://u@a.example/").await, Error::HttpRequestUriInvalid));
    assert_eq!(outbound.usage().requests, 3);
    let text = read(handler.log);
    assert_eq!(text.matches("add \"https://a.example\" to allowed_outbound_hosts").count(), 1, "{text}");
}

#[tokio::test]
async fn nothing_is_sent_before_the_event() {
    let handler = Handler::new();
    let mut outbound = Outbound::new(Arc::clone(&handler.clients), Arc::new(handler.policy.clone()));
    let asked = request(Method::GET, "https://a.example/", "");
    let sending = outbound.send_request(asked, None, Box::new(async { Ok(()) }));
    assert!(matches!(Box::into_pin(sending).await.map(drop), Err(Error::HttpRequestDenied)));
    assert_eq!(outbound.usage(), OutboundUsage::default());
}

#[test]
fn headers_of_the_connection_are_the_host_s() {
    for name in ["host", "connection", "transfer-encoding", "te", "trailer", "expect", "proxy-foo", "upgrade"]
    {
        assert!(is_forbidden(&HeaderName::from_static(name)), "{name}");
    }
    // Servers that make variables of headers read these as those above.
    for name in [
        "transfer_encoding",
        "transfer.encoding",
        "keep_alive",
        "proxy_foo",
        "content_length",
        "content~length",
    ] {
        assert!(is_forbidden(&HeaderName::from_static(name)), "{name}");
    }
    for name in [
        "authorization",
        "content-length",
        "content-type",
        "cookie",
        "x-proxy",
        "x_proxy",
        "x_transfer_encoding",
    ] {
        assert!(!is_forbidden(&HeaderName::from_static(name)), "{name}");
    }
}

#[tokio::test]
async fn connections_outlive_sandboxes_but_are_not_shared_between_tenants() {
    let server = Server::start(&[&[OK; 3], &[OK; 3], &[OK; 3]]);
    let handler = Handler::new();
    for tenant in ["a", "a", "b", "a", "b"] {
        handler.get(tenant, &server.uri()).await.unwrap();
    }
    assert_eq!(server.connections(), [0, 0, 1, 0, 1]);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_frozen_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let (freeze, frozen) = channel();
    let (closing, closed) = channel();
    let server = std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        let mut requests = vec![receive(&mut first)];
        first.write_all(OK.as_bytes()).unwrap();
        frozen.recv().unwrap();
        drop(first);
        closing.send(()).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        requests.push(receive(&mut second));
        second.write_all(OK.as_bytes()).unwrap();
        requests
    });
    let handler = Handler::new();
    handler.get("a", &uri).await.unwrap();
    // The connection is at rest before it is closed.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    freeze.send(()).unwrap();
    // Blocks the runtime as well, as a freeze does.
    closed.recv().unwrap();
    let posted = handler.outbound("a").send(request(Method::POST, &uri, "once"), None).await.unwrap();
    assert_eq!(posted.status(), 200);
    let requests = server.join().unwrap();
    assert!(requests[0].starts_with("GET ") && requests[1].starts_with("POST "), "{requests:?}");
}

#[tokio::test]
async fn a_request_that_was_sent_is_never_sent_again() {
    let server = Server::start(&[&[OK, ""], &[OK]]);
    let handler = Handler::new();
    handler.get("a", &server.uri()).await.unwrap();
    let lost = handler.get("a", &server.uri()).await;
    assert!(matches!(lost, Err(Error::ConnectionTerminated)), "{lost:?}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_that_rested_too_long_by_the_clock_is_not_used() {
    let server = Server::start(&[&[OK, OK], &[OK]]);
    let handler = Handler::new();
    handler.get("a", &server.uri()).await.unwrap();
    handler.clients.last().pool.rest(Duration::from_secs(60));
    handler.get("a", &server.uri()).await.unwrap();
    assert_eq!(server.connections(), [0, 1]);
}

#[tokio::test]
async fn many_hosts_do_not_use_up_the_descriptors() {
    let server = Server::at("0.0.0.0:0", None, &[&[OK, OK] as &[&str]; 24]);
    let handler = Handler::new();
    for last in 1..=24_usize {
        handler.get("a", &format!("http://127.0.0.{last}:{}/", server.port())).await.unwrap();
        let resting = handler.clients.last().pool.resting();
        assert!(resting == last.min(8), "{resting} rest after {last}");
    }
    // The others have been closed.
    (0..16).for_each(|_| server.closed.recv().unwrap());
}

#[tokio::test]
async fn only_addresses_that_are_permitted_are_connected_to() {
    let server = Server::start(&[&[OK], &[OK]]);
    let answers: &[&[&str]] = &[&["10.0.0.1", "169.254.169.254", "127.0.0.1"], &["169.254.169.254"], &[]];
    let handler = Handler::with("127.0.0.1:1", Answers::of("a.example", answers), &[]);
    let uri = format!("http://a.example:{}/", server.port());
    assert_eq!(handler.get("a", &uri).await.unwrap(), "ok");
    server.closed.recv().unwrap();
    // A new connection, so a new lookup, and the answer has changed.
    assert!(matches!(handler.get("a", &uri).await, Err(Error::DestinationIpProhibited)));
    assert!(matches!(handler.get("a", &uri).await, Err(Error::DestinationNotFound)));
    assert!(matches!(handler.get("a", &uri).await, Err(Error::DnsError { .. })));
    assert_eq!(server.requests().len(), 1);
    let text = read(handler.log);
    assert!(text.contains("was denied because 169.254.169.254 is link-local"), "{text}");
    assert_eq!(text.matches("outbound request to").count(), 1, "{text}");
}

#[tokio::test]
async fn loopback_must_be_granted_by_name() {
    let server = Server::start(&[&[OK]]);
    let mut handler = Handler::new();
    handler.policy.grants.allowed_private_networks = vec!["0.0.0.0/0".parse().unwrap()];
    for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"] {
        let refused = handler.get("a", &format!("http://{host}:{}/", server.port())).await;
        assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{host}: {refused:?}");
    }
    let refused = handler.get("a", &format!("http://0.0.0.0:{}/", server.port())).await;
    assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{refused:?}");
    assert_eq!(server.requests().len(), 0);
    assert!(read(handler.log).contains("add \"127.0.0.0/8\" or a part of it to allowed_private_networks"));
}

#[tokio::test]
async fn the_runtime_api_is_out_of_reach_under_every_name() {
    let server = Server::at("0.0.0.0:0", None, &[&[OK]]);
    let handler = Handler::with(&format!("localhost:{}", server.port()), Resolver::System, &[]);
    for host in ["127.0.0.1", "127.9.9.9", "localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]"] {
        let refused = handler.get("a", &format!("http://{host}:{}/", server.port())).await;
        assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{host}: {refused:?}");
    }
    assert_eq!(server.requests().len(), 0);
    assert!(read(handler.log).contains("is Lambda's Runtime API; no grant allows it"));
}

/// The addresses of this machine that others know it by; none without a network.
fn own_addresses() -> Vec<IpAddr> {
    let own = |(any, other): (&str, &str)| {
        // Nothing is sent; this only asks which address would be used.
        let probe = std::net::UdpSocket::bind((any, 0)).ok()?;
        probe.connect((other, 9)).ok()?;
        Some(probe.local_addr().ok()?.ip())
    };
    [("0.0.0.0", "1.1.1.1"), ("::", "2606:4700::1")].into_iter().filter_map(own).collect()
}

#[tokio::test]
async fn another_address_of_this_machine_is_loopback() {
    for own in own_addresses() {
        let server = Server::at(&SocketAddr::new(own, 0).to_string(), None, &[&[OK], &[OK]]);
        let uri = format!("http://{}/", server.address);
        let mut runtime_api = Handler::with(&format!("127.0.0.1:{}", server.port()), Resolver::System, &[]);
        let mut other = Handler::new();
        other.policy.grants.allowed_private_networks.clear();
        for handler in [&mut runtime_api, &mut other] {
            let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
            let private = private.map(|network| network.parse::<ipnet::IpNet>().unwrap());
            handler.policy.grants.allowed_private_networks.extend(private);
            let refused = handler.get("a", &uri).await;
            assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{own}: {refused:?}");
        }
        assert_eq!(server.requests().len(), 0);
    }
}

#[tokio::test]
async fn certificates_are_checked_against_the_given_roots() {
    let (roots, tls) = certificate();
    let server = Server::at("127.0.0.1:0", Some(tls), &[&[OK] as &[&str]; 4]);
    let uri = format!("https://localhost:{}/", server.port());
    let resolver = || Answers::of("localhost", &[&["127.0.0.1"]]);
    assert_eq!(Handler::with("127.0.0.1:1", resolver(), &roots).get("a", &uri).await.unwrap(), "ok");
    let unknown = Handler::with("127.0.0.1:1", resolver(), &[]).get("a", &uri).await;
    assert!(matches!(unknown, Err(Error::TlsCertificateError)), "{unknown:?}");
    let other_name = format!("https://{}/", server.address);
    let wrong = Handler::with("127.0.0.1:1", resolver(), &roots).get("a", &other_name).await;
    assert!(matches!(wrong, Err(Error::TlsCertificateError)), "{wrong:?}");
}

#[tokio::test]
async fn no_tls_where_tls_is_asked_for_is_an_error() {
    let server = Server::start(&[&[OK]]);
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || plain.accept().unwrap().0.write_all(OK.as_bytes()));
    let failed = Handler::new().get("a", &format!("https://127.0.0.1:{port}/")).await;
    assert!(matches!(failed, Err(Error::TlsProtocolError)), "{failed:?}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn tls_sessions_are_resumed_by_their_tenant_only() {
    let (roots, tls) = certificate();
    let server = Server::at("127.0.0.1:0", Some(tls), &[&[OK] as &[&str]; 3]);
    let uri = format!("https://localhost:{}/", server.port());
    let answers = Answers::of("localhost", &[&["127.0.0.1"] as &[&str]; 3]);
    let handler = Handler::with("127.0.0.1:1", answers, &roots);
    for tenant in ["a", "a", "b"] {
        handler.get(tenant, &uri).await.unwrap();
        server.closed.recv().unwrap();
    }
    let kinds = server.handshakes.lock().unwrap().clone();
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Full]);
}
