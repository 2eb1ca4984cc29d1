//! A host that a test makes up. Each thread has one of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bulkhead::client::Client;

use super::File;

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
