//! What the operations of one event take: their number, their bytes, and their time.

use std::time::{Duration, Instant};

use crate::policy::{Limit, Limits};

/// The use of key-value stores by one event, for its receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyValueUsage {
    /// Operations, including denied ones. One on several keys counts once for each.
    pub operations: u32,
    /// The keys and values that the guest passed and got.
    pub bytes: u64,
    /// The time in operations.
    pub time: Duration,
    /// The first limit that was reached, if any.
    pub limit: Option<Limit>,
}

/// The account of one event.
#[derive(Debug, Default)]
pub(super) struct Account {
    used: KeyValueUsage,
    /// When the operation under way began.
    since: Option<Instant>,
}

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted {
    pub(super) limit: Limit,
    pub(super) allowed: u64,
    /// Whether no limit was reached before.
    pub(super) is_first: bool,
}

impl Account {
    /// Counts operations, if the limit allows all of them.
    pub(super) fn count(&mut self, operations: usize, limits: &Limits) -> Result<(), Exhausted> {
        let most = limits.key_value_operations;
        let wanted = u32::try_from(operations).ok().and_then(|more| self.used.operations.checked_add(more));
        match wanted.filter(|wanted| *wanted <= most) {
            Some(wanted) => {
                self.used.operations = wanted;
                Ok(())
            }
            None => Err(self.exhausted(Limit::KeyValueOperations, most.into())),
        }
    }

    /// Counts bytes. Those that go beyond the limit are not used.
    pub(super) fn count_bytes(&mut self, bytes: usize, limits: &Limits) -> Result<(), Exhausted> {
        let most = limits.key_value_bytes;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match self.used.bytes.checked_add(bytes).filter(|wanted| *wanted <= most) {
            Some(wanted) => {
                self.used.bytes = wanted;
                Ok(())
            }
            None => Err(self.exhausted(Limit::KeyValueBytes, most)),
        }
    }

    /// The number of bytes that are left.
    pub(super) fn bytes_left(&self, limits: &Limits) -> u64 {
        limits.key_value_bytes.saturating_sub(self.used.bytes)
    }

    /// An operation begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// The operation has ended.
    pub(super) fn end(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.used.time += now.saturating_duration_since(since);
        }
    }

    /// The use so far, with the time of an operation that the guest did not see the end of.
    pub(super) fn usage(&self) -> KeyValueUsage {
        let running = self.since.map(|since| since.elapsed()).unwrap_or_default();
        KeyValueUsage { time: self.used.time + running, ..self.used }
    }

    fn exhausted(&mut self, limit: Limit, allowed: u64) -> Exhausted {
        let is_first = self.used.limit.is_none();
        self.used.limit.get_or_insert(limit);
        Exhausted { limit, allowed, is_first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { key_value_operations: 3, key_value_bytes: 10, ..Limits::default() }
    }

    #[test]
    fn operations_are_counted_and_the_limit_is_told_once() {
        let mut account = Account::default();
        account.count(2, &limits()).unwrap();
        let first = account.count(2, &limits()).unwrap_err();
        assert_eq!(first, Exhausted { limit: Limit::KeyValueOperations, allowed: 3, is_first: true });
        account.count(1, &limits()).unwrap();
        assert!(!account.count(1, &limits()).unwrap_err().is_first);
        assert!(account.count(usize::MAX, &limits()).is_err());
        let usage = account.usage();
        assert_eq!((usage.operations, usage.limit), (3, Some(Limit::KeyValueOperations)));
    }

    #[test]
    fn bytes_of_both_directions_share_one_limit() {
        let mut account = Account::default();
        account.count_bytes(4, &limits()).unwrap();
        assert_eq!(account.bytes_left(&limits()), 6);
        assert_eq!(account.count_bytes(7, &limits()).unwrap_err().limit, Limit::KeyValueBytes);
        account.count_bytes(6, &limits()).unwrap();
        assert_eq!((account.usage().bytes, account.bytes_left(&limits())), (10, 0));
        assert!(account.count_bytes(usize::MAX, &limits()).is_err());
    }

    #[test]
    fn the_time_of_an_operation_that_was_cut_counts() {
        let mut account = Account::default();
        let start = Instant::now();
        account.begin(start);
        account.end(start + Duration::from_millis(5));
        account.end(start + Duration::from_millis(9));
        assert_eq!(account.usage().time, Duration::from_millis(5));
        account.begin(Instant::now().checked_sub(Duration::from_millis(7)).unwrap());
        assert!(account.usage().time >= Duration::from_millis(12));
    }
}
