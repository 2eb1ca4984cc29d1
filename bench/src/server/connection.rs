//! One connection of a contestant: requests in, events and acknowledgements out.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bulkhead_bench::wire::{Body, Inbox, invalid, send};
use rustix::thread::set_current_timer_slack;

use super::batch::{Batch, End, Taken};
use super::{Flight, Shared};

pub(super) const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 16\r\n\r\n\
    {\"status\":\"OK\"}\n";
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
/// The common part of all request ids.
const SERIES: &str = "8476a536-e9f4-11e8-9739-";

pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_stopped() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // By default, the kernel wakes a thread up to 50 µs after an event was due. Without permission,
            // every contestant waits as long.
            set_current_timer_slack(NonZeroU64::new(1)).ok();
            let ended = Connection::new(stream, Arc::clone(&shared)).serve();
            // A peer may disconnect at any time: it was killed, or has one connection more than it needs.
            if let Err(error) = ended
                && error.kind() == io::ErrorKind::InvalidData
            {
                shared.trouble(format!("a broken request: {error}"));
            }
        });
    }
}

/// The target of a request.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Next,
    Answer(u64, End),
    InitError,
    Unknown(String),
}

struct Connection {
    stream: TcpStream,
    inbox: Inbox,
    head: Vec<u8>,
    shared: Arc<Shared>,
    batch: Option<Arc<Batch>>,
}

impl Connection {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        Self { stream, inbox: Inbox::default(), head: Vec::new(), shared, batch: None }
    }

    fn serve(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        while let Some((target, announced)) = self.inbox.head(&self.stream, request)? {
            let body = self.inbox.body(&self.stream, announced)?;
            let read = Instant::now();
            match target {
                Target::Answer(id, end) => {
                    let flight = self.shared.land(id);
                    send(&self.stream, ACCEPTED, b"")?;
                    match flight {
                        Some(flight) => self.shared.record(&flight, end, read, body),
                        None => self.shared.trouble(format!("an answer to event {id}, which is not out")),
                    }
                }
                Target::InitError => {
                    send(&self.stream, ACCEPTED, b"")?;
                    self.shared.trouble(format!("init failed: {}", body.escape_ascii()));
                }
                Target::Unknown(what) => {
                    send(&self.stream, NOT_FOUND, b"")?;
                    self.shared.trouble(format!("an unknown request: {what}"));
                }
                Target::Next => match self.next(read) {
                    Some((batch, taken)) => self.deliver(&batch, taken)?,
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// The batch to serve from: the last one while it has events, which needs no lock.
    fn next(&mut self, read: Instant) -> Option<(Arc<Batch>, Taken)> {
        let known = self.batch.clone().and_then(|batch| batch.take().map(|taken| (batch, taken)));
        let next = known.or_else(|| self.shared.next(read));
        self.batch = next.as_ref().map(|(batch, _)| Arc::clone(batch)).filter(|batch| !batch.has_company);
        next
    }

    /// A timestamp after the write would be too late: the peer may run on this thread's processor by then.
    fn deliver(&mut self, batch: &Arc<Batch>, taken: Taken) -> io::Result<()> {
        if !batch.pause.is_zero() {
            thread::sleep(batch.pause);
        }
        let id = self.shared.ids.fetch_add(1, Ordering::Relaxed);
        self.write_head(id, batch)?;
        let delivered = taken.due.unwrap_or_else(Instant::now);
        self.shared.flights().push(Flight { id, delivered, batch: Arc::clone(batch) });
        send(&self.stream, &self.head, &batch.event.body)
    }

    /// The headers that Lambda sends.
    fn write_head(&mut self, id: u64, batch: &Batch) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline = (now + batch.event.deadline).as_millis();
        self.head.clear();
        write!(
            self.head,
            "HTTP/1.1 200 OK\r\n\
             Content-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: {SERIES}{id:012x}\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:measured:live\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5bef4de7-{id:024x};Parent=9a9197af755a6419;Sampled=1\r\n\
             Lambda-Runtime-Invocation-Id: attempt-{id:x}\r\n\
             Content-Length: {}\r\n",
            batch.event.body.len()
        )?;
        if let Some(tenant) = batch.event.tenant {
            write!(self.head, "Lambda-Runtime-Aws-Tenant-Id: {tenant}\r\n")?;
        }
        self.head.extend_from_slice(b"\r\n");
        Ok(())
    }
}

fn request(bytes: &[u8]) -> io::Result<Option<(usize, (Target, Body))>> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut slots);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|_| invalid("no request"))? else {
        return Ok(None);
    };
    let target = target(head.method.unwrap_or_default(), head.path.unwrap_or_default());
    Ok(Some((length, (target, Body::announced(head.headers)?))))
}

fn target(method: &str, path: &str) -> Target {
    let unknown = || Target::Unknown(format!("{method} {path}"));
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else { return unknown() };
    match (method, path) {
        ("GET", "invocation/next") => Target::Next,
        ("POST", "init/error") => Target::InitError,
        ("POST", _) => answer(path).unwrap_or_else(unknown),
        _ => unknown(),
    }
}

fn answer(path: &str) -> Option<Target> {
    let (id, kind) = path.strip_prefix("invocation/")?.strip_prefix(SERIES)?.split_once('/')?;
    let id = u64::from_str_radix(id, 16).ok()?;
    match kind {
        "response" => Some(Target::Answer(id, End::Response)),
        "error" => Some(Target::Answer(id, End::Error)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_apart() {
        let answer = "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-00000000001f";
        assert_eq!(target("GET", "/2018-06-01/runtime/invocation/next"), Target::Next);
        assert_eq!(target("POST", "/2018-06-01/runtime/init/error"), Target::InitError);
        assert_eq!(target("POST", &format!("{answer}/response")), Target::Answer(31, End::Response));
        assert_eq!(target("POST", &format!("{answer}/error")), Target::Answer(31, End::Error));
        for (method, path) in [("GET", format!("{answer}/response")), ("POST", format!("{answer}/other"))] {
            assert!(matches!(target(method, &path), Target::Unknown(_)));
        }
    }
}
