//! Sizes, durations and counts: the key and the range of each limit.

use std::num::NonZeroU16;
use std::time::Duration;

use super::document::{Entry, Spanned, Table, did_you_mean};
use super::grants;
use super::unit::{GIB, KIB, Unit, nanoseconds};
use crate::policy::{Limit, Limits, MAX_RESPONSE, MAX_STREAMED_RESPONSE, MOST_CONCURRENCY, Policy};

/// Lambda's own limit for every function.
const LONGEST: u64 = 15 * 60 * 1_000_000_000;
/// One page of WebAssembly, the smallest useful memory.
const PAGE: u64 = 64 * KIB;
/// The range of 32-bit addresses, without the page that the engine reserves.
const ADDRESSABLE: u64 = 4 * GIB - PAGE;

/// The values that an amount can have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) unit: Unit,
    pub(super) least: u64,
    pub(super) most: u64,
}

/// One key whose value is an amount.
#[derive(Debug)]
pub(super) struct Amount {
    pub(super) limit: Limit,
    pub(super) unit: Unit,
    least: u64,
    most: u64,
}

const fn amount(limit: Limit, unit: Unit, least: u64, most: u64) -> Amount {
    Amount { limit, unit, least, most }
}

/// Every key of `[limits]`.
pub(super) const LIMITS: [Amount; 16] = [
    amount(Limit::Memory, Unit::Bytes, PAGE, ADDRESSABLE),
    amount(Limit::TableEntries, Unit::Pieces, 1, 10_000_000),
    amount(Limit::Instances, Unit::Pieces, 1, 10_000),
    amount(Limit::WallTime, Unit::Nanoseconds, 1, LONGEST),
    amount(Limit::CpuTime, Unit::Nanoseconds, 1, LONGEST),
    amount(Limit::Response, Unit::Bytes, 1, MAX_RESPONSE as u64),
    amount(Limit::StreamedResponse, Unit::Bytes, 1, MAX_STREAMED_RESPONSE as u64),
    amount(Limit::Logs, Unit::Bytes, 0, GIB),
    amount(Limit::Hostcall, Unit::Bytes, 1, ADDRESSABLE),
    amount(Limit::Handles, Unit::Pieces, 1, 10_000_000),
    amount(Limit::Random, Unit::Bytes, 0, GIB),
    amount(Limit::OutboundRequests, Unit::Pieces, 0, 1_000_000),
    amount(Limit::OutboundBytes, Unit::Bytes, 0, 1024 * GIB),
    amount(Limit::KeyValueOperations, Unit::Pieces, 0, 1_000_000),
    amount(Limit::KeyValueBytes, Unit::Bytes, 0, GIB),
    amount(Limit::Concurrency, Unit::Pieces, 1, MOST_CONCURRENCY as u64),
];

/// The only amount among the grants. Lambda gives a function up to 10 GiB for its `/tmp`.
pub(super) const TMP: Amount = amount(Limit::Tmp, Unit::Bytes, 0, 10 * GIB);

/// A limit of a policy, in the notation of `bulkhead.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its key.
    pub limit: Limit,
    /// In its unit.
    pub value: u64,
    /// `bytes`, `nanoseconds` or `pieces`.
    pub unit: &'static str,
    /// For people: `128MiB`, `200ms`, `32`.
    pub text: String,
}

/// The default share of a tenant in the events in flight.
const SHARE: &str = "half, where tenants share it";

/// Every limit of a policy, and the size of its `/tmp` as the last one.
pub fn shown(policy: &Policy) -> Vec<Shown> {
    let show = |amount: &Amount, value| Shown {
        limit: amount.limit,
        value,
        unit: match amount.unit {
            Unit::Bytes => "bytes",
            Unit::Nanoseconds => "nanoseconds",
            Unit::Pieces => "pieces",
        },
        text: if amount.limit == Limit::Concurrency && policy.limits.concurrency.is_none() {
            SHARE.to_owned()
        } else {
            amount.unit.text(value)
        },
    };
    let limits = LIMITS.iter().map(|amount| show(amount, value(&policy.limits, amount.limit)));
    limits.chain([show(&TMP, wide(policy.grants.tmp))]).collect()
}

