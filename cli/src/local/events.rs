//! The events of a function, from the caller to the answer, and the environments that handle them.
//!
//! Each event gets exactly one answer, from the environment that has the event, whatever a bootstrap does
//! with the Runtime API.

mod environments;
mod fate;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::HeaderValue;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use environments::Environment;
pub(crate) use environments::EnvironmentId;
pub(crate) use fate::Fate;
pub(crate) use reply::{Answer, Failure, Piece, Reply, Stream};

/// An event as its caller sends it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    /// The payload.
    pub(crate) body: Bytes,
    /// The tenant's id.
    pub(crate) tenant_id: Option<HeaderValue>,
    /// JSON.
    pub(crate) client_context: Option<HeaderValue>,
    /// X-Ray's header.
    pub(crate) trace_id: Option<HeaderValue>,
}

/// An event as the bootstrap receives it.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) request_id: String,
    /// In Unix time.
    pub(crate) deadline_ms: u64,
    pub(crate) event: Event,
}

/// The events of a function that are not finished.
#[derive(Debug)]
pub(crate) struct Events {
    timeout: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(String, Event)>,
    calls: HashMap<String, Call>,
    environments: HashMap<EnvironmentId, Environment>,
}

/// An event that is not finished.
#[derive(Debug)]
struct Call {
    /// `None` once the answer has begun.
    caller: Option<oneshot::Sender<Reply>>,
    /// The environment that handles the event, and the deadline.
    handled: Option<(EnvironmentId, Instant)>,
}

/// The event has an answer already, or does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

impl Events {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, state: Mutex::default(), changed: Notify::new() }
    }

    /// Adds an event. Its answer comes through the returned channel.
    pub(crate) fn send(&self, request_id: String, event: Event) -> oneshot::Receiver<Reply> {
        let (caller, reply) = oneshot::channel();
        self.change(|state| {
            state.waiting.push_back((request_id.clone(), event));
            state.calls.insert(request_id, Call { caller: Some(caller), handled: None });
            state.answer_where_nothing_starts();
        });
        reply
    }

    /// Waits for the next event. The event's time starts when it is returned.
    pub(crate) async fn next(&self, environment: EnvironmentId) -> Delivery {
        let _idle = self.idle(environment);
        self.when(|state| state.take(environment, self.timeout)).await
    }

    /// Answers an event. A streamed answer goes on until the event has [ended](Self::end).
    ///
    /// # Errors
    /// If the event has an answer already, or does not exist.
    pub(crate) fn answer(&self, request_id: &str, reply: Reply) -> Result<(), Unknown> {
        self.change(|state| {
            let caller =
                state.calls.get_mut(request_id).and_then(|call| call.caller.take()).ok_or(Unknown)?;
            if !matches!(reply, Reply::Streamed(_)) {
                state.calls.remove(request_id);
            }
            // A caller that stopped waiting misses nothing.
            drop(caller.send(reply));
            Ok(())
        })
    }

    /// The streamed answer of this event is complete.
    pub(crate) fn end(&self, request_id: &str) {
        self.change(|state| state.calls.remove(request_id));
    }

    /// Whether an event with this id is not finished.
    pub(crate) fn is_open(&self, request_id: &str) -> bool {
        self.state().calls.contains_key(request_id)
    }

    /// Waits until `find` returns something.
    async fn when<T>(&self, mut find: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = find(&mut self.state()) {
                return found;
            }
            changed.await;
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_waiters();
        changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, environment: EnvironmentId, timeout: Duration) -> Option<Delivery> {
        // An environment that is to stop gets no more events.
        let is_retired =
            self.environments.get(&environment).is_some_and(|environment| environment.is_retired);
        let (request_id, event) = if is_retired { None } else { self.waiting.pop_front() }?;
        if let Some(call) = self.calls.get_mut(&request_id) {
            call.handled = Some((environment, Instant::now() + timeout));
        }
        let deadline = (SystemTime::now() + timeout).duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        Some(Delivery { request_id, deadline_ms, event })
    }
}
