//! Servers on loopback that send prepared replies, with or without TLS.

pub(crate) mod recorder;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The requests, each with the number of its connection.
type Requests = Mutex<Vec<(usize, String)>>;

/// A server whose n-th connection gives the n-th list of replies and is then closed.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Requests>,
    pub(crate) handshakes: Arc<Mutex<Vec<HandshakeKind>>>,
    /// One message for each connection that was closed.
    pub(crate) closed: Receiver<()>,
}

impl Server {
    pub(crate) fn start(connections: &[&[&str]]) -> Self {
        Self::at("127.0.0.1:0", None, connections)
    }

    pub(crate) fn at(address: &str, tls: Option<Arc<ServerConfig>>, connections: &[&[&str]]) -> Self {
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

    pub(crate) fn uri(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    /// The connection that each request came over.
    pub(crate) fn connections(&self) -> Vec<usize> {
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
    /// Replies to requests in turn. An empty reply closes the connection without a reply. A reply that ends
    /// in `…` keeps the connection open until the client closes it.
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

/// Reads a request, with its body if that is chunked. Empty if the client closed the connection.
pub(crate) fn receive(stream: &mut impl Read) -> String {
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

/// A certificate for `localhost`, as a file for clients and as settings for a server.
pub(crate) fn certificate() -> (Vec<(PathBuf, Vec<u8>)>, Arc<ServerConfig>) {
    certificate_for("localhost")
}

/// The same for another name.
pub(crate) fn certificate_for(name: &str) -> (Vec<(PathBuf, Vec<u8>)>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    (vec![(PathBuf::from("ca.pem"), made.cert.pem().into_bytes())], Arc::new(config))
}
