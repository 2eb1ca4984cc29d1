//! A server out on the network, as far as handlers are concerned: HTTP/1.1, with or without TLS, and it remembers who
//! asked for what on which connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A running server. It answers `GET /path` with `200` and the path, `/rates/…` with a rate and `/payments/…` with a payment as JSON, `/moved` with a redirect, and
/// each `/together/N` once there have been N of them.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// The authority that vouches for it, if it speaks TLS, in PEM.
    pub authority: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Vec<OriginRequest>>,
    arrived: Condvar,
    open: Mutex<Vec<TcpStream>>,
    /// What every request must contain, or is answered with 401.
    required: Mutex<String>,
}

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRequest {
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// The head of the request, as it was written.
    pub head: String,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Origin {
    /// A server without TLS, on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::serve(None, None)
    }

    /// One with TLS, whose certificate is for `localhost`.
    pub fn tls() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("the versions of TLS").with_no_client_auth();
        let config =
            builder.with_single_cert(vec![made.cert.der().clone()], key).expect("a server's settings");
        Self::serve(Some(Arc::new(config)), Some(made.cert.pem()))
    }

    fn serve(tls: Option<Arc<ServerConfig>>, authority: Option<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
        let address = listener.local_addr().expect("the address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (Ok(stream), tls) = (stream, tls.clone()) else { return };
                lock(&accepting.open).push(stream.try_clone().expect("a second handle"));
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let session = ServerConnection::new(config).expect("a session");
                        shared.converse(number, StreamOwned::new(session, stream));
                    }
                    None => shared.converse(number, stream),
                });
            }
        });
        Self { address, shared, authority }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far, in the order in which they came.
    pub fn requests(&self) -> Vec<OriginRequest> {
        lock(&self.shared.requests).clone()
    }

    /// From now on, a request without this text in its head is answered with 401.
    pub fn require(&self, text: &str) {
        text.clone_into(&mut lock(&self.shared.required));
    }

    /// Closes all connections, without a word about it.
    pub fn hang_up(&self) {
        for stream in lock(&self.shared.open).drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl Shared {
    fn converse(&self, connection: usize, mut stream: impl Stream) {
        while let Some(head) = head(&mut stream) {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let is_refused = !head.contains(&*lock(&self.required));
            lock(&self.requests).push(OriginRequest { connection, head });
            self.arrived.notify_all();
            self.wait_for_others(&path);
            let status = match &*path {
                _ if is_refused => "401 Unauthorized",
                "/moved" => "302 Found\r\nLocation: /elsewhere",
                _ => "200 OK",
            };
            let body = match path.split('/').nth(1) {
                Some("rates") => r#"{"euros":0.5}"#,
                Some("payments") => r#"{"paid":true}"#,
                Some(_) | None => &path,
            };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    }

    /// Until as many requests for this path have come as it says.
    fn wait_for_others(&self, path: &str) {
        let Some(wanted) = path.strip_prefix("/together/").and_then(|number| number.parse().ok()) else {
            return;
        };
        let of_path = |requests: &Vec<OriginRequest>| {
            requests.iter().filter(|request| request.head.split(' ').nth(1) == Some(path)).count()
        };
        let requests = lock(&self.requests);
        drop(self.arrived.wait_while(requests, |requests| of_path(requests) < wanted));
    }
}

/// Reads a request without a body; none where the peer has gone.
fn head(stream: &mut impl Stream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        (stream.read(&mut byte).ok()? == 1).then_some(())?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
