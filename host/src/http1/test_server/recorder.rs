//! A server on loopback that answers what a test says to each request, and keeps all of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// The number of its connection.
    pub(crate) connection: usize,
    pub(crate) head: String,
    /// Without the framing of chunks.
    pub(crate) body: Vec<u8>,
}

/// The server.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Recorded>>>,
}

type Answer = dyn Fn(&Recorded) -> String + Send + Sync;

impl Recorded {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The value of a header, if there is exactly one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self.all(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Method, path and query.
    pub(crate) fn line(&self) -> [&str; 3] {
        let mut words = self.head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        [method, path, query]
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Recorder {
    /// Answers with the text that `answer` gives; an empty one closes the connection.
    pub(crate) fn start(answer: impl Fn(&Recorded) -> String + Send + Sync + 'static) -> Self {
        Self::with(None, answer)
    }

    pub(crate) fn with(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Recorded) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let (requests, answer) = (Arc::clone(&server.requests), Arc::new(answer) as Arc<Answer>);
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (stream, tls) = (stream.unwrap(), tls.clone());
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                std::thread::spawn(move || match tls {
                    None => serve(BufReader::new(stream), connection, &requests, &*answer),
                    Some(tls) => {
                        let session = ServerConnection::new(tls).unwrap();
                        serve(
                            BufReader::new(StreamOwned::new(session, stream)),
                            connection,
                            &requests,
                            &*answer,
                        );
                    }
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }
}

/// A response with this status, these header lines and this body.
pub(crate) fn response(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn serve(
    mut stream: BufReader<impl Read + Write>,
    connection: usize,
    requests: &Mutex<Vec<Recorded>>,
    answer: &Answer,
) {
    while let Some((head, body)) = receive(&mut stream) {
        let request = Recorded { connection, head, body };
        let answer = answer(&request);
        requests.lock().unwrap().push(request);
        let stream = stream.get_mut();
        if answer.is_empty() || stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

fn receive(stream: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let value = |name: &str| lower.split_once(name).map(|(_, rest)| rest.lines().next().unwrap().to_owned());
    let mut body = Vec::new();
    if lower.contains("\r\ntransfer-encoding: chunked\r\n") {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            let size = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).ok()?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = value("\r\ncontent-length: ") {
        body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).ok()?;
    }
    Some((head, body))
}
