//! The tenants of a store: finds the tenant of an event there, and its component.
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
#[cfg(all(test, feature = "compiler"))]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use crate::engine::meter::Meter;
use crate::log::{Level, Log, Scope};
use crate::policy::Policy;
use crate::policy::manifest::Store;
use crate::sandbox::component::Loaded;
use crate::store::Reader;
use cache::{Cache, Look};
use fetch::{Fetched, Fetcher};

/// The longest time that an event waits for its tenant.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// What is fetched at a time, each on a thread. If a store does not answer, more events do not need more threads.
const MOST_FETCHES: usize = 16;

/// The records that one event can cause to be fetched: a batch may name any number of tenants.
const MOST_OF_EVENT: usize = 100;

/// The log gets no more than one warning about the store in this time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// A tenant of the store.
#[derive(Debug, Clone)]
pub(super) struct StoredTenant {
    /// Its handler: an index above those of the catalog.
    pub(super) handler: usize,
    pub(super) policy: Arc<Policy>,
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

/// The result of a fetch, when it is there.
type Pending<T> = watch::Receiver<Option<T>>;

/// The tenants of the store of a function.
pub struct StoredTenants {
    settings: Store,
    fetcher: Fetcher,
    state: Mutex<State>,
    log: Arc<Log>,
    /// The first index of a handler that is not in the catalog.
    first_handler: usize,
}

struct State {
    cache: Cache,
    records: HashMap<Arc<str>, Pending<Found>>,
    codes: HashMap<usize, Pending<Result<Loaded, Absence>>>,
    warned: Option<Instant>,
}

/// Who waits for a fetch, and until when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting<'a> {
    pub(super) until: Instant,
    pub(super) meter: &'a Meter,
}

