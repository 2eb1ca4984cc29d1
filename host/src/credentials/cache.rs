//! Values that were fetched, and fetches that are in progress: one for each key, however many requests wait for it.
//!
//! A fetch does not belong to the request that has started it: that one may end, and others still wait. What was not
//! used for the longest time is given up first.

use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::Unavailable;
use crate::engine::meter::unmetered;
use crate::log::{Level, Log, Scope};

/// After a failure, a value that is still usable is used for this time before the next attempt.
const RETRY: Duration = Duration::from_secs(30);
/// After a failure without a value, requests get the same error for this time.
const RETRY_WITHOUT: Duration = Duration::from_secs(1);
/// A request that has an old value waits for another one for this time.
const PATIENCE: Duration = Duration::from_secs(1);
/// After a value was doubted and turned out to be the same, it is not doubted again for this time.
const CONFIRMED: Duration = Duration::from_secs(5 * 60);
/// Fetches of one cache in progress.
const MOST_FETCHES: usize = 512;

/// How long a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    /// Until then, it is used.
    pub(super) fresh: SystemTime,
    /// From then on, it is used while another one is fetched.
    pub(super) good: SystemTime,
    /// From then on, it is used if another one cannot be fetched.
    pub(super) usable: SystemTime,
}

impl Life {
    /// From now on, the value is used only if another one cannot be fetched.
    fn age(&mut self) {
        self.fresh = SystemTime::UNIX_EPOCH;
        self.good = SystemTime::UNIX_EPOCH;
    }
}

/// A value that was fetched.
#[derive(Debug)]
pub(super) struct Fetched<V> {
    pub(super) value: V,
    pub(super) life: Life,
}

/// The limits of a cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Keys that are kept.
    pub(super) most: usize,
    /// Fetches at a time; others wait.
    pub(super) at_once: usize,
}

/// Makes a fetch. It is not a type parameter, because the code for each would make the bootstrap larger.
pub(super) type Fetch<'f, V> = &'f mut (dyn FnMut() -> Fetching<V> + Send);
/// A fetch.
pub(super) type Fetching<V> = Pin<Box<dyn Future<Output = Result<Fetched<V>, Unavailable>> + Send>>;

type Outcome<V> = Result<Arc<V>, Unavailable>;
type Pending<V> = watch::Receiver<Option<Outcome<V>>>;

/// Values by their keys.
pub(super) struct Cache<K, V> {
    limits: Limits,
    threads: Arc<Semaphore>,
    log: Arc<Log>,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    kept: HashMap<K, Kept<V>>,
    fetches: HashMap<K, Pending<V>>,
    /// Counts uses.
    uses: u64,
}

struct Kept<V> {
    value: Option<(Arc<V>, Life)>,
    /// When the value was doubted, if no other one was fetched since.
    doubted: Option<SystemTime>,
    /// When the last value that was doubted was fetched again, and whether it was the same.
    refetched: Option<(SystemTime, bool)>,
    /// The last attempt, if it has failed.
    failed: Option<(SystemTime, Unavailable)>,
    used: u64,
}

/// What is known of a key.
enum Look<V> {
    Use(Arc<V>),
    UseAndFetch(Arc<V>),
    /// To be fetched; this is used if that fails.
    Fetch(Option<Arc<V>>),
    Failed(Unavailable),
}

