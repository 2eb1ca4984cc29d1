//! The time during which an event had requests in flight, however many at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Runs while at least one request is in flight.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: u32,
    since: Option<Instant>,
    before: Duration,
}

impl Clock {
    /// A request starts.
    pub(super) fn begin(&self, now: Instant) {
        let mut state = self.state();
        state.requests += 1;
        state.since.get_or_insert(now);
    }

    /// A request ends.
    pub(super) fn end(&self, now: Instant) {
        let mut state = self.state();
        state.requests = state.requests.saturating_sub(1);
        if state.requests == 0
            && let Some(since) = state.since.take()
        {
            state.before += now.saturating_duration_since(since);
        }
    }

    /// The time so far.
    pub(super) fn total(&self, now: Instant) -> Duration {
        let state = self.state();
        let running = state.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        state.before + running
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_at_the_same_time_count_once_and_pauses_do_not() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let clock = Clock::default();
        assert_eq!(clock.total(at(5)), Duration::ZERO);
        clock.begin(at(10));
        clock.begin(at(20));
        clock.end(at(30));
        assert_eq!(clock.total(at(40)), Duration::from_millis(30), "one is under way");
        clock.end(at(50));
        assert_eq!(clock.total(at(90)), Duration::from_millis(40));
        clock.begin(at(100));
        clock.end(at(101));
        assert_eq!(clock.total(at(200)), Duration::from_millis(41));
    }
}
