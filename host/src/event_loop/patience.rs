//! How many failures of the Runtime API are put up with, and how long a loop waits after each of them (L8.12).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a loop waits after its first failure in a row; twice as long after each one more.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest that it waits.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// After so many failures in a row, of every loop, the Runtime API is taken to be gone.
const FAILURES: u32 = 20;

/// How many failures of the Runtime API are put up with. Clones count together.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Of all loops, since the last success of any.
    failures: Arc<AtomicU32>,
    most: u32,
    /// Of this loop.
    in_a_row: u32,
}

impl Patience {
    /// Where one event is handled at a time: a failure means that the environment is replaced.
    pub fn none() -> Self {
        Self { failures: Arc::default(), most: 0, in_a_row: 0 }
    }

    /// Where so many loops run side by side.
    pub fn of_loops(count: u32) -> Self {
        Self { most: count.saturating_mul(FAILURES), ..Self::none() }
    }

    /// Counts a failure, and says how long to wait before the next attempt; `None` if there is to be none.
    pub fn wait(&mut self) -> Option<Duration> {
        if self.failures.fetch_add(1, Ordering::Relaxed) >= self.most {
            return None;
        }
        let wait = FIRST_WAIT * 2_u32.saturating_pow(self.in_a_row.min(10));
        self.in_a_row += 1;
        Some(wait.min(LONGEST_WAIT))
    }

    /// Notes a success.
    pub fn restore(&mut self) {
        self.in_a_row = 0;
        self.failures.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_loop_has_no_patience() {
        assert_eq!(Patience::none().wait(), None);
    }

    #[test]
    fn waits_double_up_to_a_limit_and_start_anew_after_a_success() {
        let mut patience = Patience::of_loops(8);
        let waits: Vec<u128> = (0..8).filter_map(|_| patience.wait()).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        patience.restore();
        assert_eq!(patience.wait(), Some(FIRST_WAIT));
    }

    #[test]
    fn the_api_is_gone_when_all_loops_have_failed_often_enough() {
        let mut one = Patience::of_loops(2);
        let mut other = one.clone();
        let failed = (0..2 * FAILURES).filter(|_| one.wait().is_some()).count();
        assert_eq!(failed, 40);
        assert_eq!(other.wait(), None);
        other.restore();
        assert!(one.wait().is_some(), "one that gets through is enough for all");
    }
}
