//! The processor time of one event, on a clock of its own: waiting does not count.
//!
//! An event is handled only while its future is polled, on the thread that polls it. So the meter reads that
//! thread's processor clock around each poll. The work of the thread since its last poll was necessary to wake
//! this event, for example for a server that sends its bytes one by one. That work counts too, unless it was
//! [for no event](unmetered). The meter runs from the event's arrival until its answer is sent, so the receipt
//! includes the host's work before the guest runs and after it has returned. Work for the event outside of its
//! polls, such as that on its connections, is charged by the code that does it. The guest's limit counts from
//! the time when the guest starts.
//!
//! To read the processor clock takes a system call, so it is read at the ends of polls, and when a guest has computed for
//! a while. Where an upper bound is enough, the meter takes the time that has passed.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// The processor time that an event has spent, and that its guest may spend.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Spent>);

#[derive(Debug)]
struct Spent {
    /// In finished polls, in nanoseconds.
    before: AtomicU64,
    /// The thread's clock at the start of the current poll; [`IDLE`] between polls.
    since: AtomicU64,
    /// On work outside of polls, in nanoseconds.
    charged: AtomicU64,
    /// The total at which the guest is stopped, in nanoseconds.
    end: AtomicU64,
    /// Notified when work outside of polls has used up the rest.
    exhausted: Notify,
}

const IDLE: u64 = u64::MAX;
/// For so long since the start of a poll, the time that has passed is close enough to the processor time.
const CLOSE: Duration = Duration::from_millis(1);

/// The last work of this thread.
#[derive(Debug, Clone, Copy)]
enum Last {
    /// Work for no event.
    Unmetered,
    /// A metered poll is in progress. It began at this time, unless earlier work of the thread is part of it.
    InTurn(Option<Instant>),
    /// A metered poll ended at this time of the thread's clock.
    Turn(u64),
}

thread_local! {
    static LAST: Cell<Last> = const { Cell::new(Last::Unmetered) };
}

/// Runs work between events. It is not charged to the next event.
pub async fn unmetered<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        // Meters within this work begin now, and so does the next event's.
        end_turn();
        let polled = work.as_mut().poll(context);
        end_turn();
        polled
    })
    .await
}

/// The work of this thread from here to its next turn is not charged to that turn.
pub fn end_turn() {
    if !matches!(LAST.get(), Last::InTurn(_)) {
        LAST.set(Last::Unmetered);
    }
}

impl Meter {
    /// A meter with this limit for the guest.
    pub fn new(limit: Duration) -> Self {
        let meter = Self(Arc::new(Spent {
            before: AtomicU64::new(0),
            since: AtomicU64::new(IDLE),
            charged: AtomicU64::new(0),
            end: AtomicU64::new(0),
            exhausted: Notify::new(),
        }));
        meter.allow(limit);
        meter
    }

    /// The guest may spend this much more from now on. Call this on the thread that handles the event.
    pub fn allow(&self, limit: Duration) {
        let end = self.at_most().saturating_add(nanoseconds(limit));
        self.0.end.store(end, Ordering::Relaxed);
    }

    /// Whether both are the same meter.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Adds time that was spent elsewhere.
    pub fn add(&self, spent: Duration) {
        self.0.before.fetch_add(nanoseconds(spent), Ordering::Relaxed);
    }

