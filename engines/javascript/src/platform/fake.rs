//! A host that a test makes up. Each thread has one of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bulkhead::client::Client;

use super::File;
use crate::bindings::engine::bulkhead::lambda::response_stream::{HttpHead, OpenError, ResponseHead};
use crate::bindings::engine::bulkhead::lambda::script_http::{NoRequest, Request};

/// What the host has, and what was asked of it.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) entry: String,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) printed: Vec<String>,
    /// The paths of files that were read.
    pub(crate) read: Vec<String>,
    pub(crate) now: u64,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) client: Client,
    /// The event as a request.
    pub(crate) request: Option<Result<Request, NoRequest>>,
    /// How often a request was asked for.
    pub(crate) received: u32,
    /// The response that has begun.
    pub(crate) response: Option<Response>,
    /// How many bytes of a response are taken before its writer has to wait.
    pub(crate) room: usize,
    /// After how many bytes nobody reads the response any more.
    pub(crate) reads: Option<usize>,
    /// Why no response can be opened.
    pub(crate) refuses: Option<OpenError>,
}

/// A response that has begun.
#[derive(Default)]
pub(crate) struct Response {
    pub(crate) head: String,
    pub(crate) pieces: Vec<String>,
    /// How often its writer has waited.
    pub(crate) waited: usize,
    /// How much room there is.
    room: usize,
    length: usize,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

/// Changes this thread's host.
pub(crate) fn with<T>(change: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with_borrow_mut(change)
}

pub(crate) fn entry() -> String {
    with(|host| host.entry.clone())
}

pub(crate) fn read(path: &str) -> Option<File> {
    with(|host| {
        let file = host.files.get(path).cloned();
        if file.is_some() {
            host.read.push(path.to_owned());
        }
        file
    })
}

pub(crate) fn print(line: &[u8]) {
    let line = String::from_utf8_lossy(line).trim_end().to_owned();
    with(|host| host.printed.push(line));
}

pub(crate) fn wall_clock() -> u64 {
    1_700_000_000_000_000_000 + monotonic_clock()
}

pub(crate) fn monotonic_clock() -> u64 {
    with(|host| host.now)
}

/// Not random, so that a test sees what it was given.
pub(crate) fn random(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from(place % 251).unwrap_or(0)).collect()
}

pub(crate) fn environment() -> Vec<(String, String)> {
    with(|host| host.environment.clone())
}

/// Passes at once.
pub(crate) async fn sleep(nanoseconds: u64) {
    with(|host| host.now += nanoseconds);
}

pub(crate) fn client() -> Client {
    with(|host| host.client.clone())
}

pub(crate) fn receive(takes_others: bool) -> Result<Request, NoRequest> {
    with(|host| {
        host.received += 1;
        match host.request.take() {
            Some(Err(NoRequest::OtherEvent)) if !takes_others => Err(NoRequest::Refused),
            Some(request) => request,
            None => Err(NoRequest::Refused),
        }
    })
}

pub(crate) fn respond(head: &HttpHead) -> Result<Output, OpenError> {
    begin(format!("{} {:?} {:?}", head.status, head.headers, head.cookies))
}

pub(crate) fn open(head: &ResponseHead) -> Result<Output, OpenError> {
    match head {
        ResponseHead::ContentType(content_type) => begin(content_type.clone()),
        ResponseHead::Http(head) => respond(head),
    }
}

fn begin(head: String) -> Result<Output, OpenError> {
    with(|host| {
        if let Some(why) = host.refuses.take() {
            return Err(why);
        }
        let room = if host.room == 0 { usize::MAX } else { host.room };
        host.response = Some(Response { head, room, ..Response::default() });
        Ok(Output(()))
    })
}

pub(crate) struct Output(());

impl Output {
    fn with<T>(change: impl FnOnce(&mut Response, usize) -> T) -> Option<T> {
        with(|host| {
            let reads = host.reads.unwrap_or(usize::MAX);
            host.response.as_mut().map(|response| change(response, reads))
        })
    }

    pub(crate) fn room(&self) -> Option<usize> {
        Self::with(|response, reads| (response.length < reads).then_some(response.room))?
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> bool {
        let piece = String::from_utf8_lossy(bytes).into_owned();
        Self::with(|response, _| {
            response.room -= bytes.len();
            response.length += bytes.len();
            response.pieces.push(piece);
        })
        .is_some()
    }

    /// There is room again at once.
    pub(crate) async fn ready(&self) {
        let room = with(|host| host.room);
        Self::with(|response, _| {
            response.waited += 1;
            response.room = room;
        });
    }
}
