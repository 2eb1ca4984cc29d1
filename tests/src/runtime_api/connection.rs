//! One connection from the bootstrap: requests in, scripted bytes out.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{Delivery, Ends, Event, Kind, Reply, SeenRequest};
use super::state::{Shared, Step};
use crate::http::{Message, Reader, encode, percent_decode};

/// A `/next` hangs for as long as it takes.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether the connection goes on after a request.
type KeepAlive = io::Result<bool>;

pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let number = shared.change(|state| {
            state.connections += 1;
            (!state.stopped).then_some(state.connections)
        });
        let Some(number) = number else { return };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || Connection::new(stream, number, shared).serve());
    }
}

struct Connection {
    reader: Reader,
    number: usize,
    shared: Arc<Shared>,
}

impl Connection {
    fn new(stream: TcpStream, number: usize, shared: Arc<Shared>) -> Self {
        stream.set_nodelay(true).expect("switch Nagle's algorithm off");
        Self { reader: Reader::new(stream), number, shared }
    }

    fn serve(mut self) {
        loop {
            match self.reader.request() {
                Ok(Some(message)) => {
                    if !self.handle(&message).unwrap_or(false) {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    // A process that is killed in mid-request is no violation; half a head or a bad length is.
                    if error.kind() != io::ErrorKind::ConnectionReset {
                        self.shared
                            .change(|state| state.violations.push(format!("a broken request: {error}")));
                    }
                    return;
                }
            }
        }
    }

    fn handle(&mut self, message: &Message) -> KeepAlive {
        let (method, path) = (message.start.0.as_str(), message.start.1.as_str());
        self.shared.change(|state| {
            state.seen.push(SeenRequest {
                method: method.to_owned(),
                path: path.to_owned(),
                headers: message.headers.clone(),
                body: message.body.clone(),
                connection: self.number,
                at: message.read,
            });
        });
        // Emulators put a prefix in front, which may hold anything but our own root.
        let route = path.find("/20").map_or(path, |start| &path[start..]);
        match (method, route) {
            ("GET", "/2018-06-01/runtime/invocation/next") => self.next(),
            ("GET", "/2018-06-01/runtime/restore/next") => self.restore(),
            ("POST", "/2018-06-01/runtime/init/error") => {
                let status = self.shared.change(|state| state.init_error_status);
                self.reply(&Reply::status(status))
            }
            ("POST", "/2020-01-01/extension/register") => self.register(),
            ("GET", "/2020-01-01/extension/event/next") => self.hang(),
            ("POST", _) => self.post(route, message),
            (_, _) => self.unknown(message),
        }
    }

    fn next(&mut self) -> KeepAlive {
        let reader = &self.reader;
        self.shared.change(|state| state.pending += 1);
        // A client that has gone must not take an event with it.
        let step = self.shared.wait_for(FOR_EVER, |state| {
            if state.has_work() && !reader.is_open() {
                return Some(None);
            }
            state.take().map(|step| {
                Some(match step {
                    Step::Deliver(queued, event) => {
                        Step::Deliver(queued, Box::new(state.deliver(queued, *event)))
                    }
                    other @ (Step::Status(_) | Step::HangUp | Step::Bytes(_)) => other,
                })
            })
        });
        self.shared.change(|state| state.pending -= 1);
        match step.flatten() {
            None | Some(Step::HangUp) => Ok(false),
            Some(Step::Status(status)) => self.reply(&Reply::status(status)),
            Some(Step::Bytes(bytes)) => self.reader.write(&bytes).map(|()| false),
            Some(Step::Deliver(queued, event)) => {
                let (at, goes) = self.deliver(&event);
                self.shared.change(|state| state.delivered(queued, at));
                goes
            }
        }
    }

    /// Answers when the test says so. Whoever is at the other end of the connection has then another one.
    fn restore(&mut self) -> KeepAlive {
        let status = self.shared.wait_for(FOR_EVER, |state| state.restore_status.take());
        self.reply(&Reply::status(status.unwrap_or(500)))?;
        Ok(true)
    }

    /// Writes an event, and says when: a stamp from after the write is too late, because the peer may have been
    /// given this thread's processor by it.
    fn deliver(&mut self, event: &Event) -> (Instant, KeepAlive) {
        let mut headers = event.headers_now();
        if event.delivery == Delivery::ThenClose {
            headers.push(("Connection".to_owned(), b"close".to_vec()));
        }
        let mut bytes = encode("HTTP/1.1 200 OK", &headers, &event.body);
        if let Delivery::CutOnce(length) = event.delivery {
            bytes.truncate(bytes.len() - event.body.len() + length);
        }
        let at = Instant::now();
        let written = self.reader.write(&bytes);
        (at, written.map(|()| event.delivery == Delivery::Whole))
    }

    fn post(&mut self, route: &str, message: &Message) -> KeepAlive {
        let target =
            route.strip_prefix("/2018-06-01/runtime/invocation/").and_then(|rest| rest.split_once('/'));
        let (id, kind) = match target {
            Some((id, "response")) => (id, Kind::Response),
            Some((id, "error")) => (id, Kind::Error),
            _ => return self.unknown(message),
        };
        let mut reply = self.shared.change(|state| state.answer(&percent_decode(id), kind, message));
        if !reply.delay.is_zero() {
            std::thread::sleep(std::mem::take(&mut reply.delay));
        }
        self.reply(&reply)
    }

    fn reply(&mut self, reply: &Reply) -> KeepAlive {
        if reply.ends == Ends::ClosesUnanswered {
            return Ok(false);
        }
        let mut headers = vec![("Content-Type".to_owned(), b"application/json".to_vec())];
        if reply.ends == Ends::Closes {
            headers.push(("Connection".to_owned(), b"close".to_vec()));
        }
        // 204 has no body, and no length either.
        let bytes = if reply.status == 204 {
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
        } else {
            encode(&format!("HTTP/1.1 {} Scripted", reply.status), &headers, reply.body.as_bytes())
        };
        self.reader.write(&bytes)?;
        Ok(reply.ends == Ends::Keeps)
    }

    fn register(&mut self) -> KeepAlive {
        let headers = vec![("Lambda-Extension-Identifier".to_owned(), b"4f1d7e2a-extension".to_vec())];
        let body = br#"{"functionName":"tested","functionVersion":"$LATEST","handler":"tested"}"#;
        self.reader.write(&encode("HTTP/1.1 200 OK", &headers, body))?;
        Ok(true)
    }

    /// An extension that registered for no events never gets one.
    fn hang(&mut self) -> KeepAlive {
        self.shared.wait_for(FOR_EVER, |_| None::<()>);
        Ok(false)
    }

    fn unknown(&mut self, message: &Message) -> KeepAlive {
        self.shared.change(|state| state.violations.push(format!("no such route: {:?}", message.start)));
        self.reply(&Reply::status(404))
    }
}
