//! The events that a contestant gets in one go, and their results.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// An event.
#[derive(Debug)]
pub(crate) struct Event {
    /// The bytes of the event.
    pub(crate) body: Vec<u8>,
    /// The expected response, byte for byte; `None` if any answer is accepted.
    pub(crate) answer: Option<Vec<u8>>,
    /// The deadline, relative to the delivery.
    pub(crate) deadline: Duration,
    /// The tenant.
    pub(crate) tenant: Option<&'static str>,
}

/// The kind of answer to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// `POST …/response`
    Response,
    /// `POST …/error`
    Error,
}

/// The timing of one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// Just before its bytes were written; or when it was due, if it waited for a call.
    pub(crate) delivered: Instant,
    /// When the last byte of its answer was read.
    pub(crate) answered: Instant,
    /// The kind of answer.
    pub(crate) end: End,
}

impl Timing {
    /// The time between the two.
    pub(crate) fn latency(&self) -> Duration {
        self.answered - self.delivered
    }
}

/// An event that is to be delivered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// When it was due.
    pub(super) due: Option<Instant>,
}

/// One event, several times.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(super) event: Arc<Event>,
    pub(super) pause: Duration,
    /// When the first event is due, and the interval of the others; `None` if an event is always due.
    schedule: Option<(Instant, Duration)>,
    /// Whether other batches run in parallel.
    pub(super) has_company: bool,
    count: usize,
    left: AtomicUsize,
    done: Mutex<Done>,
}

#[derive(Debug, Default)]
struct Done {
    timings: Vec<Timing>,
    wrong: Option<String>,
}

impl Batch {
    pub(super) fn new(event: &Arc<Event>, count: usize, pause: Duration) -> Self {
        // Most batches are small; no space is reserved for endless ones.
        let done = Done { timings: Vec::with_capacity(count.min(10_000)), wrong: None };
        Self {
            event: Arc::clone(event),
            pause,
            schedule: None,
            has_company: false,
            count,
            left: AtomicUsize::new(count),
            done: Mutex::new(done),
        }
    }

    /// In parallel with others, with an event at an interval, whether or not the last one was answered.
    pub(crate) fn every(event: &Arc<Event>, count: usize, interval: Duration) -> Self {
        let schedule = Some((Instant::now() + interval, interval));
        Self { schedule, ..Self::beside_others(event, count) }
    }

    /// In parallel with others, with an event for every call for which nothing else is due.
    pub(crate) fn beside_others(event: &Arc<Event>, count: usize) -> Self {
        Self { has_company: true, ..Self::new(event, count, Duration::ZERO) }
    }

    /// Takes one of the events, if one is left and due.
    pub(super) fn take(&self) -> Option<Taken> {
        let now = Instant::now();
        let one_less = |left: usize| {
            let is_due = self.due(left).is_none_or(|due| due <= now);
            left.checked_sub(1).filter(|_| is_due)
        };
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok()?;
        Some(Taken { due: self.due(left) })
    }

    /// When the next event is due, if one is left and the time is known.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let left = self.left.load(Ordering::Relaxed);
        self.due(left).filter(|_| left > 0)
    }

    /// When the next event is due, given the number of events that are left.
    fn due(&self, left: usize) -> Option<Instant> {
        let (first, interval) = self.schedule?;
        Some(first + interval * u32::try_from(self.count - left).unwrap_or(u32::MAX))
    }

    /// Adds the result of one event. Returns whether it was the last.
    pub(super) fn record(&self, timing: Timing, body: &[u8]) -> bool {
        let wrong = self.judge(timing.end, body);
        let mut done = self.done();
        done.timings.push(timing);
        if done.wrong.is_none() {
            done.wrong = wrong;
        }
        done.timings.len() == self.count
    }

    /// Describes what is wrong with an answer.
    fn judge(&self, end: End, body: &[u8]) -> Option<String> {
        let wanted = self.event.answer.as_deref()?;
        if end == End::Response && body == wanted {
            return None;
        }
        let start = |bytes: &[u8]| bytes[..bytes.len().min(300)].escape_ascii().to_string();
        let (length, wants) = (body.len(), wanted.len());
        Some(format!(
            "a wrong answer, {end:?} with {length} bytes: {}\nwanted {wants} bytes: {}",
            start(body),
            start(wanted)
        ))
    }

    /// The number of finished events.
    pub(crate) fn answered(&self) -> usize {
        self.done().timings.len()
    }

    pub(super) fn is_done(&self) -> bool {
        self.answered() == self.count
    }

    /// The results of all finished events, in the order in which they finished.
    ///
    /// # Errors
    /// If one of them got a wrong answer.
    pub(crate) fn timings(&self) -> Result<Vec<Timing>> {
        let done = self.done();
        match &done.wrong {
            Some(wrong) => bail!(wrong.clone()),
            None => Ok(done.timings.clone()),
        }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