/// The values of a table of limits, in the order of [`LIMITS`].
pub(super) type LimitsSection = [Option<Spanned<u64>>; LIMITS.len()];

/// Reads a table of limits.
pub(super) fn limits(table: &Table<'_>) -> LimitsSection {
    let keys = LIMITS.each_ref().map(|amount| amount.limit.key());
    table.only(&keys, |key| Some(meant(key, &keys)));
    LIMITS.each_ref().map(|amount| table.entry(amount.limit.key()).and_then(|entry| amount.read(&entry)))
}

/// What to write in place of a key that is no limit. The list of all limits is too long for a message.
fn meant(key: &str, keys: &[&str]) -> String {
    if grants::KEYS.contains(&key) {
        return format!("`{key}` belongs under the `grants` of a handler");
    }
    let known = known_elsewhere(key).map(|meant| format!("did you mean `{meant}`?"));
    known.or_else(|| did_you_mean(key, keys)).unwrap_or_else(|| {
        format!(
            "the limits that are changed most are memory, wall_time and cpu_time; `bulkhead schema` lists all {}",
            keys.len()
        )
    })
}

/// The limit that Lambda and other systems call by this name.
pub(super) fn known_elsewhere(key: &str) -> Option<&'static str> {
    match key {
        "timeout" | "duration" | "deadline" => Some("wall_time"),
        "mem" | "ram" | "memory_size" => Some("memory"),
        "payload" | "body" => Some("response"),
        _ => None,
    }
}

impl Amount {
    #[cfg(test)]
    pub(super) fn range(&self) -> (u64, u64) {
        (self.least, self.most)
    }

    fn range_of(&self) -> Range {
        Range { unit: self.unit, least: self.least, most: self.most }
    }

    /// Reads one amount and checks its range.
    pub(super) fn read(&self, entry: &Entry<'_>) -> Option<Spanned<u64>> {
        self.range_of().read(entry)
    }

    /// The amount, if it is in range.
    pub(super) fn check(&self, value: u64) -> Result<u64, String> {
        let range = self.range_of();
        if range.contains(value) { Ok(value) } else { Err(range.out(&self.unit.text(value))) }
    }
}

