//! What became of each event: who sent it, how long it took, how it ended, what was printed, and its receipt.
//!
//! It is kept in memory, for the answer's log tail and for whoever wants to look. Times are in milliseconds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use bulkhead_host::receipt::{KIND, REPLIED, Receipt};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use crate::local::events::EnvironmentId;

/// So many are shown at a time.
pub(super) const SHOWN: usize = 1000;

/// The oldest are forgotten.
const MOST: usize = 10_000;

/// The events themselves are kept up to this size, to be sent again.
const LARGEST_EVENT: usize = 256 * 1024;

/// Of each event, so many lines of its log.
const MOST_LINES: usize = 1000;

/// How an event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Way {
    RequestResponse,
    Event,
    ResponseStream,
    FunctionUrl,
}

/// One event.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// Counts from 1.
    pub(super) number: u64,
    pub(super) request_id: String,
    pub(super) function: String,
    pub(super) way: Way,
    pub(super) tenant_id: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    pub(super) received: SystemTime,
    /// Until an environment took it.
    pub(super) queue_ms: Option<f64>,
    /// Until it had an answer, or the last piece of one.
    pub(super) answered_ms: Option<f64>,
    /// `Replied`, or the type of the error; none while it is on its way.
    pub(super) outcome: Option<String>,
    pub(super) bytes_in: usize,
    pub(super) bytes_out: usize,
    /// The event as text, unless it is very large.
    #[serde(serialize_with = "text")]
    pub(super) event: Option<Bytes>,
    pub(super) log: Vec<String>,
    pub(super) receipt: Option<Receipt>,
    /// The environment has gone on to something else: nothing more will be printed.
    pub(super) is_complete: bool,
    #[serde(skip)]
    started: Instant,
    #[serde(skip)]
    environment: Option<EnvironmentId>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Records {
    state: Mutex<State>,
    /// Counts changes, for those who wait for some.
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    records: BTreeMap<u64, Record>,
    numbers: HashMap<String, u64>,
    /// What each environment works on.
    busy: HashMap<EnvironmentId, Vec<u64>>,
}

/// What is known of an event when it comes in.
#[derive(Debug)]
pub(super) struct Received<'r> {
    pub(super) request_id: &'r str,
    pub(super) function: &'r str,
    pub(super) way: Way,
    pub(super) tenant_id: Option<String>,
    pub(super) event: &'r Bytes,
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
                tenant_id: received.tenant_id.clone(),
                received: SystemTime::now(),
                queue_ms: None,
                answered_ms: None,
                outcome: None,
                bytes_in: received.event.len(),
                bytes_out: 0,
                event: Some(received.event.clone()).filter(|event| event.len() <= LARGEST_EVENT),
                log: Vec::new(),
                receipt: None,
                is_complete: false,
                started: Instant::now(),
                environment: None,
            };
            state.numbers.insert(record.request_id.clone(), state.last);
            state.records.insert(state.last, record);
            state.forget();
        });
    }

    /// An environment has it now.
    pub(super) fn deliver(&self, request_id: &str, environment: EnvironmentId) {
        self.change(|state| {
            let Some(record) = state.record(request_id) else { return };
            record.queue_ms = Some(milliseconds(record.started));
            record.environment = Some(environment);
            let number = record.number;
            state.busy.entry(environment).or_default().push(number);
        });
    }

    /// The caller has the last of its answer.
    pub(super) fn answer(&self, request_id: &str, error_type: Option<&str>, bytes: usize) {
        self.change(|state| {
            let Some(record) = state.record(request_id) else { return };
            record.answered_ms = Some(milliseconds(record.started));
            record.outcome = Some(error_type.unwrap_or(REPLIED).to_owned());
            record.bytes_out = bytes;
            // No environment ever had it.
            record.is_complete |= record.environment.is_none();
        });
    }

    /// An environment has printed this. Gives the receipt that it is, if it is one.
    pub(super) fn print(&self, environment: EnvironmentId, line: &str) -> Option<Receipt> {
        let receipt = serde_json::from_str::<Receipt>(line).ok().filter(|receipt| receipt.kind == KIND);
        self.change(|state| {
            let number = match &receipt {
                Some(receipt) => state.numbers.get(&receipt.request_id).copied(),
                None => state.speaker(environment, line),
            };
            let Some(record) = number.and_then(|number| state.records.get_mut(&number)) else { return };
            match &receipt {
                Some(receipt) => record.receipt = Some(receipt.clone()),
                None if record.log.len() < MOST_LINES => record.log.push(line.to_owned()),
                None => {}
            }
        });
        receipt
    }

    /// All that an environment printed has been told: it is done with what is not open any more.
    pub(super) fn settle(&self, environment: EnvironmentId, is_open: impl Fn(&str) -> bool) {
        self.change(|state| {
            let Some(numbers) = state.busy.get_mut(&environment) else { return };
            let records = &mut state.records;
            numbers.retain(|number| match records.get_mut(number) {
                Some(record) => {
                    record.is_complete = !is_open(&record.request_id);
                    !record.is_complete
                }
                None => false,
            });
        });
    }

    /// The event, once nothing more will be known of it.
    pub(super) async fn complete(&self, request_id: &str) -> Option<Record> {
        let mut revision = self.revision.subscribe();
        loop {
            let record = self.state().record(request_id)?.clone();
            if record.is_complete || revision.changed().await.is_err() {
                return Some(record);
            }
        }
    }

    /// The newest, in the order in which they came.
    pub(super) fn newest(&self, most: usize) -> Vec<Record> {
        let mut newest: Vec<Record> = self.state().records.values().rev().take(most).cloned().collect();
        newest.reverse();
        newest
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.revision.send_modify(|revision| *revision += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn record(&mut self, request_id: &str) -> Option<&mut Record> {
        self.records.get_mut(self.numbers.get(request_id)?)
    }

    /// The event that a line is about: the one that it names, or the only one that it can be.
    fn speaker(&self, environment: EnvironmentId, line: &str) -> Option<u64> {
        let busy = self.busy.get(&environment)?;
        let named = |number: &&u64| {
            self.records.get(number).is_some_and(|record| line.contains(record.request_id.as_str()))
        };
        let only = if let [only] = busy.as_slice() { Some(only) } else { None };
        busy.iter().find(named).or(only).copied()
    }

    fn forget(&mut self) {
        while self.records.len() > MOST {
            // One that was tried again has its last number.
            if let Some((number, gone)) = self.records.pop_first()
                && self.numbers.get(&gone.request_id) == Some(&number)
            {
                self.numbers.remove(&gone.request_id);
            }
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

fn text<S: Serializer>(bytes: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes)).serialize(serializer)
}
