//! Records each event: where it came from, how long it took, how it ended, its log, and its receipt.
//!
//! The records are kept in memory, for the log tail of a response and for the page. Times are in
//! milliseconds. All records together are limited, because anyone can send large events: the oldest ones lose
//! their events and logs first.
//!
//! May use: nothing.

mod denial;
mod record;
mod row;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use bulkhead_host::dispatch::receipt::{KIND, REPLIED, Receipt};
use bytes::Bytes;
use tokio::sync::watch;

use crate::local::events::EnvironmentId;
pub(super) use denial::Denial;
pub(super) use record::{Record, Way};
pub(super) use row::Row;

/// The most records in one response.
pub(super) const SHOWN: usize = 1000;

/// The most records. Beyond it, the oldest are removed.
pub(super) const MOST: usize = 10_000;

/// The most bytes of events, responses, logs, denials and receipts of parts, in all records together.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The largest event that is kept, so that the page can send it again.
const LARGEST_EVENT: usize = 256 * 1024;

/// The largest response that is kept.
pub(super) const LARGEST_RESPONSE: usize = 64 * 1024;

/// The most lines of log that are kept for an event.
const MOST_LINES: usize = 1000;

/// The most bytes of log that are kept for an event.
const LARGEST_LOG: usize = 1024 * 1024;

/// The memory of a line in addition to its bytes.
const EACH_LINE: usize = size_of::<String>();

/// The most parts of a split batch whose receipts are kept.
const MOST_PARTS: usize = 100;

/// The most different denials that are kept for an event.
const MOST_DENIALS: usize = 16;

/// The longest denial that is kept, in bytes.
const LARGEST_DENIAL: usize = 4 * 1024;

/// All records.
#[derive(Debug)]
pub(super) struct Records {
    state: Mutex<State>,
    /// The number of the last change, to wait for changes.
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    records: BTreeMap<u64, Record>,
    numbers: HashMap<String, u64>,
    /// The bytes of events, responses, logs and denials, in all records together.
    bytes: usize,
    /// The records that have some of these bytes.
    with_bytes: BTreeSet<u64>,
    /// The number of the last change, and for the last change of each record its number and the record.
    revision: u64,
    changed: BTreeMap<u64, u64>,
    /// The records of the events that each environment works on.
    busy: HashMap<EnvironmentId, Vec<u64>>,
}

/// The properties of an event that are known when it arrives.
#[derive(Debug)]
pub(super) struct Received<'r> {
    pub(super) request_id: &'r str,
    pub(super) function: &'r str,
    pub(super) way: Way,
    pub(super) tenant_id: Option<String>,
    pub(super) event: &'r Bytes,
}

/// The events that had a denial.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SeenDenial {
    pub(super) events: usize,
    /// The number and the request id of the last one.
    number: u64,
    pub(super) last: String,
}

impl SeenDenial {
    /// Adds other events.
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        if other.number > self.number {
            (self.number, self.last) = (other.number, other.last.clone());
        }
    }
}