impl Range {
    fn contains(self, value: u64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    fn out(self, found: &str) -> String {
        let (least, most) = (self.unit.text(self.least), self.unit.text(self.most));
        format!("{found} is out of range; expected {least} to {most}")
    }

    /// Reads one amount and checks its range.
    pub(super) fn read(self, entry: &Entry<'_>) -> Option<Spanned<u64>> {
        let parsed = match (entry.as_integer(), entry.as_string()) {
            // A duration without a unit would be ambiguous. A negative number is parsed, but out of range.
            (Some(number), _) if self.unit != Unit::Nanoseconds => {
                Ok(u64::try_from(number).map_err(|_| number))
            }
            (_, Some(text)) if self.unit != Unit::Pieces => self.unit.parse(text).map(Ok),
            _ => return entry.expected(self.unit.example()),
        };
        let found = match entry.understood(parsed)?.value {
            Ok(value) if self.contains(value) => return Some(Spanned { value, line: entry.line }),
            Ok(value) => self.unit.text(value),
            Err(number) => format!("{number}"),
        };
        let meant = self.meant(entry).map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
        entry.mistake(format!("{}{meant}", self.out(&found)));
        None
    }

    /// The size in MiB, for a number of bytes that is too small and would fit as a number of MiB: Lambda counts its
    /// memory so.
    fn meant(self, entry: &Entry<'_>) -> Option<String> {
        let number = u64::try_from(entry.as_integer().filter(|_| self.unit == Unit::Bytes)?).ok()?;
        let meant = number.checked_mul(1024 * KIB)?;
        (number < self.least && self.contains(meant)).then(|| format!("{number}MiB"))
    }
}

/// Whether a limit has a value. Without one, `concurrency` is a share that depends on the environment.
pub(super) fn is_set(limits: &Limits, limit: Limit) -> bool {
    limit != Limit::Concurrency || limits.concurrency.is_some()
}

/// The value of a limit, as a number of its unit.
pub(super) fn value(limits: &Limits, limit: Limit) -> u64 {
    match limit {
        Limit::Memory => wide(limits.memory),
        Limit::TableEntries => wide(limits.table_entries),
        Limit::Instances => wide(limits.instances),
        Limit::WallTime => nanoseconds(limits.wall_time),
        Limit::CpuTime => nanoseconds(limits.cpu_time),
        Limit::Response => wide(limits.response),
        Limit::StreamedResponse => wide(limits.streamed_response),
        Limit::Logs => wide(limits.logs),
        Limit::Hostcall => wide(limits.hostcall),
        Limit::Handles => wide(limits.handles),
        Limit::Random => limits.random,
        Limit::OutboundRequests => u64::from(limits.outbound_requests),
        Limit::OutboundBytes => limits.outbound_bytes,
        Limit::KeyValueOperations => u64::from(limits.key_value_operations),
        Limit::KeyValueBytes => limits.key_value_bytes,
        // As a bound it does not apply.
        Limit::Concurrency => {
            limits.concurrency.map_or_else(|| MOST_CONCURRENCY.into(), |limit| limit.get().into())
        }
        Limit::Tmp => 0,
    }
}

/// Changes a limit.
pub(super) fn set(limits: &mut Limits, limit: Limit, value: u64) {
    match limit {
        Limit::Memory => limits.memory = narrow(value),
        Limit::TableEntries => limits.table_entries = narrow(value),
        Limit::Instances => limits.instances = narrow(value),
        Limit::WallTime => limits.wall_time = Duration::from_nanos(value),
        Limit::CpuTime => limits.cpu_time = Duration::from_nanos(value),
        Limit::Response => limits.response = narrow(value),
        Limit::StreamedResponse => limits.streamed_response = narrow(value),
        Limit::Logs => limits.logs = narrow(value),
        Limit::Hostcall => limits.hostcall = narrow(value),
        Limit::Handles => limits.handles = narrow(value),
        Limit::Random => limits.random = value,
        Limit::OutboundRequests => limits.outbound_requests = u32::try_from(value).unwrap_or(u32::MAX),
        Limit::OutboundBytes => limits.outbound_bytes = value,
        Limit::KeyValueOperations => {
            limits.key_value_operations = u32::try_from(value).unwrap_or(u32::MAX);
        }
        Limit::KeyValueBytes => limits.key_value_bytes = value,
        Limit::Concurrency => limits.concurrency = u16::try_from(value).ok().and_then(NonZeroU16::new),
        // It is one of the grants.
        Limit::Tmp => {}
    }
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// A value that does not fit exceeds every amount.
pub(super) fn narrow(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::manifest::document;

    /// What `limits.KEY = VALUE` is understood as.
    fn read(key: &str, value: &str) -> Result<u64, String> {
        let text = format!("{key} = {value}");
        let (document, tree) = document::read(&text);
        let limits = limits(&document.root(&tree));
        let value = limits.iter().flatten().next().map(|limit| limit.value);
        let mistakes = document.into_mistakes();
        value.ok_or_else(|| mistakes.iter().map(|mistake| mistake.text.clone()).collect())
    }

    #[test]
    fn amounts_as_people_write_them() {
        for (key, text, expected) in [
            ("memory", "\"128MiB\"", 128 << 20),
            ("memory", "\"1.5 GB\"", 1_500_000_000),
            ("memory", "\"64 kib\"", 64 << 10),
            ("memory", "65_536", 65_536),
            ("memory", "\"65536\"", 65_536),
            ("memory", "4294901760", ADDRESSABLE),
            ("response", "\"6MiB\"", 6 << 20),
            ("response", "6291556", 6_291_556),
            ("logs", "\"0\"", 0),
            ("random", "0x400", 1024),
            ("outbound_requests", "0", 0),
            ("wall_time", "\"200ms\"", 200_000_000),
            ("cpu_time", "\"1m 30s\"", 90_000_000_000),
            ("wall_time", "\"15min\"", LONGEST),
        ] {
            assert_eq!(read(key, text), Ok(expected), "{key} = {text}");
        }
    }

    #[test]
    fn a_key_that_is_no_limit_is_answered_with_the_one_that_is_meant() {
        for (key, expected) in [
            ("memroy", "did you mean `memory`?"),
            ("timeout", "did you mean `wall_time`?"),
            ("time", "did you mean `wall_time` or `cpu_time`?"),
            ("requests", "did you mean `outbound_requests`?"),
            ("tmp", "`tmp` belongs under the `grants` of a handler"),
            (
                "colour",
                "the limits that are changed most are memory, wall_time and cpu_time; `bulkhead schema` lists all 16",
            ),
        ] {
            assert_eq!(read(key, "1"), Err(format!("there is no such key; {expected}")));
        }
    }

    #[test]
    fn amounts_that_cannot_be() {
        for (key, text, expected) in [
            ("memory", "\"lots\"", "\"lots\" is not valid; expected a size"),
            ("memory", "\"-1MiB\"", "\"-1MiB\" is not valid"),
            ("memory", "-1", "-1 is out of range; expected 64KiB"),
            (
                "memory",
                "128",
                "128 bytes is out of range; expected 64KiB to 4194240KiB; did you mean \"128MiB\"?",
            ),
            ("memory", "\"4GiB\"", "4GiB is out of range"),
            ("memory", "99999999999999999999999999999999999999999999", "out of range"),
            ("memory", "\"99999999999999EiB\"", "out of range"),
            ("memory", "1.5", "this is a fraction; expected a size"),
            ("memory", "true", "this is true or false; expected a size"),
            ("response", "\"7MiB\"", "7MiB is out of range; expected 1 byte to 6291556 bytes"),
            ("response", "0", "out of range"),
            ("wall_time", "5", "this is a whole number; expected a duration"),
            ("wall_time", "\"5\"", "\"5\" is not valid"),
            ("wall_time", "\"0s\"", "0s is out of range; expected 1ns to 15m"),
            ("wall_time", "\"16m\"", "16m is out of range"),
            ("wall_time", "\"1000000y\"", "out of range"),
            ("cpu_time", "\"-1s\"", "\"-1s\" is not valid"),
            ("outbound_requests", "\"32\"", "this is a string; expected a whole number"),
            ("instances", "0", "0 is out of range; expected 1 to 10000"),
        ] {
            let mistake = read(key, text).expect_err(text);
            assert!(mistake.contains(expected), "{key} = {text}: {mistake}");
        }
    }

    #[test]
    fn each_limit_is_kept_under_its_own_key() {
        let mut limits = Limits::default();
        for (number, amount) in (1..).zip(&LIMITS) {
            set(&mut limits, amount.limit, number);
        }
        for (number, amount) in (1..).zip(&LIMITS) {
            assert_eq!(value(&limits, amount.limit), number, "{}", amount.limit.key());
        }
    }

    #[test]
    fn a_policy_is_shown_in_the_words_of_the_file() {
        let mut policy = Policy::default_for("hello");
        policy.grants.tmp = 16 << 20;
        let shown = shown(&policy);
        let text = |key: &str| shown.iter().find(|shown| shown.limit.key() == key).unwrap().text.as_str();
        assert_eq!((text("memory"), text("cpu_time"), text("handles")), ("128MiB", "1s", "1000"));
        let last = shown.last().unwrap();
        assert_eq!((last.limit, last.value, last.unit), (Limit::Tmp, 16 << 20, "bytes"));
        assert_eq!(shown.len(), LIMITS.len() + 1);
    }

    #[test]
    fn the_defaults_are_in_range() {
        for amount in &LIMITS {
            let value = value(&Limits::default(), amount.limit);
            assert!((amount.least..=amount.most).contains(&value), "{}", amount.limit.key());
        }
    }
}
