//! The processor time of one sandbox, on a clock of its own: waiting does not count.
//!
//! A guest runs only while its future is polled, on the thread that polls it. So the meter reads that thread's
//! processor clock around each poll; what the host does for the guest meanwhile counts as the guest's.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How much processor time a sandbox has spent, and may spend.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Spent>);

#[derive(Debug)]
struct Spent {
    /// In polls that are over, in nanoseconds.
    before: AtomicU64,
    /// The thread's clock at the start of the poll that goes on; [`IDLE`] between polls.
    since: AtomicU64,
    limit: Duration,
}

const IDLE: u64 = u64::MAX;

impl Meter {
    /// A meter for a sandbox that may spend so much.
    pub fn new(limit: Duration) -> Self {
        Self(Arc::new(Spent { before: AtomicU64::new(0), since: AtomicU64::new(IDLE), limit }))
    }

    /// Runs a guest on this meter.
    pub async fn run<T>(&self, guest: impl Future<Output = T>) -> T {
        let mut guest = pin!(guest);
        poll_fn(|context| {
            self.0.since.store(thread_clock(), Ordering::Relaxed);
            let poll = guest.as_mut().poll(context);
            self.0.before.store(self.nanoseconds(), Ordering::Relaxed);
            self.0.since.store(IDLE, Ordering::Relaxed);
            poll
        })
        .await
    }

    /// What was spent so far. To be called on the thread that runs the guest.
    pub fn spent(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds())
    }

    /// What is left; none where the limit is reached.
    pub fn left(&self) -> Option<Duration> {
        self.0.limit.checked_sub(self.spent()).filter(|left| !left.is_zero())
    }

    fn nanoseconds(&self) -> u64 {
        let before = self.0.before.load(Ordering::Relaxed);
        match self.0.since.load(Ordering::Relaxed) {
            IDLE => before,
            since => before + thread_clock().saturating_sub(since),
        }
    }
}

/// The processor time of this thread in nanoseconds.
fn thread_clock() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // Both are never negative; and 500 years of processor time fit.
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    fn compute(meter: &Meter, until: Duration) {
        while meter.spent() < until {
            std::hint::black_box(());
        }
    }

    #[test]
    fn computing_counts_while_it_goes_on() {
        let meter = Meter::new(Duration::from_millis(20));
        assert_eq!(meter.left(), Some(Duration::from_millis(20)));
        block_on(meter.run(async { compute(&meter, Duration::from_millis(20)) }));
        assert!(meter.spent() >= Duration::from_millis(20));
        assert_eq!(meter.left(), None);
    }

    #[test]
    fn waiting_does_not_count() {
        let meter = Meter::new(Duration::from_secs(1));
        let started = Instant::now();
        block_on(meter.run(async { tokio::time::sleep(Duration::from_millis(60)).await }));
        assert!(started.elapsed() >= Duration::from_millis(60));
        assert!(meter.spent() < Duration::from_millis(30), "{:?}", meter.spent());
    }

    #[test]
    fn what_others_do_between_polls_does_not_count() {
        let meter = Meter::new(Duration::from_secs(1));
        let other = Meter::new(Duration::from_secs(1));
        block_on(async {
            let guest = meter.run(tokio::task::yield_now());
            let busy = other.run(async { compute(&other, Duration::from_millis(60)) });
            tokio::join!(guest, busy);
        });
        assert!(meter.spent() < Duration::from_millis(30), "{:?}", meter.spent());
    }
}
