//! The idle connections of one client.
//!
//! An idle connection costs a descriptor and a small task, but no processor time: anything that its server
//! sends ends it. The number of connections is bounded, whatever the names of the hosts are.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::link::Link;
use super::target::Target;
use crate::engine::meter::unmetered;
use crate::policy::Credential;

/// Idle connections of one client; if there are more, the one that has been idle longest is closed.
pub(super) const MAX_RESTING: usize = 8;
/// Idle connections to one host.
const MAX_RESTING_PER_HOST: usize = 4;
/// How long a connection may be idle. Load balancers close theirs after 60 seconds or more.
const REST: Duration = Duration::from_secs(50);

/// The key of a connection: the target, the credential that is used for it, and the unknown tenant if a client has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Purpose {
    pub(super) target: Target,
    pub(super) credential: Option<Arc<Credential>>,
    pub(super) stranger: Option<Arc<str>>,
}

/// The idle connections of one client.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Resting>>);

#[derive(Debug)]
struct Resting {
    purpose: Purpose,
    link: Shared,
    /// Ends the connection when its server sends or closes something.
    watcher: AbortHandle,
    /// By the clock of the machine: the runtime's clock may stand still while the environment is frozen.
    since: SystemTime,
}

/// `None` after it was taken or has ended.
type Shared = Arc<Mutex<Option<Link>>>;

impl Pool {
    /// Takes a connection of this key that is still idle.
    pub(super) fn take(&self, purpose: &Purpose) -> Option<Link> {
        let now = SystemTime::now();
        let mut resting = self.lock();
        resting.retain(|resting| resting.is_of_use(now));
        // The last one is the least likely to be closed meanwhile.
        while let Some(at) = resting.iter().rposition(|resting| resting.purpose == *purpose) {
            let link = resting.remove(at).take();
            if let Some(link) = link.filter(Link::is_quiet) {
                return Some(link);
            }
        }
        None
    }

    /// Returns a connection to the pool.
    pub(super) fn put(&self, purpose: Purpose, link: Link) {
        // From now on, anything that arrives is unexpected.
        link.belongs_to(None);
        let link: Shared = Arc::new(Mutex::new(Some(link)));
        let watcher = tokio::spawn(unmetered(watch(Arc::clone(&link)))).abort_handle();
        let now = SystemTime::now();
        let mut resting = self.lock();
        resting.retain(|resting| resting.is_of_use(now));
        let mut others = resting.iter().filter(|other| other.purpose.target == purpose.target);
        // The first one has been idle longest.
        let of_host = others.nth(MAX_RESTING_PER_HOST - 1).is_some();
        let goes = resting.iter().position(|other| !of_host || other.purpose.target == purpose.target);
        if let Some(at) = goes.filter(|_| of_host || resting.len() >= MAX_RESTING) {
            resting.remove(at);
        }
        resting.push(Resting { purpose, link, watcher, since: now });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Resting>> {
        lock(&self.0)
    }
}

impl Resting {
    fn is_of_use(&self, now: SystemTime) -> bool {
        let too_long = now.duration_since(self.since).is_ok_and(|rested| rested > REST);
        !too_long && lock(&self.link).is_some()
    }

    fn take(&self) -> Option<Link> {
        lock(&self.link).take()
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.watcher.abort();
        drop(self.take());
    }
}

async fn watch(link: Shared) {
    let gone = poll_fn(|context| match lock(&link).as_mut() {
        Some(link) => link.poll_gone(context),
        None => Poll::Ready(()),
    });
    // It is over either way.
    let _ = timeout(REST, gone).await;
    drop(lock(&link).take());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl Pool {
    /// The number of idle connections that have not ended.
    pub(super) fn resting(&self) -> usize {
        self.lock().iter().filter(|resting| lock(&resting.link).is_some()).count()
    }

    /// Makes all connections look idle for longer, in tests.
    pub(super) fn rest(&self, time: Duration) {
        self.lock().iter_mut().for_each(|resting| resting.since -= time);
    }
}
