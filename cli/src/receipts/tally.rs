//! The sums for each tenant, handler or outcome.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use bulkhead_host::dispatch::receipt::{REPLIED, Receipt};
use serde::Serialize;

use super::histogram::Histogram;
use super::{By, Sort};

/// The limit of groups; the rest is summed up as one, because a sender of events can make up tenants.
const MOST_GROUPS: usize = 10_000;

/// The sums so far.
#[derive(Debug)]
pub(super) struct Tally {
    by: By,
    groups: BTreeMap<Option<String>, Sums>,
    others: Sums,
    total: Sums,
    /// Receipts that could not be read.
    pub(super) malformed: u64,
}

#[derive(Debug, Clone, Default)]
struct Sums {
    events: u64,
    errors: u64,
    wall: Histogram,
    cpu: Histogram,
    cpu_total: u64,
    peak_memory: u64,
    bytes: [u64; 2],
    requests: u64,
    outbound: [u64; 2],
}

/// The result of a tally.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    #[serde(serialize_with = "word")]
    pub(super) by: By,
    pub(super) rows: Vec<Named>,
    /// The sum of the groups that have no row.
    pub(super) others: Option<Row>,
    pub(super) total: Row,
    pub(super) malformed: u64,
}

/// A row and its group; no group if the receipts name none.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    pub(super) name: Option<String>,
    #[serde(flatten)]
    pub(super) row: Row,
}

/// One row. Times are in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) events: u64,
    pub(super) errors: u64,
    pub(super) error_rate: f64,
    pub(super) wall_p50: u64,
    pub(super) wall_p99: u64,
    pub(super) cpu_total: u64,
    pub(super) cpu_p99: u64,
    pub(super) peak_memory: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) outbound_requests: u64,
    pub(super) outbound_bytes_out: u64,
    pub(super) outbound_bytes_in: u64,
}

impl Tally {
    pub(super) fn new(by: By) -> Self {
        Self { by, groups: BTreeMap::new(), others: Sums::default(), total: Sums::default(), malformed: 0 }
    }

    pub(super) fn add(&mut self, receipt: &Receipt) {
        let name = match self.by {
            By::Tenant => receipt.tenant_id.as_deref(),
            By::Handler => receipt.handler.as_deref(),
            By::Outcome => Some(&*receipt.outcome),
        };
        self.total.add(receipt);
        let name = name.map(str::to_owned);
        if self.groups.len() < MOST_GROUPS || self.groups.contains_key(&name) {
            self.groups.entry(name).or_default().add(receipt);
        } else {
            self.others.add(receipt);
        }
    }

    /// The rows in this order, up to `top` of them. The rest is summed up as one.
    pub(super) fn summary(self, sort: Sort, top: Option<usize>) -> Summary {
        let mut groups: Vec<(Option<String>, Sums)> = self.groups.into_iter().collect();
        // The groups are sorted by name already, and groups with equal values keep that order.
        groups.sort_by_key(|(_, sums)| {
            Reverse(match sort {
                Sort::Name => 0,
                Sort::Events => sums.events,
                Sort::Errors => sums.errors,
                Sort::Wall => sums.wall.percentile(99),
                Sort::Cpu => sums.cpu_total,
                Sort::Memory => sums.peak_memory,
                Sort::Requests => sums.requests,
            })
        });
        let shown = top.unwrap_or(groups.len()).min(groups.len());
        let mut others = self.others;
        groups.drain(shown..).for_each(|(_, sums)| others.merge(&sums));
        let rows = groups.into_iter().map(|(name, sums)| Named { name, row: sums.row() }).collect();
        let others = (others.events > 0).then(|| others.row());
        Summary { by: self.by, rows, others, total: self.total.row(), malformed: self.malformed }
    }
}

impl Sums {
    fn add(&mut self, receipt: &Receipt) {
        let plus = |sum: &mut u64, value: u64| *sum = sum.saturating_add(value);
        let cpu = microseconds(receipt.cpu_ms);
        self.events += 1;
        self.errors += u64::from(receipt.outcome != REPLIED);
        self.wall.add(microseconds(receipt.wall_ms));
        self.cpu.add(cpu);
        plus(&mut self.cpu_total, cpu);
        self.peak_memory = self.peak_memory.max(wide(receipt.peak_memory_bytes));
        plus(&mut self.bytes[0], wide(receipt.bytes_in));
        plus(&mut self.bytes[1], wide(receipt.bytes_out));
        plus(&mut self.requests, receipt.outbound_requests.into());
        plus(&mut self.outbound[0], receipt.outbound_bytes_out);
        plus(&mut self.outbound[1], receipt.outbound_bytes_in);
    }

    fn merge(&mut self, other: &Self) {
        let plus = |sum: &mut u64, value: u64| *sum = sum.saturating_add(value);
        self.events += other.events;
        self.errors += other.errors;
        self.wall.merge(&other.wall);
        self.cpu.merge(&other.cpu);
        plus(&mut self.cpu_total, other.cpu_total);
        self.peak_memory = self.peak_memory.max(other.peak_memory);
        let ours = self.bytes.iter_mut().chain(&mut self.outbound);
        ours.zip(other.bytes.iter().chain(&other.outbound)).for_each(|(sum, value)| plus(sum, *value));
        plus(&mut self.requests, other.requests);
    }

    fn row(&self) -> Row {
        Row {
            events: self.events,
            errors: self.errors,
            error_rate: rate(self.errors, self.events),
            wall_p50: self.wall.percentile(50),
            wall_p99: self.wall.percentile(99),
            cpu_total: self.cpu_total,
            cpu_p99: self.cpu.percentile(99),
            peak_memory: self.peak_memory,
            bytes_in: self.bytes[0],
            bytes_out: self.bytes[1],
            outbound_requests: self.requests,
            outbound_bytes_out: self.outbound[0],
            outbound_bytes_in: self.outbound[1],
        }
    }
}

/// The part of the events that failed, to four digits.
fn rate(errors: u64, events: u64) -> f64 {
    let parts = errors.saturating_mul(10_000).checked_div(events).unwrap_or_default();
    u32::try_from(parts).map_or(1.0, |parts| f64::from(parts) / 10_000.0)
}

/// Negative and infinite values count as 0: the host writes none.
fn microseconds(milliseconds: f64) -> u64 {
    // The host counts microseconds, and not every microsecond is exact as a fraction of a millisecond.
    let duration = Duration::try_from_secs_f64((milliseconds * 1000.0).round() / 1_000_000.0);
    u64::try_from(duration.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn word<S: serde::Serializer>(by: &By, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match by {
        By::Tenant => "tenant",
        By::Handler => "handler",
        By::Outcome => "outcome",
    })
}
