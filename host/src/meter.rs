//! The processor time of one sandbox, on a clock of its own: waiting does not count.
//!
//! A guest runs only while its future is polled, on the thread that polls it. So the meter reads that thread's
//! processor clock around each poll; what the host does for the guest meanwhile counts as the guest's. Work that is done
//! for a guest beside its polls, such as that on its connections, is charged in the same way by whoever does it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// How much processor time a sandbox has spent, and may spend.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Spent>);

#[derive(Debug)]
struct Spent {
    /// In polls that are over, in nanoseconds.
    before: AtomicU64,
    /// The thread's clock at the start of the poll that goes on; [`IDLE`] between polls.
    since: AtomicU64,
    /// On work beside the polls, in nanoseconds.
    charged: AtomicU64,
    limit: Duration,
    /// Told when work beside the polls has used up what was left.
    exhausted: Notify,
}

const IDLE: u64 = u64::MAX;

impl Meter {
    /// A meter for a sandbox that may spend so much.
    pub fn new(limit: Duration) -> Self {
        Self(Arc::new(Spent {
            before: AtomicU64::new(0),
            since: AtomicU64::new(IDLE),
            charged: AtomicU64::new(0),
            limit,
            exhausted: Notify::new(),
        }))
    }

    /// Runs a guest on this meter.
    pub async fn run<T>(&self, guest: impl Future<Output = T>) -> T {
        let mut guest = pin!(guest);
        poll_fn(|context| {
            self.0.since.store(thread_clock(), Ordering::Relaxed);
            let poll = guest.as_mut().poll(context);
            self.0.before.store(self.in_polls(), Ordering::Relaxed);
            self.0.since.store(IDLE, Ordering::Relaxed);
            poll
        })
        .await
    }

    /// Does work for the sandbox beside its polls, on any thread, and says whether time is left after it.
    pub fn charge<T>(&self, work: impl FnOnce() -> T) -> (T, bool) {
        let started = thread_clock();
        let done = work();
        let took = thread_clock().saturating_sub(started);
        let charged = self.0.charged.fetch_add(took, Ordering::Relaxed).saturating_add(took);
        // A poll that goes on is on the clock of another thread. It looks at the whole itself.
        let spent = charged.saturating_add(self.0.before.load(Ordering::Relaxed));
        let is_left = Duration::from_nanos(spent) < self.0.limit;
        if !is_left {
            self.0.exhausted.notify_one();
        }
        (done, is_left)
    }

    /// Resolves when work beside the polls has used up the time. A guest that waits is ended then; one that computes
    /// asks for what is [left](Self::left).
    pub async fn exhausted(&self) {
        self.0.exhausted.notified().await;
    }

    /// What was spent so far. To be called on the thread that runs the guest.
    pub fn spent(&self) -> Duration {
        let charged = self.0.charged.load(Ordering::Relaxed);
        Duration::from_nanos(self.in_polls().saturating_add(charged))
    }

    /// What is left; none where the limit is reached.
    pub fn left(&self) -> Option<Duration> {
        self.0.limit.checked_sub(self.spent()).filter(|left| !left.is_zero())
    }

    fn in_polls(&self) -> u64 {
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

    #[test]
    fn work_beside_the_polls_counts_on_any_thread() {
        let meter = Meter::new(Duration::from_secs(60));
        block_on(meter.run(async { compute(&meter, Duration::from_millis(5)) }));
        let worker = meter.clone();
        let work = move || worker.charge(|| compute(&Meter::new(Duration::ZERO), Duration::ZERO)).1;
        assert!(std::thread::spawn(work).join().unwrap());
        let before = meter.spent();
        let burn = Meter::new(Duration::MAX);
        let (said, is_left) = meter.charge(|| {
            block_on(burn.run(async { compute(&burn, Duration::from_millis(20)) }));
            "done"
        });
        assert_eq!((said, is_left), ("done", true));
        assert!(meter.spent() >= before + Duration::from_millis(20), "{:?}", meter.spent());
        // What was charged is not counted again when the guest is polled.
        let charged = meter.spent();
        block_on(meter.run(async {}));
        assert!(meter.spent() < charged + Duration::from_millis(10), "{:?}", meter.spent());
    }

    #[test]
    fn a_guest_that_waits_is_told_that_work_used_up_its_time() {
        let meter = Meter::new(Duration::from_millis(1));
        let burn = Meter::new(Duration::MAX);
        let work = || block_on(burn.run(async { compute(&burn, Duration::from_millis(2)) }));
        let ((), is_left) = meter.charge(work);
        assert!(!is_left && meter.left().is_none());
        block_on(meter.exhausted());
    }
}
