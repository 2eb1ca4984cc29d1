//! The events of a function, from the caller to its answer, and the environments that they are handled in.
//!
//! Whatever a bootstrap does with the Runtime API, each event gets one answer, and only from the one that has it.

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

/// What a caller sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    /// The payload.
    pub(crate) body: Bytes,
    /// Whose it is.
    pub(crate) tenant_id: Option<HeaderValue>,
    /// JSON.
    pub(crate) client_context: Option<HeaderValue>,
    /// X-Ray's header.
    pub(crate) trace_id: Option<HeaderValue>,
}

/// An event on its way to the bootstrap.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) request_id: String,
    /// In Unix time.
    pub(crate) deadline_ms: u64,
    pub(crate) event: Event,
}

/// All events of a function that have not ended yet.
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

/// An event that has not ended.
#[derive(Debug)]
struct Call {
    /// None once the answer has begun.
    caller: Option<oneshot::Sender<Reply>>,
    /// Where it is handled, and until when.
    handled: Option<(EnvironmentId, Instant)>,
}

/// An answer that nobody waits for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

impl Events {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, state: Mutex::default(), changed: Notify::new() }
    }

    /// Adds an event; its answer comes later.
    pub(crate) fn send(&self, request_id: String, event: Event) -> oneshot::Receiver<Reply> {
        let (caller, reply) = oneshot::channel();
        self.change(|state| {
            state.waiting.push_back((request_id.clone(), event));
            state.calls.insert(request_id, Call { caller: Some(caller), handled: None });
            state.answer_where_nothing_starts();
        });
        reply
    }

    /// The next event, whenever that comes. Its time begins now.
    pub(crate) async fn next(&self, environment: EnvironmentId) -> Delivery {
        let _idle = self.idle(environment);
        self.when(|state| state.take(environment, self.timeout)).await
    }

    /// Answers an event. One that is streamed goes on until it has [ended](Self::end).
    ///
    /// # Errors
    /// When it has an answer already, or there is no such event.
    pub(crate) fn answer(&self, request_id: &str, reply: Reply) -> Result<(), Unknown> {
        self.change(|state| {
            let caller =
                state.calls.get_mut(request_id).and_then(|call| call.caller.take()).ok_or(Unknown)?;
            if !matches!(reply, Reply::Streamed(_)) {
                state.calls.remove(request_id);
            }
            // Who stopped waiting misses nothing.
            drop(caller.send(reply));
            Ok(())
        })
    }

    /// The answer of this event has been streamed to its end.
    pub(crate) fn end(&self, request_id: &str) {
        self.change(|state| state.calls.remove(request_id));
    }

    /// Whether an event of this name is still on its way, or its answer is.
    pub(crate) fn is_open(&self, request_id: &str) -> bool {
        self.state().calls.contains_key(request_id)
    }

    /// Waits until this finds something.
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
        // One that is to go gets nothing more.
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