impl fmt::Debug for StoredTenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTenants").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl StoredTenants {
    /// The tenants of this store. Nothing is read before the first event. `source` loads their components, and
    /// `first_handler` is the number of handlers in the catalog.
    pub fn new(
        settings: Store,
        reader: Reader,
        source: super::catalog::Source,
        log: Arc<Log>,
        first_handler: usize,
    ) -> Arc<Self> {
        let state = State {
            cache: Cache::new(&settings, first_handler),
            records: HashMap::new(),
            codes: HashMap::new(),
            warned: None,
        };
        let fetcher = Fetcher::new(&settings, reader, source);
        Arc::new(Self { settings, fetcher, state: Mutex::new(state), log, first_handler })
    }

    /// What the store says of these tenants of one event.
    pub(super) async fn find_all(self: &Arc<Self>, ids: Vec<Arc<str>>, waiting: Waiting<'_>) -> Answers {
        let until = waiting.until.min(Instant::now() + LONGEST);
        let mut fetches = 0;
        let mut answers = Answers::with_capacity(ids.len());
        for id in ids {
            let found = match self.look(&id) {
                Some(found) => found,
                None if fetches >= MOST_OF_EVENT => {
                    let text =
                        format!("one event can have at most {MOST_OF_EVENT} tenants fetched from the store");
                    Err(Absence::Unavailable(text.into()))
                }
                None => {
                    fetches += 1;
                    self.fetch(&id, Waiting { until, ..waiting }).await
                }
            };
            answers.insert(id, found);
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

    /// The component of a handler, which is fetched if it is not in memory.
    pub(super) async fn component(
        self: &Arc<Self>,
        handler: usize,
        waiting: Waiting<'_>,
    ) -> Result<Loaded, Absence> {
        let pending = {
            let mut state = self.lock();
            match state.cache.code(handler, SystemTime::now()) {
                Ok(loaded) => return loaded,
                Err(code) => self.start_code(&mut state, handler, code, waiting.meter)?,
            }
        };
        let until = waiting.until.min(Instant::now() + LONGEST);
        wait(pending, until).await.unwrap_or_else(Err)
    }

    /// What is known of a tenant, unless it has to be fetched.
    fn look(self: &Arc<Self>, id: &Arc<str>) -> Option<Found> {
        let mut state = self.lock();
        let (found, is_stale) = match state.cache.look(id, SystemTime::now()) {
            Look::Fresh(found) => (found, false),
            Look::Stale(found) => (found, true),
            Look::Missing => return None,
        };
        if is_stale {
            // If too much is fetched already, a later event does it.
            let _ = self.start_record(&mut state, id, None);
        }
        Some(found)
    }

    async fn fetch(self: &Arc<Self>, id: &Arc<str>, waiting: Waiting<'_>) -> Found {
        let pending = {
            let mut state = self.lock();
            self.start_record(&mut state, id, Some(waiting.meter.clone()))?
        };
        wait(pending, waiting.until).await.unwrap_or_else(Err)
    }

    /// Starts to fetch a record, unless that is in progress.
    fn start_record(
        self: &Arc<Self>,
        state: &mut State,
        id: &Arc<str>,
        meter: Option<Meter>,
    ) -> Result<Pending<Found>, Absence> {
        if let Some(pending) = state.records.get(id).filter(|pending| goes_on(pending)) {
            return Ok(pending.clone());
        }
        state.expect_room()?;
        let (sender, pending) = watch::channel(None);
        let known = state.cache.known(id, SystemTime::now());
        let (this, tenant) = (Arc::clone(self), Arc::clone(id));
        let job = move || {
            // The environment may be frozen before the answer is kept, so its age counts from here.
            let asked = SystemTime::now();
            let fetch = || this.fetcher.record(&tenant, &known);
            let fetched = guarded(|| meter.map_or_else(fetch, |meter| meter.charge(fetch).0));
            let fetched = fetched.unwrap_or_else(|absence| Fetched::Absent(absence, None));
            let mut state = this.lock();
            if let Fetched::Absent(Absence::Unavailable(reason), _) = &fetched {
                this.warn(&mut state, reason);
            }
            let found = state.cache.put(&tenant, fetched, asked);
            state.records.remove(&tenant);
            drop(state);
            // Whoever waited may have run out of time.
            let _ = sender.send(Some(found));
        };
        spawn(job)?;
        state.records.insert(Arc::clone(id), pending.clone());
        Ok(pending)
    }

    /// Starts to fetch native code, unless that is in progress.
    fn start_code(
        self: &Arc<Self>,
        state: &mut State,
        handler: usize,
        code: Option<Arc<cache::CodeOf>>,
        meter: &Meter,
    ) -> Result<Pending<Result<Loaded, Absence>>, Absence> {
        if let Some(pending) = state.codes.get(&handler).filter(|pending| goes_on(pending)) {
            return Ok(pending.clone());
        }
        let Some(code) = code else {
            return Err(Absence::Unavailable("it was changed while the event waited".into()));
        };
        state.expect_room()?;
        let (sender, pending) = watch::channel(None);
        let (this, meter) = (Arc::clone(self), meter.clone());
        let job = move || {
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
        spawn(job)?;
        state.codes.insert(handler, pending.clone());
        Ok(pending)
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

impl State {
    fn expect_room(&mut self) -> Result<(), Absence> {
        self.records.retain(|_, pending| goes_on(pending));
        self.codes.retain(|_, pending| goes_on(pending));
        if self.records.len() + self.codes.len() < MOST_FETCHES {
            return Ok(());
        }
        Err(Absence::Unavailable(format!("{MOST_FETCHES} fetches from the store are in progress").into()))
    }
}

/// Whether a fetch is in progress. A runtime that ends drops those that have no thread yet.
fn goes_on<T>(pending: &Pending<T>) -> bool {
    pending.has_changed().is_ok()
}

/// The result of a fetch, unless it takes too long.
async fn wait<T: Clone>(mut pending: Pending<T>, until: Instant) -> Result<T, Absence> {
    let unavailable = |text: &str| Absence::Unavailable(text.into());
    match timeout_at(until.into(), pending.wait_for(Option::is_some)).await {
        Ok(Ok(value)) => value.clone().ok_or_else(|| unavailable("the fetch has no result")),
        Ok(Err(_)) => Err(unavailable("the fetch was interrupted")),
        Err(_) => Err(unavailable("the store has not answered in time")),
    }
}

/// A panic of a fetch must not leave it in progress for ever.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Absence> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| Absence::Unavailable("Bulkhead panicked while it read the store, which is a bug".into()))
}

/// Tokio panics if the operating system allows no more threads.
fn spawn(job: impl FnOnce() + Send + 'static) -> Result<(), Absence> {
    catch_unwind(AssertUnwindSafe(|| drop(spawn_blocking(job))))
        .map_err(|_| Absence::Unavailable("the operating system allows no more threads".into()))
}
