//! A Runtime API of which a test writes and reads each byte, one connection at a time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::{PollFd, PollFlags, poll};

use crate::bootstrap::{Bootstrap, Running};
use crate::runtime_api::WAIT_LIMIT;
use crate::task_root::TaskRoot;

/// A bootstrap with one of its connections to a server of which each byte is written by the test.
#[derive(Debug)]
pub struct Wire {
    /// The server.
    pub api: RawApi,
    /// The connection.
    pub connection: RawConnection,
    /// The bootstrap.
    pub running: Running,
    _root: TaskRoot,
}

impl Wire {
    /// Starts the bootstrap, and accepts its first connection.
    ///
    /// # Panics
    /// Where there is none within 30 s.
    pub fn start(root: TaskRoot, bootstrap: Bootstrap) -> Self {
        let api = RawApi::start();
        let running = bootstrap.task_root(&root).env("AWS_LAMBDA_RUNTIME_API", api.address()).spawn();
        let connection = api.accept();
        Self { api, connection, running, _root: root }
    }

    /// Delivers an event, and accepts its answer, whose head and body are returned as they came.
    ///
    /// # Panics
    /// Where there is none within 30 s.
    pub fn answer(&mut self, event: &str) -> (String, String) {
        self.connection.deliver(event);
        let head = self.connection.read_to("\r\n\r\n");
        let body = match head.to_lowercase().contains("transfer-encoding: chunked") {
            true => self.connection.read_chunked(),
            false => self.connection.read_to("}"),
        };
        self.connection.accept_answer();
        (head, body)
    }
}

/// Where the bootstrap connects to.
#[derive(Debug)]
pub struct RawApi(TcpListener);

/// A connection of the bootstrap's.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    /// What came behind what was asked for.
    ahead: Vec<u8>,
}

impl RawApi {
    /// Listens.
    ///
    /// # Panics
    /// Where no port can be had.
    pub fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    /// `host:port`.
    ///
    /// # Panics
    /// Where the system does not say.
    pub fn address(&self) -> String {
        self.0.local_addr().expect("the address of a port").to_string()
    }

    /// The next connection.
    ///
    /// # Panics
    /// Where there is none within 30 s.
    pub fn accept(&self) -> RawConnection {
        let limit = rustix::event::Timespec::try_from(WAIT_LIMIT).expect("a reasonable timeout");
        let mut wanted = [PollFd::new(&self.0, PollFlags::IN)];
        let came = poll(&mut wanted, Some(&limit)).expect("wait for a connection");
        assert!(came > 0, "waited {WAIT_LIMIT:?} for a connection");
        let (stream, _) = self.0.accept().expect("a connection");
        stream.set_read_timeout(Some(WAIT_LIMIT)).expect("set a time limit");
        RawConnection { stream, ahead: Vec::new() }
    }

    /// The connection that is made when this one is closed.
    ///
    /// # Panics
    /// Where there is none within 30 s.
    pub fn accept_after(&self, before: RawConnection) -> RawConnection {
        drop(before);
        self.accept()
    }
}

impl RawConnection {
    /// Reads to this, and gives all that came with it.
    ///
    /// # Panics
    /// Where it does not come within 30 s.
    pub fn read_to(&mut self, end: &str) -> String {
        let end = end.as_bytes();
        loop {
            if let Some(at) = self.ahead.windows(end.len()).position(|window| window == end) {
                let read: Vec<u8> = self.ahead.drain(..at + end.len()).collect();
                return String::from_utf8_lossy(&read).into_owned();
            }
            let seen = String::from_utf8_lossy(&self.ahead).into_owned();
            assert!(self.more() > 0, "the connection was closed after {seen:?}");
        }
    }

    /// Whether this came behind what was read, in the same piece.
    pub fn has_read(&self, text: &str) -> bool {
        self.ahead.starts_with(text.as_bytes())
    }

    /// Reads a chunked body with its trailers, and gives it as it came.
    ///
    /// # Panics
    /// Where it does not come within 30 s, or is no such body.
    pub fn read_chunked(&mut self) -> String {
        let mut body = Vec::new();
        loop {
            let line = self.read_to("\r\n");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("the size of a chunk");
            body.extend_from_slice(line.as_bytes());
            if size == 0 {
                break;
            }
            while self.ahead.len() < size + 2 {
                assert!(self.more() > 0, "the connection was closed within a chunk");
            }
            body.extend(self.ahead.drain(..size + 2));
        }
        while !body.ends_with(b"\r\n\r\n") {
            body.extend_from_slice(self.read_to("\r\n").as_bytes());
        }
        String::from_utf8_lossy(&body).into_owned()
    }

    /// Reads everything to the end of a chunked body, and gives its length; nothing of it is kept.
    ///
    /// # Panics
    /// Where it does not come within 30 s.
    pub fn skip_body(&mut self) -> usize {
        let mut length = 0;
        while !self.ahead.ends_with(b"\r\n0\r\n\r\n") {
            length += self.ahead.len().saturating_sub(16);
            let keep = self.ahead.len().saturating_sub(16);
            self.ahead.drain(..keep);
            assert!(self.more() > 0, "the connection was closed after {length} bytes");
        }
        length + std::mem::take(&mut self.ahead).len()
    }

    /// Whether the other side closes the connection within 30 s.
    pub fn is_closed(&mut self) -> bool {
        loop {
            match self.stream.read(&mut [0; 65_536]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }

    fn more(&mut self) -> usize {
        let mut buffer = vec![0; 65_536];
        let count = self.stream.read(&mut buffer).expect("read in time");
        self.ahead.extend_from_slice(&buffer[..count]);
        count
    }

    /// Writes.
    ///
    /// # Panics
    /// Where the other side has gone.
    pub fn write(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).expect("write");
    }

    /// Waits for the call for an event, and answers it. The deadline is in an hour.
    ///
    /// # Panics
    /// Where something else comes.
    pub fn deliver(&mut self, event: &str) {
        let call = self.read_to("\r\n\r\n");
        assert!(call.starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"), "{call}");
        let deadline = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
        let deadline = deadline.duration_since(std::time::UNIX_EPOCH).expect("a time of today").as_millis();
        let length = event.len();
        self.write(&format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Content-Length: {length}\r\n\r\n{event}"
        ));
    }

    /// Says that the answer was taken.
    pub fn accept_answer(&mut self) {
        self.write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    }
}