impl<K, V> Debug for Cache<K, V> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<V> Kept<V> {
    fn look(&self, now: SystemTime) -> Look<V> {
        let failure = |within| self.failed.as_ref().filter(|(at, _)| is_younger(*at, now, within));
        match &self.value {
            Some((value, life)) if now < life.fresh => Look::Use(Arc::clone(value)),
            Some((value, life)) if now < life.usable && failure(RETRY).is_some() => {
                Look::Use(Arc::clone(value))
            }
            Some((value, life)) if now < life.good => Look::UseAndFetch(Arc::clone(value)),
            Some((value, life)) if now < life.usable => Look::Fetch(Some(Arc::clone(value))),
            Some(_) | None => match failure(RETRY_WITHOUT) {
                Some((_, error)) => Look::Failed(error.clone()),
                None => Look::Fetch(None),
            },
        }
    }
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: PartialEq + Send + Sync + 'static,
{
    pub(super) fn new(limits: Limits, log: &Arc<Log>) -> Self {
        Self {
            limits,
            threads: Arc::new(Semaphore::new(limits.at_once)),
            log: Arc::clone(log),
            state: Mutex::new(State { kept: HashMap::new(), fetches: HashMap::new(), uses: 0 }),
        }
    }

    /// The value of a key, which is fetched if it is not known.
    ///
    /// # Errors
    /// If it cannot be fetched, and is not known.
    pub(super) async fn get(self: &Arc<Self>, key: &K, now: SystemTime, fetch: Fetch<'_, V>) -> Outcome<V> {
        let (mut pending, old) = {
            let mut state = self.lock();
            state.uses += 1;
            let uses = state.uses;
            let look = match state.kept.get_mut(key) {
                Some(kept) => {
                    kept.used = uses;
                    kept.look(now)
                }
                None => Look::Fetch(None),
            };
            match look {
                Look::Use(value) => return Ok(value),
                Look::Failed(error) => return Err(error),
                Look::UseAndFetch(value) => {
                    // If there are too many fetches, a later request starts it.
                    let _ = self.start(&mut state, key, Start { now, is_behind: true, fetch });
                    return Ok(value);
                }
                Look::Fetch(old) => {
                    (self.start(&mut state, key, Start { now, is_behind: false, fetch })?, old)
                }
            }
        };
        let fetching = async {
            let fetched = pending.wait_for(Option::is_some).await.ok().and_then(|fetched| fetched.clone());
            fetched.unwrap_or_else(|| Err(Unavailable::new("it was not fetched to its end")))
        };
        match old {
            None => fetching.await,
            Some(old) => Ok(timeout(PATIENCE, fetching).await.ok().and_then(Result::ok).unwrap_or(old)),
        }
    }

    /// Fetches the value of a key, if it is not known or ages, for a request that may come. Nothing waits for it.
    pub(super) fn prefetch(self: &Arc<Self>, key: &K, now: SystemTime, fetch: Fetch<'_, V>) {
        let mut state = self.lock();
        match state.kept.get(key).map_or(Look::Fetch(None), |kept| kept.look(now)) {
            Look::Use(_) | Look::Failed(_) => {}
            Look::UseAndFetch(_) | Look::Fetch(_) => {
                // If there are too many fetches, the request starts it.
                let _ = self.start(&mut state, key, Start { now, is_behind: true, fetch });
            }
        }
    }

    /// The next request gets another value than this one, unless one was fetched because of a doubt within this pause. This one is
    /// used if no other can be fetched.
    pub(super) fn doubt(&self, key: &K, value: &V, now: SystemTime, pause: Duration) {
        let mut state = self.lock();
        let Some(kept) = state.kept.get_mut(key) else { return };
        let is_recent =
            |(at, is_same)| is_younger(at, now, if is_same { CONFIRMED.max(pause) } else { pause });
        if kept.refetched.is_some_and(is_recent) {
            return;
        }
        if let Some((known, life)) = &mut kept.value
            && **known == *value
        {
            life.age();
            kept.doubted = Some(now);
        }
    }

    /// Starts to fetch a value, unless that is in progress.
    fn start(
        self: &Arc<Self>,
        state: &mut State<K, V>,
        key: &K,
        start: Start<'_, V>,
    ) -> Result<Pending<V>, Unavailable> {
        if let Some(pending) = state.fetches.get(key) {
            return Ok(pending.clone());
        }
        if state.fetches.len() >= MOST_FETCHES {
            return Err(Unavailable::new("too many others are being fetched"));
        }
        let (sender, pending) = watch::channel(None);
        state.fetches.insert(key.clone(), pending.clone());
        let Start { now, is_behind, fetch } = start;
        let mut flight = Flight { cache: Arc::clone(self), key: key.clone(), sender, is_over: false };
        let (threads, fetching) = (Arc::clone(&self.threads), fetch());
        spawn(Box::pin(async move {
            let turn = threads.acquire_owned().await;
            if !is_behind && flight.is_given_up() {
                return;
            }
            let began = Instant::now();
            let fetched = fetching.await;
            flight.end(fetched, Asked { at: now, took: began.elapsed() });
            drop(turn);
        }));
        Ok(pending)
    }

    /// Keeps what was fetched, and says what those who wait for it get.
    fn put(&self, key: &K, fetched: Result<Fetched<V>, Unavailable>, asked: Asked) -> Outcome<V> {
        let Asked { at: asked, took } = asked;
        let mut state = self.lock();
        state.uses += 1;
        let uses = state.uses;
        if !state.kept.contains_key(key) && state.kept.len() >= self.limits.most {
            let oldest = state.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            oldest.map(|oldest| state.kept.remove(&oldest));
        }
        let kept = state.kept.entry(key.clone()).or_insert(Kept {
            value: None,
            doubted: None,
            refetched: None,
            failed: None,
            used: uses,
        });
        match fetched {
            Ok(Fetched { value, mut life }) => {
                let is_same = kept.value.as_ref().is_some_and(|(old, _)| **old == value);
                // A fetch that began before the doubt does not settle it.
                let doubted = kept.doubted.filter(|at| is_same && asked < *at);
                let refetched = match (kept.doubted, doubted) {
                    (Some(_), None) => Some((asked, is_same)),
                    (Some(_), Some(_)) => {
                        life.age();
                        kept.refetched
                    }
                    (None, _) => kept.refetched,
                };
                let value = Arc::new(value);
                let known = Some((Arc::clone(&value), life));
                *kept = Kept { value: known, doubted, refetched, failed: None, used: uses };
                Ok(value)
            }
            Err(error) => {
                kept.failed = Some((asked + took, error.clone()));
                let is_usable = kept.value.as_ref().is_some_and(|(_, life)| asked < life.usable);
                drop(state);
                if is_usable {
                    let text = format!("{error}; the value that is known is used for now");
                    self.log.record(Level::Warn, &Scope::default(), &text);
                }
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a task. All have one type here: the code for tasks of one more would make the bootstrap larger.
fn spawn(task: Pin<Box<dyn Future<Output = ()> + Send>>) {
    tokio::spawn(unmetered(task));
}

/// A fetch that is to be started.
struct Start<'f, V> {
    now: SystemTime,
    /// Whether no request waits for it.
    is_behind: bool,
    fetch: Fetch<'f, V>,
}

/// A fetch in progress. If it is dropped before its end, because its runtime ends, another one can be started.
struct Flight<K: Hash + Eq, V> {
    cache: Arc<Cache<K, V>>,
    key: K,
    sender: watch::Sender<Option<Outcome<V>>>,
    is_over: bool,
}

impl<K, V> Flight<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: PartialEq + Send + Sync + 'static,
{
    /// Whether no request waits for it any more. One receiver is kept for requests to come.
    fn is_given_up(&mut self) -> bool {
        // The request that started it has the lock until its receiver exists.
        let mut state = self.cache.lock();
        self.is_over = self.sender.receiver_count() <= 1;
        if self.is_over {
            // A request to come starts another one.
            state.fetches.remove(&self.key);
        }
        self.is_over
    }

    fn end(mut self, fetched: Result<Fetched<V>, Unavailable>, asked: Asked) {
        let outcome = self.cache.put(&self.key, fetched, asked);
        self.cache.lock().fetches.remove(&self.key);
        self.is_over = true;
        // The events that waited may have ended.
        let _ = self.sender.send(Some(outcome));
    }
}

impl<K: Hash + Eq, V> Drop for Flight<K, V> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut state = self.cache.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.fetches.remove(&self.key);
        }
    }
}

/// When a value was asked for, and how long it took until it was there or not.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: SystemTime,
    took: Duration,
}

/// Whether less than this time has passed. It may be a little in the future, because requests take their times in any order;
/// what is far in the future is from before the clock was set.
fn is_younger(at: SystemTime, now: SystemTime, than: Duration) -> bool {
    now.duration_since(at).unwrap_or_else(|ahead| ahead.duration()) < than
}

#[cfg(test)]
mod tests;
