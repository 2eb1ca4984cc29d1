//! The real `bulkhead dev` as a child process, and HTTP to speak with it.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::bootstrap::Running;
use crate::http::{Headers, Reader, encode, find};
use crate::runtime_api::WAIT_LIMIT;
use crate::{TaskRoot, artifacts};

/// What the line with its address begins with.
const LISTENING: &str = "bulkhead dev: listening on http://";

/// What the line with the port of function URLs begins with; a port and a slash follow.
const URLS: &str = "bulkhead dev: function URLs are on http://NAME.localhost:";

/// A local Lambda. It is ended when it is dropped.
#[derive(Debug)]
pub struct Dev {
    /// The process.
    pub running: Running,
    address: SocketAddr,
    urls: SocketAddr,
}

/// What a caller sees.
#[derive(Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    headers: Headers,
}

impl HttpAnswer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<String> {
        find(&self.headers, name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// All headers of that name.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }
}

impl Dev {
    /// With the components of a task root.
    pub fn start(root: &TaskRoot, arguments: &[&str]) -> Self {
        let mut command = Command::new(artifacts::cli());
        command.arg("dev").arg("--root").arg(root.path()).args(arguments);
        Self::listening(command, 0)
    }

    /// Ends it, and starts another where it was.
    pub fn start_again(self, root: &TaskRoot) -> Self {
        let port = self.address.port();
        drop(self);
        let mut command = Command::new(artifacts::cli());
        command.arg("dev").arg("--root").arg(root.path());
        Self::listening(command, port)
    }

    /// With the cargo project in a folder, which is compiled in another.
    pub fn start_in(folder: &Path, target: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(artifacts::cli());
        command.arg("dev").args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target);
        Self::listening(command, 0)
    }

    /// # Panics
    /// Where it does not listen within 30 s.
    fn listening(mut command: Command, port: u16) -> Self {
        command.args(["--port", &port.to_string()]).env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap());
        let running = Running::start(command);
        running.wait_log(URLS);
        let said = running.stderr();
        let after = |start| said.lines().find_map(|line| line.strip_prefix(start)).expect("where it is");
        let address: SocketAddr = after(LISTENING).parse().expect("an address");
        let port = after(URLS).trim_end_matches('/').parse().expect("a port");
        Self { running, address, urls: SocketAddr::new(address.ip(), port) }
    }

    /// `host:port`
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where function URLs are.
    pub fn urls(&self) -> SocketAddr {
        self.urls
    }

    /// The host of a function's URL.
    pub fn host(&self, function: &str) -> String {
        format!("{function}.localhost:{}", self.urls.port())
    }

    /// Sends a request to the URL of a function.
    pub fn url(
        &self,
        function: &str,
        start: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> HttpAnswer {
        let host = self.host(function);
        let headers = [&[("Host", host.as_str())][..], headers].concat();
        request(self.urls, start, &headers, body.as_ref())
    }

    /// Sends a request to the port of function URLs, whatever it asks for.
    pub fn request_url_port(
        &self,
        start: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> HttpAnswer {
        request(self.urls, start, headers, body.as_ref())
    }

    /// Invokes a function and waits for its answer.
    pub fn invoke(&self, function: &str, event: impl AsRef<[u8]>, headers: &[(&str, &str)]) -> HttpAnswer {
        self.request(&format!("POST /2015-03-31/functions/{function}/invocations"), headers, event)
    }

    /// Sends a request, which starts with a method and a path.
    ///
    /// # Panics
    /// Where there is no answer at all.
    pub fn request(&self, start: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> HttpAnswer {
        request(self.address, start, headers, body.as_ref())
    }
}

fn request(to: SocketAddr, start: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpAnswer {
    let stream = TcpStream::connect(to).expect("connect to bulkhead dev");
    stream.set_read_timeout(Some(WAIT_LIMIT)).expect("set a time limit");
    let mut all: Headers = Vec::new();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        all.push(("Host".to_owned(), to.to_string().into_bytes()));
    }
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
    let mut reader = Reader::new(stream);
    reader.write(&encode(&format!("{start} HTTP/1.1"), &all, body)).expect("send a request");
    let message = reader.response().expect("read the answer").expect("an answer");
    let status = message.start.0.parse().expect("a status");
    HttpAnswer { status, body: message.body, headers: message.headers }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It takes its bootstraps with it, which a kill would leave behind for a moment.
        if self.running.is_alive() {
            self.running.terminate();
            self.running.wait_exit(WAIT_LIMIT);
        }
    }
}
