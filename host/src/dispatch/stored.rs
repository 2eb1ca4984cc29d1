//! The tenants of a store: finds the tenant of an event there, and its component or its script.
//!
//! What was found is kept in a bounded [`cache`]. An event of a tenant that is not there waits until it is fetched: once
//! for all events that wait, on a thread of its own, within the event's time and a bound. A record that is older than
//! `refresh` is looked at again while the event that noticed it is served, so that no event waits for that; one that is
//! older than `max_stale` is not used any more.
//!
//! What a fetch takes of the processor is charged to the event that caused it. A look behind an event is charged to
//! none: there is one for each tenant in the time of `refresh`.

mod cache;
mod fetch;
pub(super) mod queue;
mod scripts;
#[cfg(all(test, feature = "compiler"))]
mod tests;
mod waiting;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::engine::meter::Meter;
use crate::log::{Level, Log, Scope};
use crate::policy::manifest::Store;
use crate::policy::{Policy, RecordInUse, Route};
use crate::sandbox::component::Loaded;
use crate::store::Reader;
use crate::store::bucket::ATTEMPTS;
use cache::{Cache, CodeOf, Known, Look};
use fetch::{Fetched, Fetcher};
use queue::{Full, Job, Lane, Queue};
pub(super) use waiting::{LONGEST, NoResult, Pending, Waiting};

/// The records that one event can cause to be fetched: a batch may name any number of tenants.
const MOST_OF_EVENT: usize = 100;

/// The number of times that a record is fetched for one event: again if the answer is worth nothing any more.
const MOST_FETCHES: usize = 3;

/// The log gets no more than one warning about the store in this time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// A tenant of the store.
#[derive(Debug, Clone)]
pub(super) struct StoredTenant {
    /// Its handler: an index above those of the catalog, or the engine of scripts there.
    pub(super) handler: usize,
    /// The place of its script, if it has one.
    pub(super) script: Option<Arc<Path>>,
    pub(super) policy: Arc<Policy>,
    pub(super) record: RecordInUse,
}

impl StoredTenant {
    /// The route of its events.
    pub(super) fn route(&self, id: Arc<str>) -> Route {
        Route {
            tenant_id: Some(id),
            is_known: true,
            record: Some(self.record),
            script: self.script.clone(),
            ..Route::to(self.handler, Arc::clone(&self.policy))
        }
    }
}

/// The reason why an event has no tenant of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Absence {
    /// There is none, or it was removed.
    Unknown,
    /// Its record or its code cannot be used.
    Invalid(Arc<str>),
    /// The store could not be read.
    Unavailable(Arc<str>),
}

/// What the store says of one tenant.
pub(super) type Found = Result<StoredTenant, Absence>;

/// What the store says of the tenants of one event.
pub(super) type Answers = HashMap<Arc<str>, Found>;

/// The tenants of the store of a function.
pub struct StoredTenants {
    settings: Store,
    fetcher: Fetcher,
    state: Mutex<State>,
    failed_scripts: scripts::Failed,
    log: Arc<Log>,
    /// The first index of a handler that is not in the catalog.
    first_handler: usize,
}

struct State {
    cache: Cache,
    queue: Queue,
    records: HashMap<Arc<str>, Pending<Found>>,
    codes: HashMap<usize, Pending<Result<Loaded, Absence>>>,
    warned: Option<Instant>,
}

