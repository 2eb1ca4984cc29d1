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
    /// How the service refuses all sessions but the newest generation, and which that is.
    refusal: Mutex<Option<(Refusal, usize)>>,
}

/// How a service refuses a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It says that the session has expired.
    Expired,
    /// It denies access, as it does once the sessions of a role were revoked.
    Revoked,
}

impl Refusal {
    fn answer(self) -> [&'static str; 2] {
        match self {
            Self::Expired => {
                ["400 Bad Request", r#"{"__type":"com.amazonaws#ExpiredTokenException","message":"x"}"#]
            }
            Self::Revoked => {
                ["403 Forbidden", r#"{"__type":"com.amazonaws#AccessDeniedException","message":"x"}"#]
            }
        }
    }
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

    /// From now on, the service refuses the sessions that were opened so far.
    pub fn refuse_sessions(&self, refusal: Refusal) {
        *lock(&self.shared.refusal) = Some((refusal, self.sessions()));
    }

    /// The heads of all requests but those to STS.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.shared.heads).clone()
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
            let [status, answer] =
                if is_sts { ["200 OK".to_owned(), self.session(&body)] } else { self.service(&request) };
            let headers: Headers = vec![("Content-Type".to_owned(), b"text/plain".to_vec())];
            if reader.write(&encode(&format!("HTTP/1.1 {status}"), &headers, answer.as_bytes())).is_err() {
                return;
            }
        }
    }

    fn session(&self, body: &str) -> String {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        let tenant = body.split_once("Tags.member.1.Value=").map_or("none", |(_, rest)| rest);
        let tenant = tenant.split('&').next().unwrap_or_default();
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>KEYOF{tenant}</AccessKeyId>\
             <SecretAccessKey>secret-of-{tenant}</SecretAccessKey><SessionToken>token-of-{tenant}#{number}</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
    }

    /// The status and the body of an answer.
    fn service(&self, request: &Message) -> [String; 2] {
        let (method, target) = &request.start;
        let mut head = format!("{method} {target}\n");
        for (name, value) in &request.headers {
            head += &format!("{name}: {}\n", String::from_utf8_lossy(value));
        }
        let key = find(&request.headers, "authorization").map(String::from_utf8_lossy).unwrap_or_default();
        let key = key.split_once("Credential=").map_or("none", |(_, rest)| rest);
        let key = key.split('/').next().unwrap_or_default().to_owned();
        lock(&self.heads).push(head.clone());
        let token =
            find(&request.headers, "x-amz-security-token").map(String::from_utf8_lossy).unwrap_or_default();
        let number = token.split_once('#').and_then(|(_, number)| number.parse::<usize>().ok());
        if let (Some((refusal, first)), Some(number)) = (*lock(&self.refusal), number)
            && number < first
        {
            return refusal.answer().map(str::to_owned);
        }
        // All of it is shown only where that is asked for.
        ["200 OK".to_owned(), if target.starts_with("/echo") { head } else { key }]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
