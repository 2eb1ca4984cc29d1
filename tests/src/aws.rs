//! A server that stands in for STS and for a service of AWS: it shows with which key a request was signed, and it can misbehave.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::{Headers, Message, Reader, encode, find};

/// A running server.
///
/// A session has the value of the session tag in the id of its key. Other requests are answered with their head, as an
/// endpoint does that shows what it was sent.
#[derive(Debug)]
pub struct Aws {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    sessions: AtomicUsize,
    /// STS answers nothing, and closes the connection.
    is_gone: AtomicBool,
    /// The heads of requests to the service.
    heads: Mutex<Vec<String>>,
}

impl Aws {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// Where there is none.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
        let address = listener.local_addr().expect("the address");
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), shared) = (stream, Arc::clone(&serving)) else { return };
                std::thread::spawn(move || shared.converse(&stream));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of sessions that STS was asked for.
    pub fn sessions(&self) -> usize {
        self.shared.sessions.load(Ordering::Relaxed)
    }

    /// From now on, STS does not answer.
    pub fn lose_sts(&self) {
        self.shared.is_gone.store(true, Ordering::Relaxed);
    }

    /// The heads of all requests but those to STS.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn converse(&self, stream: &TcpStream) {
        let mut reader = Reader::new(stream.try_clone().expect("a second handle"));
        while let Ok(Some(request)) = reader.request() {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let is_sts = body.starts_with("Action=AssumeRole&");
            if is_sts && self.is_gone.load(Ordering::Relaxed) {
                return;
            }
            let answer = if is_sts { self.session(&body) } else { self.service(&request) };
            let headers: Headers = vec![("Content-Type".to_owned(), b"text/plain".to_vec())];
            if reader.write(&encode("HTTP/1.1 200 OK", &headers, answer.as_bytes())).is_err() {
                return;
            }
        }
    }

    fn session(&self, body: &str) -> String {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        let tenant = body.split_once("Tags.member.1.Value=").map_or("none", |(_, rest)| rest);
        let tenant = tenant.split('&').next().unwrap_or_default();
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>KEYOF{tenant}</AccessKeyId>\
             <SecretAccessKey>secret-of-{tenant}</SecretAccessKey><SessionToken>token-of-{tenant}</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
    }

    fn service(&self, request: &Message) -> String {
        let (method, target) = &request.start;
        let mut head = format!("{method} {target}\n");
        for (name, value) in &request.headers {
            head += &format!("{name}: {}\n", String::from_utf8_lossy(value));
        }
        let key = find(&request.headers, "authorization").map(String::from_utf8_lossy).unwrap_or_default();
        let key = key.split_once("Credential=").map_or("none", |(_, rest)| rest);
        let key = key.split('/').next().unwrap_or_default().to_owned();
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
        // All of it is shown only where that is asked for.
        if target.starts_with("/echo") { head } else { key }
    }
}