impl fmt::Debug for StoredTenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTenants").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl StoredTenants {
    /// The tenants of this store. Nothing is read before the first event. `source` loads their components, and `handlers` is
    /// the number of handlers in the manifest. In the catalog, the engine of their scripts comes after these.
    pub fn new(
        settings: Store,
        reader: Reader,
        source: super::catalog::Source,
        log: Arc<Log>,
        handlers: usize,
    ) -> Arc<Self> {
        let first_handler = handlers + usize::from(settings.scripts);
        let state = State {
            cache: Cache::new(&settings, handlers),
            queue: Queue::default(),
            records: HashMap::new(),
            codes: HashMap::new(),
            warned: None,
        };
        let fetcher = Fetcher::new(&settings, reader, source);
        let (state, failed_scripts) = (Mutex::new(state), scripts::Failed::default());
        Arc::new(Self { settings, fetcher, state, failed_scripts, log, first_handler })
    }

    /// What the store says of these tenants of one event. Those that are not known are fetched side by side.
    pub(super) async fn find_all(self: &Arc<Self>, ids: Vec<Arc<str>>, waiting: &mut Waiting<'_>) -> Answers {
        let mut answers = Answers::with_capacity(ids.len());
        let mut fetches = Vec::new();
        for id in ids {
            let found = match self.look(&id) {
                Some(found) => found,
                None if fetches.len() >= MOST_OF_EVENT => {
                    let text =
                        format!("one event can have at most {MOST_OF_EVENT} tenants fetched from the store");
                    Err(Absence::Unavailable(text.into()))
                }
                None => match self.start_record(&mut self.lock(), &id, Some(waiting.meter)) {
                    Ok(pending) => {
                        fetches.push((id, pending));
                        continue;
                    }
                    Err(absence) => Err(absence),
                },
            };
            answers.insert(id, found);
        }
        for (id, pending) in fetches {
            answers.insert(id, waiting.result(pending).await.unwrap_or_else(|reason| Err(reason.into())));
        }
        answers
    }

    /// Whether a handler is one of a tenant of the store.
    pub(super) fn has(&self, handler: usize) -> bool {
        handler >= self.first_handler
    }

    /// The component of a handler, if it is in memory.
    pub(super) fn loaded(&self, handler: usize) -> Option<Loaded> {
        self.lock().cache.loaded(handler)
    }

    /// Whether the component of a handler is in memory, which is not a use of it.
    pub(super) fn is_loaded(&self, handler: usize) -> bool {
        self.lock().cache.is_loaded(handler)
    }

    /// The number of components that have left the memory.
    pub(super) fn unloads(&self) -> u64 {
        self.lock().cache.unloads()
    }

    /// The component of a handler, which is fetched if it is not in memory.
    pub(super) async fn component(
        self: &Arc<Self>,
        handler: usize,
        mut waiting: Waiting<'_>,
    ) -> Result<Loaded, Absence> {
        let pending = {
            let mut state = self.lock();
            match state.cache.code(handler, SystemTime::now()) {
                Ok(loaded) => return loaded,
                Err(code) => self.start_code(&mut state, handler, code, waiting.meter)?,
            }
        };
        waiting.result(pending).await.unwrap_or_else(|reason| Err(reason.into()))
    }

    /// What is known of a tenant, unless it has to be fetched.
    fn look(self: &Arc<Self>, id: &Arc<str>) -> Option<Found> {
        let mut state = self.lock();
        let (found, is_stale) = match state.cache.look(id, SystemTime::now()) {
            Look::Fresh(found) => (found, false),
            Look::Stale(found) => (found, true),
            Look::Missing => return None,
        };
        if is_stale && !state.queue.is_busy(Lane::Known) {
            // Otherwise, and if this fails, a later event does it.
            let _ = self.start_record(&mut state, id, None);
        }
        Some(found)
    }

    /// Starts to fetch a record, unless that is in progress. Without a meter, no event waits for it.
    fn start_record(
        self: &Arc<Self>,
        state: &mut State,
        id: &Arc<str>,
        meter: Option<&Meter>,
    ) -> Result<Pending<Found>, Absence> {
        if let Some(pending) = in_progress(&state.records, id) {
            return Ok(pending);
        }
        let (sender, pending) = watch::channel(None);
        let known = state.cache.known(id, SystemTime::now());
        let lane = if known.seen.is_some() { Lane::Known } else { Lane::Unknown };
        let (this, tenant, meter) = (Arc::clone(self), Arc::clone(id), meter.cloned());
        let job = move || {
            if meter.is_some() && this.is_given_up(&sender, |state| &mut state.records, &tenant) {
                return;
            }
            let found = this.fetch_record(&tenant, known, meter.as_ref(), SystemTime::now);
            // The events that waited may have run out of time.
            let _ = sender.send(Some(found));
        };
        self.start(state, lane, Box::new(job))?;
        state.records.insert(Arc::clone(id), pending.clone());
        Ok(pending)
    }

    /// Fetches a record, and keeps what the store says of it. Without a meter, no event waits for it.
    fn fetch_record(
        &self,
        id: &Arc<str>,
        mut known: Known,
        meter: Option<&Meter>,
        clock: impl Fn() -> SystemTime,
    ) -> Found {
        let attempts = if meter.is_some() { ATTEMPTS } else { 1 };
        for left in (0..MOST_FETCHES).rev() {
            // The environment may be frozen before the answer is kept, so its age counts from here.
            let asked = clock();
            let fetch = || self.fetcher.record(id, &known, attempts);
            let fetched = guarded(|| meter.map_or_else(fetch, |meter| meter.charge(fetch).0));
            let fetched = fetched.unwrap_or_else(|absence| Fetched::Absent(absence, None));
            let reason = fetched.reason(id);
            let (mut state, now) = (self.lock(), clock());
            let found = state.cache.put(id, fetched, asked, now);
            if let (Some(reason), Some(Ok(_) | Err(Absence::Unavailable(_)))) = (reason, &found) {
                self.warn(&mut state, &reason);
            }
            // What was asked before the environment was frozen says nothing of now.
            let is_late =
                now.duration_since(asked).is_ok_and(|age| age > self.settings.max_stale.max(LONGEST));
            match found {
                Some(found) if !is_late || left == 0 => {
                    state.records.remove(id);
                    return found;
                }
                Some(_) | None => known = state.cache.known(id, now),
            }
        }
        self.lock().records.remove(id);
        Err(unavailable("it was changed while the event waited"))
    }

    /// Starts to fetch native code, unless that is in progress.
    fn start_code(
        self: &Arc<Self>,
        state: &mut State,
        handler: usize,
        code: Option<Arc<CodeOf>>,
        meter: &Meter,
    ) -> Result<Pending<Result<Loaded, Absence>>, Absence> {
        if let Some(pending) = in_progress(&state.codes, &handler) {
            return Ok(pending);
        }
        let Some(code) = code else {
            return Err(unavailable("it was changed while the event waited"));
        };
        let (sender, pending) = watch::channel(None);
        let (this, meter) = (Arc::clone(self), meter.clone());
        let job = move || {
            if this.is_given_up(&sender, |state| &mut state.codes, &handler) {
                return;
            }
            let loaded = guarded(|| meter.charge(|| this.fetcher.code(&code)).0).and_then(|loaded| loaded);
            let mut state = this.lock();
            if let Err(Absence::Unavailable(reason)) = &loaded {
                this.warn(&mut state, reason);
            }
            state.cache.put_code(handler, &loaded, SystemTime::now());
            state.codes.remove(&handler);
            drop(state);
            let _ = sender.send(Some(loaded));
        };
        self.start(state, Lane::Known, Box::new(job))?;
        state.codes.insert(handler, pending.clone());
        Ok(pending)
    }

    /// Starts a fetch, or lets it wait for a thread.
    fn start(self: &Arc<Self>, state: &mut State, lane: Lane, job: Job) -> Result<(), Absence> {
        let added = state.queue.add(lane, job);
        let Some(first) = added.map_err(|Full| unavailable("too many fetches wait for the store"))? else {
            return Ok(());
        };
        let this = Arc::clone(self);
        let work = move || {
            let mut job = Some(first);
            while let Some(fetch) = job {
                // The thread goes on after a panic: otherwise there would be one less for ever.
                let _ = guarded(fetch);
                job = this.lock().queue.next(lane);
            }
        };
        // Threads of its own: those of Tokio end with the loop that has started them.
        let thread = thread::Builder::new().name("store".to_owned()).spawn(work);
        thread.map(drop).map_err(|_| {
            state.queue.lost(lane);
            unavailable("the operating system allows no more threads")
        })
    }

    /// Whether no event waits for a fetch any more, which is then forgotten. One receiver is kept for events to come.
    fn is_given_up<K: Eq + Hash, T>(
        &self,
        sender: &watch::Sender<Option<T>>,
        fetches: fn(&mut State) -> &mut HashMap<K, Pending<T>>,
        key: &K,
    ) -> bool {
        // The caller that started it has the lock until its receivers exist.
        let mut state = self.lock();
        let is_given_up = sender.receiver_count() <= 1;
        if is_given_up {
            fetches(&mut state).remove(key);
        }
        is_given_up
    }

    fn warn(&self, state: &mut State, reason: &str) {
        let now = Instant::now();
        if state.warned.is_none_or(|warned| now.duration_since(warned) > BETWEEN_WARNINGS) {
            state.warned = Some(now);
            let text = format!(
                "the store cannot be read: {reason}; tenants that are known are served under their last records, up to \
                 `max_stale` (logged at most once a minute)"
            );
            self.log.record(Level::Warn, &Scope::default(), &text);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fetch of this key, if there is one. After a panic there is a receiver still, to which nothing is sent.
pub(super) fn in_progress<K: Eq + Hash, T>(fetches: &HashMap<K, Pending<T>>, key: &K) -> Option<Pending<T>> {
    fetches.get(key).filter(|pending| pending.has_changed().is_ok()).cloned()
}

fn unavailable(text: &str) -> Absence {
    Absence::Unavailable(text.into())
}

/// A panic of a fetch must not leave it in progress for ever.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Absence> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| unavailable("Bulkhead panicked while it read the store, which is a bug"))
}