impl Records {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), revision: watch::Sender::new(0) }
    }

    pub(super) fn receive(&self, received: &Received<'_>) {
        self.change(|state| {
            state.last += 1;
            let record = Record {
                number: state.last,
                request_id: received.request_id.to_owned(),
                function: received.function.to_owned(),
                way: received.way,
                tenant_id: received.tenant_id.as_deref().map(record::cut),
                received: SystemTime::now(),
                queue_ms: None,
                answered_ms: None,
                outcome: None,
                bytes_in: received.event.len(),
                bytes_out: 0,
                // A copy, because the buffer of the request may be larger, and has its own budget.
                event: (received.event.len() <= LARGEST_EVENT)
                    .then(|| Bytes::copy_from_slice(received.event)),
                response: None,
                log: Vec::new(),
                receipt: None,
                parts: Vec::new(),
                more_parts: 0,
                is_complete: false,
                is_given_up: false,
                denials: Vec::new(),
                started: Instant::now(),
                environment: None,
                log_bytes: 0,
                bytes: 0,
                revision: 0,
            };
            let bytes = record.event.as_ref().map_or(0, Bytes::len);
            let number = record.number;
            state.numbers.insert(record.request_id.clone(), number);
            state.records.insert(number, record);
            state.touch(number);
            state.forget();
            state.keep(number, bytes);
        });
    }

    /// Notes that an environment has taken an event.
    pub(super) fn deliver(&self, request_id: &str, environment: EnvironmentId) {
        self.change(|state| {
            let Some(record) = state.record(request_id) else { return };
            record.queue_ms = Some(record.age_ms());
            record.environment = Some(environment);
            let number = record.number;
            state.busy.entry(environment).or_default().push(number);
        });
    }

    /// Notes that the caller has the whole response of `bytes` bytes, or the error. `response` may be only its start
    /// if the whole is too large to be kept.
    pub(super) fn answer(&self, request_id: &str, error_type: Option<&str>, response: &[u8], bytes: usize) {
        self.change(|state| {
            let Some(record) = state.record(request_id) else { return };
            record.answered_ms = Some(record.age_ms());
            record.outcome = Some(record::cut(error_type.unwrap_or(REPLIED)));
            record.bytes_out = bytes;
            record.response = (bytes <= LARGEST_RESPONSE).then(|| Bytes::copy_from_slice(response));
            let (number, kept) = (record.number, record.response.as_ref().map_or(0, Bytes::len));
            // If no environment had it, nothing more will be printed.
            record.is_complete |= record.environment.is_none();
            state.keep(number, kept);
        });
    }

    /// Notes a line that an environment has printed. Returns the receipt, if the line is one.
    pub(super) fn print(&self, environment: EnvironmentId, line: &str) -> Option<Receipt> {
        let receipt = serde_json::from_str::<Receipt>(line).ok().filter(|receipt| receipt.kind == KIND);
        self.change(|state| {
            let number = match &receipt {
                Some(receipt) => state.numbers.get(&*receipt.request_id).copied(),
                None => state.event_of_line(environment, line),
            };
            let Some(number) = number else { return };
            let Some(record) = state.touch(number) else { return };
            let mut bytes = 0;
            if record.denials.len() < MOST_DENIALS
                && let Some(denial) = Denial::of(line).filter(|denial| !record.denials.contains(denial))
                && denial.bytes() <= LARGEST_DENIAL
            {
                bytes += denial.bytes();
                record.denials.push(denial);
            }
            match &receipt {
                Some(receipt) => {
                    if receipt.records.is_some() && record.parts.len() < MOST_PARTS {
                        bytes += size_of::<Receipt>() + line.len();
                        record.parts.push(receipt.clone());
                    } else if receipt.records.is_some() {
                        record.more_parts += 1;
                    }
                    record.receipt = Some(receipt.clone());
                }
                None if record.log.len() < MOST_LINES && record.log_bytes + line.len() <= LARGEST_LOG => {
                    record.log_bytes += line.len();
                    bytes += line.len() + EACH_LINE;
                    record.log.push(line.to_owned());
                }
                None => {}
            }
            state.keep(number, bytes);
        });
        receipt
    }

    /// Notes that all output of an environment so far has been recorded, so its events that are not open are
    /// complete.
    pub(super) fn settle(&self, environment: EnvironmentId, is_open: impl Fn(&str) -> bool) {
        self.change(|state| {
            let mut numbers = state.busy.remove(&environment).unwrap_or_default();
            numbers.retain(|number| {
                let Some(record) = state.records.get(number) else { return false };
                if is_open(&record.request_id) {
                    return true;
                }
                if let Some(record) = state.touch(*number) {
                    record.is_complete = true;
                }
                false
            });
            if !numbers.is_empty() {
                state.busy.insert(environment, numbers);
            }
        });
    }

    /// Waits until an event is complete, and returns its record.
    pub(super) async fn complete(&self, request_id: &str) -> Option<Record> {
        let mut revision = self.revision.subscribe();
        loop {
            let record = self.find(request_id)?;
            if record.is_complete || revision.changed().await.is_err() {
                return Some(record);
            }
        }
    }

    /// The record of an event as it is now.
    pub(super) fn find(&self, request_id: &str) -> Option<Record> {
        let state = self.state();
        state.numbers.get(request_id).and_then(|number| state.records.get(number)).cloned()
    }

    /// The rows that have changed since a revision, the oldest change first, and the revision that is reached
    /// with them. A slow reader gets each row once, as it is at that time.
    pub(super) fn changes(&self, after: u64, most: usize) -> (u64, Vec<Row>) {
        let state = self.state();
        let changed = state.changed.range((Bound::Excluded(after), Bound::Unbounded)).take(most);
        let (mut reached, mut rows) = (after, Vec::new());
        for (revision, number) in changed {
            reached = *revision;
            rows.extend(state.records.get(number).map(Row::of));
        }
        (reached, rows)
    }

    /// A subscription to changes.
    pub(super) fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Each denial of each function, and the events that had it.
    pub(super) fn denials(&self) -> BTreeMap<(String, Denial), SeenDenial> {
        let mut denials = BTreeMap::new();
        for record in self.state().records.values() {
            for denial in &record.denials {
                let seen: &mut SeenDenial =
                    denials.entry((record.function.clone(), denial.clone())).or_default();
                seen.add(&SeenDenial { events: 1, number: record.number, last: record.request_id.clone() });
            }
        }
        denials
    }

    /// The newest records, in the order in which their events arrived.
    pub(super) fn newest(&self, most: usize) -> Vec<Record> {
        let mut newest: Vec<Record> = self.state().records.values().rev().take(most).cloned().collect();
        newest.reverse();
        newest
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let revision = state.revision;
        drop(state);
        // Two changes may arrive here in the opposite order.
        self.revision.send_modify(|last| *last = revision.max(*last));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The record of an event, which is about to change.
    fn record(&mut self, request_id: &str) -> Option<&mut Record> {
        self.touch(*self.numbers.get(request_id)?)
    }

    /// The record with this number, which is about to change.
    fn touch(&mut self, number: u64) -> Option<&mut Record> {
        let record = self.records.get_mut(&number)?;
        self.revision += 1;
        self.changed.remove(&record.revision);
        self.changed.insert(self.revision, number);
        record.revision = self.revision;
        Some(record)
    }

    /// The event that a line of log belongs to: the one that it names, or the only one of the environment.
    fn event_of_line(&self, environment: EnvironmentId, line: &str) -> Option<u64> {
        let busy = self.busy.get(&environment)?;
        let named = |number: &&u64| {
            self.records.get(number).is_some_and(|record| line.contains(record.request_id.as_str()))
        };
        let only = if let [only] = busy.as_slice() { Some(only) } else { None };
        busy.iter().find(named).or(only).copied()
    }

    /// Counts more bytes for a record. If there are too many in all, the oldest other records lose their
    /// events, logs and denials, and nothing else.
    fn keep(&mut self, number: u64, bytes: usize) {
        let Some(record) = self.records.get_mut(&number).filter(|_| bytes > 0) else { return };
        record.bytes += bytes;
        self.bytes += bytes;
        self.with_bytes.insert(number);
        while self.bytes > MOST_BYTES {
            let Some(oldest) = self.with_bytes.iter().copied().find(|other| *other != number) else { return };
            self.with_bytes.remove(&oldest);
            let given_up = self.touch(oldest).map_or(0, Record::give_up);
            self.bytes -= given_up;
        }
    }

    fn forget(&mut self) {
        while self.records.len() > MOST {
            let Some((number, gone)) = self.records.pop_first() else { return };
            self.bytes -= gone.bytes;
            self.with_bytes.remove(&number);
            self.changed.remove(&gone.revision);
            // An event that was retried has the number of its last try.
            if self.numbers.get(&gone.request_id) == Some(&number) {
                self.numbers.remove(&gone.request_id);
            }
        }
    }
}
