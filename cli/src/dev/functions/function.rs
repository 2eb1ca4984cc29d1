//! One function and its environments, which are started when events need them and replaced when there is a
//! new version.
//!
//! As in Lambda, each environment handles one event at a time, and their number is limited by the function's
//! concurrency. A new version takes over when it has started. Until then the old version gets the events, and
//! after that it finishes those that it has.

mod environment;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::dev::console;
use crate::dev::records::Records;
use crate::local::Function as Settings;
use crate::local::events::{EnvironmentId, Event, Events, Reply};
use crate::local::program::Drain;

/// The parts that all functions share.
#[derive(Debug)]
pub(in crate::dev) struct Shared {
    pub(in crate::dev) records: Records,
    /// The address of the Runtime API, `host:port`.
    pub(in crate::dev) address: String,
    /// Events that a function handles at a time.
    pub(in crate::dev) concurrency: usize,
    /// Retries of an asynchronous invocation.
    pub(in crate::dev) event_retries: u8,
    /// This command starts no bootstraps: you start the runtimes yourself.
    pub(in crate::dev) is_attached: bool,
    environments: AtomicU64,
}

impl Shared {
    pub(in crate::dev) fn new(
        address: String,
        concurrency: usize,
        event_retries: u8,
        is_attached: bool,
    ) -> Self {
        let environments = AtomicU64::new(1);
        Self { records: Records::new(), address, concurrency, event_retries, is_attached, environments }
    }

    fn next_environment(&self) -> EnvironmentId {
        EnvironmentId(self.environments.fetch_add(1, Ordering::Relaxed))
    }
}

/// A function.
#[derive(Debug)]
pub(in crate::dev) struct Function {
    pub(in crate::dev) name: String,
    pub(in crate::dev) events: Events,
    pub(in crate::dev) shared: Arc<Shared>,
    settings: Settings,
    /// A permit for each event that may be in flight.
    slots: Arc<Semaphore>,
    /// The environment that stands for runtimes that you started yourself.
    attached: EnvironmentId,
    running: Mutex<HashMap<EnvironmentId, Running>>,
    /// The current version, counted from 0.
    version: AtomicU64,
    /// The number of environments, to wait until all have ended.
    count: watch::Sender<usize>,
}

/// An environment that this command started.
#[derive(Debug)]
struct Running {
    version: u64,
    drain: Option<Drain>,
}

impl Function {
    pub(in crate::dev) fn new(name: &str, settings: &Settings, shared: &Arc<Shared>) -> Arc<Self> {
        let attached = shared.next_environment();
        let function = Arc::new(Self {
            name: name.to_owned(),
            events: Events::new(settings.timeout),
            settings: Settings { handler: name.to_owned(), ..settings.clone() },
            slots: Arc::new(Semaphore::new(shared.concurrency)),
            shared: Arc::clone(shared),
            attached,
            running: Mutex::default(),
            version: AtomicU64::new(0),
            count: watch::Sender::new(0),
        });
        if shared.is_attached {
            function.events.begin_environment(attached);
            tokio::spawn(environment::attached(Arc::clone(&function), attached));
        }
        function
    }

    /// Takes a permit for an event, if one is free.
    pub(in crate::dev) fn try_slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// Takes a permit for an event as soon as one is free.
    pub(in crate::dev) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Sends an event, and starts an environment if all are busy.
    pub(in crate::dev) fn send(
        self: &Arc<Self>,
        request_id: String,
        event: Event,
    ) -> oneshot::Receiver<Reply> {
        let reply = self.events.send(request_id, event);
        self.grow();
        reply
    }

    /// The environment of a call to the Runtime API: the one whose number is in the path, or else the one for
    /// your own runtimes.
    pub(in crate::dev) fn environment(&self, number: Option<&str>) -> Option<EnvironmentId> {
        let Some(number) = number else { return Some(self.attached) };
        let id = EnvironmentId(number.parse().ok()?);
        self.running().contains_key(&id).then_some(id)
    }

    /// Called when an environment asks for an event. Records first what the environment has printed for its
    /// last event.
    pub(in crate::dev) async fn settle(&self, id: EnvironmentId) {
        let drain = self.running().get(&id).and_then(|running| running.drain.clone());
        if let Some(drain) = drain {
            drain.drain().await;
        }
        self.shared.records.settle(id, |request_id| self.events.is_open(request_id));
    }

    /// Starts a new version. If no environment runs, the next event starts one.
    pub(in crate::dev) fn renew(self: &Arc<Self>) {
        self.version.fetch_add(1, Ordering::Relaxed);
        if self.events.load().environments > 0 && !self.shared.is_attached {
            self.start();
        }
    }

    /// Ends all environments when they have finished their events.
    pub(in crate::dev) fn retire(&self) {
        self.running().keys().for_each(|id| self.events.retire(*id));
    }

    /// Waits until all environments have ended.
    pub(in crate::dev) async fn ended(&self) {
        // It cannot fail: this is the sender.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Starts an environment if an event waits and no environment will take it.
    fn grow(self: &Arc<Self>) {
        let load = self.events.load();
        if load.waiting > load.ready
            && load.environments < self.shared.concurrency
            && !self.shared.is_attached
        {
            self.start();
        }
    }

    fn start(self: &Arc<Self>) {
        let id = self.shared.next_environment();
        let version = self.version.load(Ordering::Relaxed);
        self.events.begin_environment(id);
        self.running().insert(id, Running { version, drain: None });
        self.count.send_modify(|count| *count += 1);
        tokio::spawn(environment::run(Arc::clone(self), id));
    }

    /// Ends the environments of older versions, because this one has started.
    fn take_over(&self, id: EnvironmentId) {
        let running = self.running();
        let Some(version) = running.get(&id).map(|running| running.version) else { return };
        let older: Vec<EnvironmentId> =
            running.iter().filter(|(_, other)| other.version < version).map(|(id, _)| *id).collect();
        drop(running);
        older.iter().for_each(|id| self.events.retire(*id));
        if !older.is_empty() {
            console::tell(&self.name, "the new version has taken over");
        }
    }

    fn forget(self: &Arc<Self>, id: EnvironmentId) {
        self.shared.records.settle(id, |_| false);
        self.running().remove(&id);
        self.count.send_modify(|count| *count = count.saturating_sub(1));
    }

    fn running(&self) -> MutexGuard<'_, HashMap<EnvironmentId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
