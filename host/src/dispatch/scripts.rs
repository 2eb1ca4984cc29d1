//! The scripts of handlers and tenants: those in memory, and those that are being read.
//!
//! A script is read at the first event that needs it: once for all events that wait for it, on a thread of its own, within
//! the event's time and a bound. What that takes of the processor is charged to the event that caused it. A
//! script that cannot be read is tried again by the next event of its tenant. One that is large is then [compiled](compile).

mod attempts;
mod compile;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::watch;

use super::stored::queue::{Full, Job, Lane, Queue};
use super::stored::{Absence, NoResult, Pending, StoredTenants, Waiting, in_progress};
use crate::engine::meter::Meter;
use crate::log::{Level, Log, Scope};
use crate::policy::Limits;
use crate::script::{self, Bytecode, Cache, MOST_BYTES_KEPT, ReadError, SMALLEST, Script, object, packaged};
use crate::text::printable::Shown as _;
use attempts::{Attempts, Offer};
pub(super) use compile::{Attempt, Compiler};

/// A script that an event cannot have.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ScriptError {
    /// It cannot be read.
    #[error("{0}")]
    Read(Arc<ReadError>),
    /// Reading it takes too long.
    #[error("it could not be read in time; send this event again later")]
    Late,
    /// Reading it was interrupted.
    #[error("reading it was interrupted; send this event again")]
    Interrupted,
    /// Too many scripts wait to be read.
    #[error("too many scripts wait to be read; send this event again later")]
    Full,
    /// It is one of the store, which does not have it, or not as it should be.
    #[error("the store does not have it")]
    Stored(Absence),
    /// There is no thread to read it.
    #[error("the operating system allows no more threads; send this event again later")]
    NoThread,
}

/// What came of reading a script.
type Read = Result<Arc<Script>, ScriptError>;

/// The scripts of a function.
pub struct Scripts {
    task_root: PathBuf,
    stored: Option<Arc<StoredTenants>>,
    log: Arc<Log>,
    state: Mutex<State>,
}

struct State {
    cache: Cache,
    attempts: Attempts,
    queue: Queue,
    reads: HashMap<Arc<Path>, Pending<Read>>,
    /// Whether the log has the record about bytecode that does not fit.
    is_told: bool,
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripts").field("task_root", &self.task_root).finish_non_exhaustive()
    }
}

impl Scripts {
    /// The scripts in a task root and in a store. Nothing is opened before the first event.
    pub fn new(task_root: PathBuf, stored: Option<Arc<StoredTenants>>, log: Arc<Log>) -> Arc<Self> {
        let state = State {
            cache: Cache::new(MOST_BYTES_KEPT),
            attempts: Attempts::default(),
            queue: Queue::default(),
            reads: HashMap::new(),
            is_told: false,
        };
        Arc::new(Self { task_root, stored, log, state: Mutex::new(state) })
    }

    /// A script, if it is in memory.
    pub(super) fn kept(&self, place: &Path) -> Option<Arc<Script>> {
        self.lock().cache.get(place)
    }

    /// Whether an event with these limits, which ends at this time, is to compile a script.
    pub(super) fn attempt(
        self: &Arc<Self>,
        script: &Arc<Script>,
        limits: &Limits,
        ends: Instant,
    ) -> Option<Attempt> {
        let offer = self.lock().attempts.begin(&script.digest, || Offer::of(limits, ends))?;
        Some(Attempt::new(Arc::clone(self), Arc::clone(script), offer))
    }

    /// A script for this engine, which is read if it is not in memory.
    pub(super) async fn get(
        self: &Arc<Self>,
        place: &Arc<Path>,
        engine: &Arc<str>,
        mut waiting: Waiting<'_>,
    ) -> Read {
        let pending = {
            let mut state = self.lock();
            if let Some(script) = state.cache.get(place) {
                return Ok(script);
            }
            match in_progress(&state.reads, place) {
                Some(pending) => pending,
                None => self.start(&mut state, place, engine, waiting.meter)?,
            }
        };
        waiting.result(pending).await.unwrap_or_else(|reason| {
            Err(match reason {
                reason if self.stored_at(place).is_some() => ScriptError::Stored(reason.into()),
                NoResult::Late => ScriptError::Late,
                NoResult::Interrupted => ScriptError::Interrupted,
            })
        })
    }

