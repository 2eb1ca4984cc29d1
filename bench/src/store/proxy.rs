//! A proxy before an object store: it delays each request, and counts the requests by their kind.
//!
//! It keeps connections open, as S3 does, and opens one for each request to the server behind it, which may not.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Requests;
use crate::wire::{Body, Inbox, invalid, send};

/// Headers that describe one connection or the form of the body, and are written anew.
const OF_CONNECTION: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];

/// A running proxy. It stops when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behind: SocketAddr,
    delay: Duration,
    requests: Mutex<Requests>,
    stopped: AtomicBool,
}

/// A message, with the first line and the headers that are passed on.
#[derive(Debug)]
struct Message {
    /// The method and the path of a request, or the status of a response.
    start: String,
    headers: String,
    body: Body,
}

impl Proxy {
    /// Starts a proxy before this server.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn start(behind: SocketAddr, delay: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding a port")?;
        let address = listener.local_addr().context("asking for the port")?;
        let (requests, stopped) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { behind, delay, requests, stopped });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Ok(Self { address, shared })
    }

    /// Its address, as `endpoint_url`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Requests {
        *self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // The accepting thread sleeps until a connection comes.
        drop(TcpStream::connect(self.address));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // A client may disconnect at any time, and notices itself if an answer is missing.
        thread::spawn(move || drop(serve(&stream, &shared)));
    }
}

fn serve(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut inbox = Inbox::default();
    while let Some(request) = inbox.head(client, request)? {
        let body = inbox.body(client, request.body)?.to_vec();
        thread::sleep(shared.delay);
        let behind = TcpStream::connect(shared.behind)?;
        let head = format!("{} HTTP/1.1\r\n{}Connection: close\r\n", request.start, request.headers);
        send(&behind, format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body)?;
        let mut answers = Inbox::default();
        let response = answers.head(&behind, response)?.ok_or_else(|| invalid("no response"))?;
        let has_body = !request.start.starts_with("HEAD ");
        let content = answers.body(&behind, if has_body { response.body } else { Body::Sized(0) })?;
        shared.count(&request.start, &response.start);
        // A 304 has no body, and no length.
        let length = match response.start.starts_with("304") {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", content.len()),
        };
        let head = format!("HTTP/1.1 {}\r\n{}{length}\r\n", response.start, response.headers);
        send(client, head.as_bytes(), content)?;
    }
    Ok(())
}

impl Shared {
    fn count(&self, request: &str, status: &str) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let is_get = request.starts_with("GET ");
        let of = |folder: &str| is_get && request.contains(folder);
        let counted = match status.get(..3).unwrap_or_default() {
            "304" => &mut requests.unchanged,
            "200" if of("/tenants/") => &mut requests.records,
            "200" if of("/native/") => &mut requests.codes,
            _ => &mut requests.others,
        };
        *counted += 1;
    }
}

fn request(bytes: &[u8]) -> io::Result<Option<(usize, Message)>> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut slots);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| invalid("no request"))? else {
        return Ok(None);
    };
    let start = format!("{} {}", head.method.unwrap_or_default(), head.path.unwrap_or_default());
    let body = Body::announced(head.headers)?;
    Ok(Some((length, Message { start, headers: passed_on(head.headers), body })))
}

fn response(bytes: &[u8]) -> io::Result<Option<(usize, Message)>> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| invalid("no response"))? else {
        return Ok(None);
    };
    let code = head.code.unwrap_or_default();
    // These have no body, whatever length they announce.
    let body = if matches!(code, 204 | 304) { Body::Sized(0) } else { Body::announced(head.headers)? };
    let start = format!("{code} {}", head.reason.unwrap_or_default());
    Ok(Some((length, Message { start, headers: passed_on(head.headers), body })))
}

fn passed_on(headers: &[httparse::Header<'_>]) -> String {
    let passed = headers.iter().filter(|header| {
        !OF_CONNECTION.iter().any(|of_connection| header.name.eq_ignore_ascii_case(of_connection))
    });
    passed.map(|header| format!("{}: {}\r\n", header.name, String::from_utf8_lossy(header.value))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const ANSWERS: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 6\r\n\r\nrecord",
        b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ncode\r\n0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ];

    /// A server that gives these answers, one for each connection, and returns the first lines of the requests.
    fn server() -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let answer = |answer: &[u8]| {
                let (stream, _) = listener.accept().unwrap();
                let mut inbox = Inbox::default();
                let request = inbox.head(&stream, request).unwrap().unwrap();
                let body = inbox.body(&stream, request.body).unwrap().escape_ascii().to_string();
                send(&stream, answer, b"").unwrap();
                format!("{} {}{body}", request.start, request.headers.replace("\r\n", ","))
            };
            ANSWERS.into_iter().map(answer).collect()
        });
        (address, serving)
    }

    #[test]
    fn requests_are_passed_on_delayed_and_counted() {
        let (behind, serving) = server();
        let proxy = Proxy::start(behind, Duration::from_millis(2)).unwrap();
        let client = TcpStream::connect(proxy.address).unwrap();
        let mut inbox = Inbox::default();
        let mut ask = |start: &str, body: &str| {
            let head = format!("{start} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n");
            let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
            let begun = Instant::now();
            send(&client, head.as_bytes(), body.as_bytes()).unwrap();
            let answer = inbox.head(&client, response).unwrap().unwrap();
            assert!(begun.elapsed() >= Duration::from_millis(2));
            let content = inbox.body(&client, answer.body).unwrap().escape_ascii().to_string();
            format!("{} {}{content}", answer.start, answer.headers.replace("\r\n", ","))
        };
        let record = "GET /bucket/prefix/tenants/1.json";
        assert_eq!(ask(record, ""), "200 OK ETag: \"1\",record");
        assert_eq!(ask(record, ""), "304 Not Modified ETag: \"1\",");
        assert_eq!(ask("GET /bucket/prefix/native/2.cwasm", ""), "200 OK code");
        assert_eq!(ask("GET /bucket/prefix/tenants/3.json", ""), "404 Not Found ");
        assert_eq!(ask("PUT /bucket/prefix/tenants/3.json", "new"), "200 OK ");
        assert_eq!(proxy.requests(), Requests { records: 1, unchanged: 1, codes: 1, others: 2 });
        let seen = serving.join().unwrap();
        assert_eq!(seen[0], format!("{record} Host: a,"));
        assert!(seen[4].starts_with("PUT /bucket/prefix/tenants/3.json") && seen[4].ends_with(",new"));
        assert!(proxy.endpoint().starts_with("http://127.0.0.1:"));
    }
}
