//! The time budget of an event's handler: its own limit, and never beyond Lambda's deadline minus a margin.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::runtime_api::invocation::Deadline;
use crate::sandbox::outcome::Outcome;

/// How long before Lambda's deadline a handler is stopped, so that the caller still gets the reason (C11.9).
const MARGIN: Duration = Duration::from_millis(100);

/// When an event's handler is stopped, and for which reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBudget {
    /// The time that it has.
    pub time: Duration,
    /// Whether Lambda's deadline sets it.
    pub by_lambda: bool,
    /// The start of the time.
    from: Moment,
}

/// A point in time, both on the monotonic clock and as a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    instant: Instant,
    date: SystemTime,
}

impl TimeBudget {
    /// The time budget of a handler with this limit for an event with this deadline, from now on, if this
    /// many sandboxes share the time that Lambda leaves.
    pub fn new(limit: Duration, deadline: Deadline, sharers: usize) -> Self {
        Self::at(limit, deadline, sharers, Moment { instant: Instant::now(), date: SystemTime::now() })
    }

    fn at(limit: Duration, deadline: Deadline, sharers: usize, now: Moment) -> Self {
        let left = match deadline {
            Deadline::At(at) => at.duration_since(now.date).unwrap_or_default(),
            Deadline::Unknown { .. } => Duration::MAX,
        };
        // If little time is left, the handler gets half of it.
        let left = left - MARGIN.min(left / 2);
        // An even share, so that the first part of a batch cannot use up the time of the others.
        let left = left / u32::try_from(sharers).unwrap_or(u32::MAX).max(1);
        Self { time: limit.min(left), by_lambda: left < limit, from: now }
    }

    /// When the time is over.
    pub fn ends(&self) -> Instant {
        self.from.instant + self.time
    }

    /// The outcome of a handler that needed longer.
    pub fn timed_out(&self) -> Outcome {
        Outcome::TimedOut { allowed: self.time, by_lambda: self.by_lambda }
    }

    /// The end of the time in milliseconds since the Unix epoch, as guests see it.
    pub fn ends_ms(&self) -> u64 {
        let ends = self.from.date + self.time;
        let millis = ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(limit_ms: u64, left_ms: u64) -> TimeBudget {
        let now = Moment { instant: Instant::now(), date: UNIX_EPOCH + Duration::from_secs(1000) };
        let deadline = Deadline::At(now.date + Duration::from_millis(left_ms));
        TimeBudget::at(Duration::from_millis(limit_ms), deadline, 1, now)
    }

    #[test]
    fn lambda_s_deadline_counts_less_a_margin() {
        assert_eq!(budget(5000, 3000).time, Duration::from_millis(2900));
        assert!(budget(5000, 3000).by_lambda);
        assert_eq!(budget(5000, 3000).ends_ms(), 1_002_900);
    }

    #[test]
    fn the_handler_s_own_limit_counts_where_it_is_shorter() {
        assert_eq!(budget(5000, 60_000).time, Duration::from_secs(5));
        assert!(!budget(5000, 60_000).by_lambda);
    }

    #[test]
    fn of_a_short_time_half_is_the_handler_s() {
        assert_eq!(budget(5000, 80).time, Duration::from_millis(40));
        assert_eq!(budget(5000, 0).time, Duration::ZERO);
    }

    #[test]
    fn parts_of_a_batch_share_what_lambda_leaves() {
        let now = Moment { instant: Instant::now(), date: UNIX_EPOCH };
        let deadline = Deadline::At(now.date + Duration::from_millis(3100));
        let share = |sharers| TimeBudget::at(Duration::from_secs(2), deadline, sharers, now);
        assert_eq!((share(1).time, share(1).by_lambda), (Duration::from_secs(2), false));
        assert_eq!((share(3).time, share(3).by_lambda), (Duration::from_secs(1), true));
    }

    #[test]
    fn an_unknown_deadline_leaves_the_limit() {
        let unknown = Deadline::Unknown { reason: "absent" };
        assert_eq!(TimeBudget::new(Duration::from_secs(5), unknown, 3).time, Duration::from_secs(5));
    }
}
