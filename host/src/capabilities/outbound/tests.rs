//! Requests to real servers on loopback, from the admission of a request to the last byte of its response.

mod hostile;
mod request_bodies;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use super::account::tests::{log, read};
use super::resolver::Resolver;
use super::resolver::tests::Answers;
use super::*;
use crate::engine::meter::Meter;
use crate::log::Scope;
use crate::policy::Owner;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Each with the number of its connection.
type Requests = Mutex<Vec<(usize, String)>>;

/// A server whose n-th connection gives the n-th list of replies and is then closed.
struct Server {
    address: SocketAddr,
    requests: Arc<Requests>,
    handshakes: Arc<Mutex<Vec<HandshakeKind>>>,
    /// One message for each connection that was closed.
    closed: Receiver<()>,
}

impl Server {
    fn start(connections: &[&[&str]]) -> Self {
        Self::at("127.0.0.1:0", None, connections)
    }

    fn at(address: &str, tls: Option<Arc<ServerConfig>>, connections: &[&[&str]]) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (closing, closed) = channel();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            handshakes: Arc::default(),
            closed,
        };
        let (requests, handshakes) = (Arc::clone(&server.requests), Arc::clone(&server.handshakes));
        let owned = |replies: &&[&str]| replies.iter().map(|&reply| reply.to_owned()).collect();
        let connections: Vec<Vec<String>> = connections.iter().map(owned).collect();
        std::thread::spawn(move || {
            for (number, replies) in connections.into_iter().enumerate() {
                let (stream, _) = listener.accept().unwrap();
                let (requests, closing) = (Arc::clone(&requests), closing.clone());
                let connection = Connection { number, replies, requests, closing };
                match &tls {
                    None => drop(std::thread::spawn(move || connection.serve(stream))),
                    Some(tls) => {
                        let session = ServerConnection::new(Arc::clone(tls)).unwrap();
                        let mut stream = StreamOwned::new(session, stream);
                        let kind = loop {
                            if stream.conn.complete_io(&mut stream.sock).is_err() {
                                break None;
                            }
                            if !stream.conn.is_handshaking() {
                                break stream.conn.handshake_kind();
                            }
                        };
                        handshakes.lock().unwrap().extend(kind);
                        connection.serve(stream);
                    }
                }
            }
        });
        server
    }

    fn uri(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    /// The connection that each request came over.
    fn connections(&self) -> Vec<usize> {
        self.requests.lock().unwrap().iter().map(|(number, _)| *number).collect()
    }
}

/// What a server does with one connection.
struct Connection {
    number: usize,
    replies: Vec<String>,
    requests: Arc<Requests>,
    closing: Sender<()>,
}

impl Connection {
    /// Answers requests in turn. A reply that is empty closes the connection in place of an answer; `…` at the end of
    /// one keeps it open for as long as the client does.
    fn serve(self, mut stream: impl Read + Write) {
        for reply in &self.replies {
            let request = receive(&mut stream);
            if request.is_empty() {
                break;
            }
            self.requests.lock().unwrap().push((self.number, request));
            let _ = stream.write_all(reply.trim_end_matches('…').as_bytes()).and_then(|()| stream.flush());
            if reply.ends_with('…') {
                let _ = stream.read(&mut [0]);
            }
        }
        drop(stream);
        let _ = self.closing.send(());
    }
}

