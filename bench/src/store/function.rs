//! A function that handles one event at a time: the bootstrap, and the Runtime API that it asks for events.
//!
//! One thread does both sides of the connection in turns, so that nothing but the bootstrap works while an event is
//! handled, and the server does not become slower with the number of events.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use bulkhead_tests::{Bootstrap, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::figures::{microseconds, milliseconds};
use crate::process::resident_memory;
use crate::wire::{Body, Inbox, invalid, send};

const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
const SERIES: &str = "8476a536-e9f4-11e8-9739-";
/// The time limit of every wait, after which the run is given up.
const WAIT_LIMIT: Duration = Duration::from_secs(60);
/// The memory of the function, in MB.
const MEMORY: &str = "1024";

/// A running function that waits for an event. It is killed when it is dropped.
#[derive(Debug)]
pub struct Function {
    running: Running,
    listener: TcpListener,
    stream: TcpStream,
    inbox: Inbox,
    /// From the start of the process to its first call for an event.
    start: Duration,
    events: u64,
}

/// The answer to an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The time of the event, in µs.
    pub took: f64,
    /// The error, if it failed.
    pub error: Option<String>,
}

impl Function {
    /// Starts a function, and waits until it asks for an event.
    ///
    /// # Errors
    /// If it does not.
    pub fn start(bootstrap: Bootstrap) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding a port")?;
        let address = listener.local_addr().context("asking for the port")?.to_string();
        let bootstrap = bootstrap.env("AWS_LAMBDA_RUNTIME_API", address);
        let running = bootstrap.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY).spawn();
        let stream = accept(&listener).with_context(|| running.logs())?;
        let (inbox, start) = (Inbox::default(), Duration::ZERO);
        let mut function = Self { running, listener, stream, inbox, start, events: 0 };
        function.wait_next()?;
        function.start = function.running.started().elapsed();
        Ok(function)
    }

    /// From the start of the process to its first call for an event, in ms.
    pub fn start_time(&self) -> f64 {
        milliseconds(self.start)
    }

    /// The number of events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Resident memory in MB, once the process is idle.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn memory(&self) -> Result<f64> {
        std::thread::sleep(Duration::from_millis(50));
        resident_memory(self.pid())
    }

    /// The receipts of all events, in the order of the events.
    ///
    /// # Errors
    /// If there is not one for each event.
    pub fn receipts(&self) -> Result<Vec<Value>> {
        let receipts = self.running.receipts();
        let events = usize::try_from(self.events)?;
        ensure!(receipts.len() == events, "{} receipts for {events} events", receipts.len());
        Ok(receipts)
    }

    /// Sends an event of a tenant, waits until the function asks for the next one, and returns the time of the event in
    /// µs.
    ///
    /// # Errors
    /// If the event fails.
    pub fn event(&mut self, tenant: &str) -> Result<f64> {
        let Answer { took, error } = self.answer(tenant)?;
        ensure!(error.is_none(), "an event of {tenant} failed: {}", error.unwrap_or_default());
        Ok(took)
    }

    /// The same for an event that may fail.
    ///
    /// # Errors
    /// If the function does not answer, or does not ask for the next event.
    pub fn answer(&mut self, tenant: &str) -> Result<Answer> {
        let body = br#"{"name":"x"}"#;
        let head = self.head(tenant, body.len());
        self.events += 1;
        let delivered = Instant::now();
        send(&self.stream, head.as_bytes(), body)?;
        let (path, announced) = self.request()?;
        let answer = self.inbox.body(&self.stream, announced)?;
        let took = delivered.elapsed();
        let error = (!path.ends_with("/response")).then(|| String::from_utf8_lossy(answer).into_owned());
        send(&self.stream, ACCEPTED, b"")?;
        self.wait_next()?;
        Ok(Answer { took: microseconds(took), error })
    }

    fn wait_next(&mut self) -> Result<()> {
        let (path, announced) = self.request()?;
        let body = self.inbox.body(&self.stream, announced)?.escape_ascii().to_string();
        ensure!(path.ends_with("/invocation/next"), "{path}: {body}");
        Ok(())
    }

    /// The path of the next request, and its body's kind. The function may open another connection.
    fn request(&mut self) -> Result<(String, Body)> {
        loop {
            match self.inbox.head(&self.stream, request) {
                Ok(Some(request)) => return Ok(request),
                Ok(None) => {
                    self.stream = accept(&self.listener).with_context(|| self.running.logs())?;
                    self.inbox = Inbox::default();
                }
                Err(error) => bail!("{error}; the log of the function: {}", self.running.stderr()),
            }
        }
    }

    /// The headers that Lambda sends.
    fn head(&self, tenant: &str, length: usize) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline = (now + WAIT_LIMIT).as_millis();
        let id = self.events + 1;
        let mut head = String::with_capacity(512);
        // Writing into a string does not fail.
        let _ = write!(
            head,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: {SERIES}{id:012x}\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:measured:live\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5bef4de7-{id:024x};Parent=9a9197af755a6419;Sampled=1\r\n\
             Lambda-Runtime-Invocation-Id: attempt-{id:x}\r\n\
             Lambda-Runtime-Aws-Tenant-Id: {tenant}\r\nContent-Length: {length}\r\n\r\n"
        );
        head
    }
}

fn accept(listener: &TcpListener) -> Result<TcpStream> {
    let limit = Timespec::try_from(WAIT_LIMIT)?;
    let mut wanted = [PollFd::new(listener, PollFlags::IN)];
    let came = poll(&mut wanted, Some(&limit)).context("waiting for a connection")?;
    ensure!(came > 0, "the function did not connect within {WAIT_LIMIT:?}");
    let (stream, _) = listener.accept().context("accepting a connection")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(WAIT_LIMIT))?;
    Ok(stream)
}

fn request(bytes: &[u8]) -> std::io::Result<Option<(usize, (String, Body))>> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut slots);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| invalid("no request"))? else {
        return Ok(None);
    };
    let path = head.path.unwrap_or_default().to_owned();
    Ok(Some((length, (path, Body::announced(head.headers)?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_request_and_its_body_are_found() {
        let bytes = b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        let (length, (path, body)) = request(bytes).unwrap().unwrap();
        assert_eq!((length, body), (bytes.len() - 2, Body::Sized(2)));
        assert!(path.ends_with("/response"));
        assert!(request(&bytes[..20]).unwrap().is_none() && request(b"\0\r\n").is_err());
    }
}
