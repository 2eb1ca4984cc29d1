//! The number of failures of the Runtime API that are tolerated, and the waiting time of a loop after each of
//! them (L8.12).
//!
//! The loops of a process, and those of a whole fleet, fail at one moment when the Runtime API does. If all
//! of them waited equally long, they would also retry at one moment. So each waiting time is chosen at
//! random, from the upper half of the range that the number of failures allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::pause;

/// The longest waiting time after the first failure in a row; it doubles with each further failure.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest waiting time at all.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// After this many failures in a row, of all loops, the Runtime API counts as gone.
const FAILURES: u32 = 20;

/// Counts failures of the Runtime API, and computes the waiting time after each. Clones share the count.
#[derive(Debug, Clone)]
pub struct Backoff {
    /// Of all loops, since the last success of any of them.
    failures: Arc<AtomicU32>,
    most: u32,
    /// Of this loop.
    in_a_row: u32,
}

impl Backoff {
    /// For one event at a time: after a failure the environment is replaced.
    pub fn none() -> Self {
        Self { failures: Arc::default(), most: 0, in_a_row: 0 }
    }

    /// For this many loops in parallel.
    pub fn of_loops(count: u32) -> Self {
        Self { most: count.saturating_mul(FAILURES), ..Self::none() }
    }

    /// Counts a failure, and returns the waiting time before the next attempt; `None` if there is to be none.
    pub fn wait(&mut self) -> Option<Duration> {
        if self.failures.fetch_add(1, Ordering::Relaxed) >= self.most {
            return None;
        }
        let longest = FIRST_WAIT * 2_u32.saturating_pow(self.in_a_row.min(10));
        self.in_a_row += 1;
        Some(pause::up_to(longest.min(LONGEST_WAIT)))
    }

    /// Whether the last attempt of this loop has failed.
    pub fn has_failed(&self) -> bool {
        self.in_a_row > 0
    }

    /// Records a success.
    pub fn reset(&mut self) {
        self.in_a_row = 0;
        self.failures.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_single_loop_makes_no_further_attempt() {
        assert_eq!(Backoff::none().wait(), None);
    }

    #[test]
    fn the_longest_wait_doubles_up_to_a_limit_and_starts_anew_after_a_success() {
        let mut backoff = Backoff::of_loops(8);
        let mut assert_within = |longest: u64| {
            let (wait, longest) = (backoff.wait().unwrap(), Duration::from_millis(longest));
            assert!(longest / 2 <= wait && wait <= longest, "{wait:?} of {longest:?}");
        };
        [100, 200, 400, 800, 1600, 3200, 5000, 5000].into_iter().for_each(&mut assert_within);
        backoff.reset();
        assert!(backoff.wait().unwrap() <= FIRST_WAIT);
    }

    #[test]
    fn loops_that_failed_together_do_not_come_back_together() {
        let mut loops = vec![Backoff::of_loops(64); 64];
        let waits: BTreeSet<Duration> = loops.iter_mut().filter_map(Backoff::wait).collect();
        // 64 of 51 times: the odds that there are no more than 8 different ones are less than one in 10^30.
        assert!(waits.len() > 8, "{waits:?}");
    }

    #[test]
    fn the_api_is_gone_when_all_loops_have_failed_often_enough() {
        let mut one = Backoff::of_loops(2);
        let mut other = one.clone();
        let failed = (0..2 * FAILURES).filter(|_| one.wait().is_some()).count();
        assert_eq!(failed, 40);
        assert_eq!(other.wait(), None);
        other.reset();
        assert!(one.wait().is_some(), "one that gets through is enough for all");
    }
}
