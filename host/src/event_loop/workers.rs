//! Several events at a time (Lambda Managed Instances, L8.1–L8.12): one event loop for each, side by side.
//!
//! The loops share the engine, the catalog and the watchdog, and nothing of an event. They are tasks of one runtime
//! with a thread for each processor, so that a sandbox runs where there is room. The process outlives a Runtime API
//! that fails for a while, since its end would cost every event in flight (L8.5).

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::event_loop::{EventLoop, LoopError};
use crate::log::{Level, Scope};

/// How long a loop waits after its first failure in a row; twice as long after each one more (L8.12).
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest that it waits.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// After so many failures in a row, of every loop, nobody is there any more (L8.12).
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

    /// How long to wait after this error before the next attempt; none where there is no sense in one.
    pub fn wait_after(&mut self, error: &LoopError) -> Option<Duration> {
        if matches!(error, LoopError::HostPanic) {
            return None;
        }
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

/// Runs so many loops like this one until they are told to stop.
///
/// # Errors
/// When the process must be replaced. What was in flight then has been answered as far as that was possible.
pub async fn run(first: EventLoop, count: u32) -> Result<(), LoopError> {
    let text = format!("handling up to {count} events at a time");
    first.log.record(Level::Debug, &Scope::default(), &text);
    let stop = first.carry.stop.clone();
    let others: Vec<EventLoop> = (1..count).map(|_| first.sibling()).collect();
    let mut loops = JoinSet::new();
    for each in iter::once(first).chain(others) {
        loops.spawn(each.run());
    }
    let mut ended = Ok(());
    while let Some(joined) = loops.join_next().await {
        let result = joined.unwrap_or(Err(LoopError::HostPanic));
        if result.is_err() && ended.is_ok() {
            // The others finish what they have, and ask for no more.
            stop.request();
            ended = result;
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> LoopError {
        LoopError::Redelivered { request_id: "r-1".to_owned() }
    }

    #[test]
    fn a_single_loop_has_no_patience() {
        assert_eq!(Patience::none().wait_after(&failure()), None);
    }

    #[test]
    fn waits_double_up_to_a_limit_and_start_anew_after_a_success() {
        let mut patience = Patience::of_loops(8);
        let waits: Vec<u128> =
            (0..8).filter_map(|_| patience.wait_after(&failure())).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        patience.restore();
        assert_eq!(patience.wait_after(&failure()), Some(FIRST_WAIT));
    }

    #[test]
    fn nobody_is_there_when_all_loops_have_failed_often_enough() {
        let mut one = Patience::of_loops(2);
        let mut other = one.clone();
        let failed = (0..2 * FAILURES).filter(|_| one.wait_after(&failure()).is_some()).count();
        assert_eq!(failed, 40);
        assert_eq!(other.wait_after(&failure()), None);
        other.restore();
        assert!(one.wait_after(&failure()).is_some(), "one that gets through is enough for all");
    }

    #[test]
    fn a_bug_of_ours_is_not_waited_out() {
        assert_eq!(Patience::of_loops(8).wait_after(&LoopError::HostPanic), None);
    }
}