    /// Runs the work for an event on this meter, in addition to work that runs on it already.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            if self.0.since.load(Ordering::Relaxed) != IDLE {
                return work.as_mut().poll(context);
            }
            // This also ends when a panic unwinds.
            let _turn = Turn::begin(&self.0);
            work.as_mut().poll(context)
        })
        .await
    }

    /// Runs work for the sandbox outside of its polls, on any thread. Returns whether time is left.
    pub fn charge<T>(&self, work: impl FnOnce() -> T) -> (T, bool) {
        let started = thread_clock();
        let done = work();
        let now = thread_clock();
        if !matches!(LAST.get(), Last::InTurn(_)) {
            // The next poll is not charged for it again.
            LAST.set(Last::Turn(now));
        }
        let took = now.saturating_sub(started);
        let charged = self.0.charged.fetch_add(took, Ordering::Relaxed).saturating_add(took);
        // A poll in progress uses the clock of another thread, and checks the total itself.
        let spent = charged.saturating_add(self.0.before.load(Ordering::Relaxed));
        let is_left = spent < self.0.end.load(Ordering::Relaxed);
        if !is_left {
            self.0.exhausted.notify_one();
        }
        (done, is_left)
    }

    /// Resolves when work outside of polls has used up the time. A guest that waits is then ended; one that
    /// computes checks what is [left](Self::left). Poll this on the thread that handles the event.
    pub async fn exhausted(&self) {
        loop {
            self.0.exhausted.notified().await;
            // The notification may be about an earlier limit: that of the previous part of a batch.
            if self.left().is_none() {
                return;
            }
        }
    }

    /// The time spent so far. Call this on the thread that handles the event.
    pub fn spent(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds())
    }

    /// The time left; `None` if the limit is reached.
    pub fn left(&self) -> Option<Duration> {
        let left = self.0.end.load(Ordering::Relaxed).checked_sub(self.nanoseconds());
        left.filter(|left| *left > 0).map(Duration::from_nanos)
    }

    /// How long the poll in progress has computed.
    pub fn turn(&self) -> Duration {
        match self.0.since.load(Ordering::Relaxed) {
            IDLE => Duration::ZERO,
            since => Duration::from_nanos(thread_clock().saturating_sub(since)),
        }
    }

    /// An upper bound of the time spent so far, close to it: no thread computes for longer than the time that passes.
    fn at_most(&self) -> u64 {
        let passed = match LAST.get() {
            Last::InTurn(Some(began)) if self.0.since.load(Ordering::Relaxed) != IDLE => began.elapsed(),
            Last::InTurn(_) | Last::Unmetered | Last::Turn(_) => return self.nanoseconds(),
        };
        if passed > CLOSE {
            return self.nanoseconds();
        }
        let charged = self.0.charged.load(Ordering::Relaxed);
        let before = self.0.before.load(Ordering::Relaxed);
        before.saturating_add(charged).saturating_add(nanoseconds(passed))
    }

    fn nanoseconds(&self) -> u64 {
        self.in_polls().saturating_add(self.0.charged.load(Ordering::Relaxed))
    }

    fn in_polls(&self) -> u64 {
        let before = self.0.before.load(Ordering::Relaxed);
        match self.0.since.load(Ordering::Relaxed) {
            IDLE => before,
            since => before + thread_clock().saturating_sub(since),
        }
    }
}

/// A poll in progress.
struct Turn<'a> {
    spent: &'a Spent,
    /// Not within a poll of another meter.
    is_outermost: bool,
}

impl<'a> Turn<'a> {
    fn begin(spent: &'a Spent) -> Self {
        let (since, began) = match LAST.get() {
            Last::Unmetered => (thread_clock(), Some(Last::InTurn(Some(Instant::now())))),
            Last::Turn(ended) => (ended, Some(Last::InTurn(None))),
            // Within a poll of another meter.
            Last::InTurn(_) => (thread_clock(), None),
        };
        let is_outermost = began.is_some();
        began.into_iter().for_each(|began| LAST.set(began));
        spent.since.store(since, Ordering::Relaxed);
        Self { spent, is_outermost }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (since, now) = (self.spent.since.swap(IDLE, Ordering::Relaxed), thread_clock());
        self.spent.before.fetch_add(now.saturating_sub(since), Ordering::Relaxed);
        if self.is_outermost {
            LAST.set(Last::Turn(now));
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The processor time of this thread in nanoseconds.
fn thread_clock() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // Both are never negative, and 500 years of processor time fit.
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests;