    /// Starts to read a script.
    fn start(
        self: &Arc<Self>,
        state: &mut State,
        place: &Arc<Path>,
        engine: &Arc<str>,
        meter: &Meter,
    ) -> Result<Pending<Read>, ScriptError> {
        let (sender, pending) = watch::channel(None);
        let (this, own, meter) = (Arc::clone(self), Arc::clone(place), meter.clone());
        let engine = Arc::clone(engine);
        let job = move || {
            if this.is_given_up(&sender, &own) {
                return;
            }
            // The events that waited may have run out of time.
            let _ = sender.send(Some(meter.charge(|| this.read(&own, &engine)).0));
        };
        match self.stored_at(place) {
            Some(stored) => stored.run(Box::new(job)).map_err(ScriptError::Stored)?,
            None => self.add(state, Box::new(job))?,
        }
        state.reads.insert(Arc::clone(place), pending.clone());
        Ok(pending)
    }

    /// Whether no event waits for a script any more, which is then not read. One receiver is kept for events to come.
    fn is_given_up(&self, sender: &watch::Sender<Option<Read>>, place: &Path) -> bool {
        let mut state = self.lock();
        let is_given_up = sender.receiver_count() <= 1;
        if is_given_up {
            state.reads.remove(place);
        }
        is_given_up
    }

    fn read(&self, place: &Arc<Path>, engine: &str) -> Read {
        let read = match self.stored_at(place) {
            Some(stored) => stored.script(place).map_err(ScriptError::Stored),
            None => script::read(&self.task_root, place).map_err(|error| ScriptError::Read(Arc::new(error))),
        };
        let mut is_open = false;
        let read = read.map(|script| {
            let bytecode = self.packaged(&script, engine);
            is_open = bytecode.is_none() && !script.worth_compiling(SMALLEST).is_empty();
            Arc::new(script.with_bytecode(bytecode))
        });
        let mut state = self.lock();
        let gone = read.as_ref().ok().map(|script| {
            if is_open {
                state.attempts.add(&script.digest);
            }
            state.cache.put(Arc::clone(script))
        });
        state.reads.remove(place);
        drop(state);
        drop(gone);
        read
    }

    /// The bytecode that the package of the function has of one of its scripts.
    fn packaged(&self, script: &Script, engine: &str) -> Option<Bytecode> {
        if self.stored_at(&script.place).is_some() {
            return None;
        }
        let misfit = match packaged::read(&self.task_root, engine, script) {
            Ok(bytecode) => return bytecode,
            Err(misfit) => misfit,
        };
        // If one does not fit, no other one may.
        if !std::mem::replace(&mut self.lock().is_told, true) {
            let text = format!(
                "BytecodeIgnored: {} of the package is not used: {misfit}; the script {} is compiled by its events. Build \
                 the package again (logged once)",
                packaged::place(engine, &script.digest).shown(),
                script.place.shown()
            );
            self.log.record(Level::Warn, &Scope::default(), &text);
        }
        None
    }

    /// The store, if a script is one of it.
    fn stored_at(&self, place: &Path) -> Option<&Arc<StoredTenants>> {
        self.stored.as_ref().filter(|_| object::digest_of(place).is_some())
    }

    /// Gives a read a thread, or lets it wait for one.
    fn add(self: &Arc<Self>, state: &mut State, job: Job) -> Result<(), ScriptError> {
        let Some(first) = state.queue.add(Lane::Known, job).map_err(|Full| ScriptError::Full)? else {
            return Ok(());
        };
        let this = Arc::clone(self);
        let work = move || {
            let mut job = Some(first);
            while let Some(read) = job {
                // The thread goes on after a panic: otherwise there would be one less for ever.
                let _ = catch_unwind(AssertUnwindSafe(read));
                job = this.lock().queue.next(Lane::Known);
            }
        };
        thread::Builder::new().name("script".to_owned()).spawn(work).map(drop).map_err(|_| {
            state.queue.lost(Lane::Known);
            ScriptError::NoThread
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