/// A request, with its body if that is chunked; empty when the client closed the connection.
fn receive(stream: &mut impl Read) -> String {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received);
        let end = if text.contains("transfer-encoding: chunked") { "\r\n0\r\n\r\n" } else { "\r\n\r\n" };
        if text.ends_with(end) {
            return text.into_owned();
        }
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => received.push(byte[0]),
            _ => return String::new(),
        }
    }
}

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
            clients: Clients::with_resolver(log, runtime_api, roots, resolver).unwrap(),
            policy,
            log: file,
        }
    }

    fn outbound(&self, tenant: &str) -> Outbound {
        self.outbound_of(Owner::Tenant(tenant.to_owned()), tenant)
    }

    /// Of a tenant that shares the limits of this owner.
    fn outbound_of(&self, owner: Owner, tenant: &str) -> Outbound {
        let mut outbound = Outbound::new(Arc::clone(&self.clients), Arc::new(self.policy.clone()));
        let scope = Scope { request_id: Some("1".to_owned()), tenant_id: Some(tenant.to_owned()) };
        outbound.begin(super::Sender { scope, owner, meter: Meter::new(self.policy.limits.cpu_time) });
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
        self.exchange((account, target), options)?.run(request).await
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

/// A certificate for `localhost`, as a file that clients trust and as the settings of a server.
fn certificate() -> (Vec<(PathBuf, Vec<u8>)>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    (vec![(PathBuf::from("ca.pem"), made.cert.pem().into_bytes())], Arc::new(config))
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
    assert_eq!(usage, OutboundUsage { requests: 1, bytes_out, bytes_in, time, limit: None });
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
    assert!(text.contains("since 169.254.169.254 is link-local"), "{text}");
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

#[tokio::test]
async fn a_response_over_the_budget_is_cut_off() {
    let large = format!("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let server = Server::start(&[&[&large]]);
    let mut handler = Handler::new();
    handler.policy.limits.outbound_bytes = 50_000;
    let mut outbound = handler.outbound("a");
    let cut = outbound.get(&server.uri()).await;
    assert!(matches!(cut, Err(Error::HttpResponseBodySize(Some(50_000)))), "{cut:?}");
    assert_eq!(outbound.usage().limit, Some(Limit::OutboundBytes));
}

#[tokio::test]
async fn a_request_over_the_budget_is_cut_off() {
    let server = Server::start(&[&[OK]]);
    let mut handler = Handler::new();
    handler.policy.limits.outbound_bytes = 3;
    let mut outbound = handler.outbound("a");
    let cut = outbound.send(request(Method::POST, &server.uri(), "four"), None).await;
    assert!(matches!(cut, Err(Error::HttpRequestBodySize(Some(3)))), "{cut:?}");
    assert_eq!(outbound.usage().limit, Some(Limit::OutboundBytes));
}

#[tokio::test]
async fn a_head_without_end_is_not_taken() {
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(200_000));
    let server = Server::start(&[&[&head]]);
    let failed = Handler::new().get("a", &server.uri()).await;
    assert!(matches!(failed, Err(Error::HttpResponseHeaderSectionSize(None))), "{failed:?}");
}

#[tokio::test]
async fn a_response_that_ends_early_is_an_error() {
    let server = Server::start(&[&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok"]]);
    let failed = Handler::new().get("a", &server.uri()).await;
    assert!(matches!(failed, Err(Error::ConnectionTerminated)), "{failed:?}");
}

#[tokio::test]
async fn silence_ends_with_the_guest_s_patience() {
    let options = |first_byte, between_bytes| RequestOptions {
        connect_timeout: None,
        first_byte_timeout: Some(Duration::from_millis(first_byte)),
        between_bytes_timeout: Some(Duration::from_millis(between_bytes)),
    };
    let server = Server::start(&[&["…"], &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok…"]]);
    let mut outbound = Handler::new().outbound("a");
    let get = || request(Method::GET, &server.uri(), "");
    let silent = outbound.send(get(), Some(options(20, 5000))).await;
    assert!(matches!(silent, Err(Error::ConnectionReadTimeout)), "{silent:?}");
    let mut body = outbound.send(get(), Some(options(5000, 20))).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ok");
    let stalled = body.frame().await.unwrap();
    assert!(matches!(stalled, Err(Error::ConnectionReadTimeout)), "{stalled:?}");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn silence_ends_with_the_event() {
    let server = Server::start(&[&["…"]]);
    let mut handler = Handler::new();
    handler.policy.limits.wall_time = Duration::from_millis(20);
    assert!(matches!(handler.get("a", &server.uri()).await, Err(Error::ConnectionReadTimeout)));
}

#[tokio::test]
async fn no_patience_at_all_is_an_error_and_no_panic() {
    let server = Server::start(&[&["…"]]);
    let none = Some(Duration::ZERO);
    let options =
        RequestOptions { connect_timeout: none, first_byte_timeout: none, between_bytes_timeout: none };
    let mut outbound = Handler::new().outbound("a");
    let failed = outbound.send(request(Method::GET, &server.uri(), ""), Some(options)).await;
    // Loopback may be faster than any timer.
    let is_timeout = matches!(failed, Err(Error::ConnectionTimeout | Error::ConnectionReadTimeout));
    assert!(is_timeout, "{failed:?}");
}

#[tokio::test]
async fn a_handshake_without_end_ends_with_the_event() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut handler = Handler::new();
    handler.policy.limits.wall_time = Duration::from_millis(20);
    let failed = handler.get("a", &format!("https://{}/", silent.local_addr().unwrap())).await;
    assert!(matches!(failed, Err(Error::ConnectionTimeout)), "{failed:?}");
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failed = Handler::new().get("a", &format!("http://{gone}/")).await;
    assert!(matches!(failed, Err(Error::ConnectionRefused)), "{failed:?}");
}

#[tokio::test]
async fn requests_under_way_are_limited() {
    let server = Server::start(&[&["…"] as &[&str]; 17]);
    let mut outbound = Handler::new().outbound("a");
    let mut start = |connect_timeout| {
        let request = request(Method::GET, &server.uri(), "");
        let admitted = (outbound.account().unwrap(), Target::of(request.uri()).unwrap());
        let options = RequestOptions { connect_timeout, ..RequestOptions::default() };
        tokio::spawn(outbound.exchange(admitted, Some(options)).unwrap().run(request))
    };
    let running: Vec<_> = (0..16).map(|_| start(None)).collect();
    let last = start(Some(Duration::from_millis(20))).await.unwrap();
    assert!(matches!(last, Err(Error::ConnectionLimitReached)), "{last:?}");
    // One that is given up makes room.
    running[0].abort();
    let next = start(Some(Duration::from_secs(4)));
    running[1].abort();
    tokio::task::yield_now().await;
    assert!(!next.is_finished());
}
