//! The host as a component sees it.

use std::io::Write as _;

use bulkhead::client::Client;
use wasip2::clocks::{monotonic_clock as monotonic, wall_clock as wall};
use wasip2::io::streams::OutputStream;

use super::File;
use crate::bindings::engine::bulkhead::lambda::response_stream::{self, HttpHead, OpenError, ResponseHead};
use crate::bindings::engine::bulkhead::lambda::script;
use crate::bindings::engine::bulkhead::lambda::script_http::{self, NoRequest, Request};

/// The path of the file that contains the handler.
pub(crate) fn entry() -> String {
    script::entry()
}

/// A file of the script.
pub(crate) fn read(path: &str) -> Option<File> {
    script::read(path).map(|file| File { content: file.content, bytecode: file.bytecode })
}

/// Writes one line to the log.
pub(crate) fn print(line: &[u8]) {
    let mut out = std::io::stdout().lock();
    // Without a log there is nobody to tell.
    out.write_all(line).and_then(|()| out.flush()).ok();
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn wall_clock() -> u64 {
    let now = wall::now();
    now.seconds.saturating_mul(1_000_000_000).saturating_add(now.nanoseconds.into())
}

/// Nanoseconds of a clock that only goes forward.
pub(crate) fn monotonic_clock() -> u64 {
    monotonic::now()
}

/// Random bytes.
pub(crate) fn random(length: usize) -> Vec<u8> {
    wasip2::random::random::get_random_bytes(length as u64)
}

/// The variables that are granted.
pub(crate) fn environment() -> Vec<(String, String)> {
    wasip2::cli::environment::get_environment()
}

/// Ready after this time.
pub(crate) async fn sleep(nanoseconds: u64) {
    bulkhead::generated::sleep(std::time::Duration::from_nanos(nanoseconds)).await;
}

/// Sends the requests of `fetch`.
pub(crate) fn client() -> Client {
    Client::new()
}

/// The event as a request.
pub(crate) fn receive(takes_others: bool) -> Result<Request, NoRequest> {
    script_http::receive(takes_others)
}

/// Begins the answer to it.
pub(crate) fn respond(head: &HttpHead) -> Result<Output, OpenError> {
    script_http::respond(head).map(Output)
}

/// Opens a streamed response.
pub(crate) fn open(head: &ResponseHead) -> Result<Output, OpenError> {
    response_stream::open(head).map(Output)
}

/// A response that has begun.
pub(crate) struct Output(OutputStream);

impl Output {
    /// How many bytes may be written now. `None` if nobody reads them any more.
    pub(crate) fn room(&self) -> Option<usize> {
        self.0.check_write().ok().map(|room| usize::try_from(room).unwrap_or(usize::MAX))
    }

    /// Writes bytes for which there is room. False if nobody reads them any more.
    pub(crate) fn write(&self, bytes: &[u8]) -> bool {
        self.0.write(bytes).is_ok()
    }

    /// Waits until there is room.
    pub(crate) async fn ready(&self) {
        bulkhead::generated::ready(self.0.subscribe()).await;
    }
}
