//! The watchdog: an OS thread that stops whatever takes too long.
//!
//! A timer of the async runtime cannot stop a guest that computes, since guest and timer take turns on one
//! thread. So the watchdog has a thread of its own. When a guard is due, it advances the engine's epoch,
//! which makes a computing guest check its clocks, and it wakes the task that waits for a waiting guest.
//!
//! The thread sleeps until the earliest guard is due. Dropping a guard does not wake it, and a new guard
//! wakes it only if it is due earlier; so a stream of short events costs one lock each and no system call.
//! After a time slice without a new guard it sleeps indefinitely, as a frozen environment requires.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wasmtime::{Engine, EngineWeak};

/// How long a guest may compute before others get a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSlice(pub Duration);

impl TimeSlice {
    /// With one guest at a time, only the host waits, which may have to notice a SIGTERM.
    pub const ALONE: Self = Self(Duration::from_millis(50));
    /// If guests share the processors, a new event waits for one time slice of each that computes already.
    pub const SHARED: Self = Self(Duration::from_millis(1));
}

/// The thread and its guards. Dropping this ends the thread.
#[derive(Debug)]
pub struct Watchdog {
    shared: Arc<Shared>,
}

/// Something that must end by a certain time. Dropping it removes the guard.
#[derive(Debug)]
pub struct Guard {
    shared: Arc<Shared>,
    due: Arc<Due>,
}

#[derive(Debug)]
struct Due {
    times: Mutex<Times>,
    passed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    /// When it must end.
    at: Instant,
    /// When the guest has to check its clocks, if that is earlier: its processor time may be over by then.
    look: Option<Instant>,
}

struct Shared {
    engine: EngineWeak,
    slice: Duration,
    schedule: Mutex<Schedule>,
    changed: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Schedule {
    guards: Vec<Arc<Due>>,
    /// Whether a guard was made since the thread last woke. Another one is likely to follow.
    has_new: bool,
    /// When the thread wakes by itself; `None` while it sleeps indefinitely.
    wakes: Option<Instant>,
    ended: bool,
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the operating system cannot create a thread.
    pub fn start(engine: &Engine, TimeSlice(slice): TimeSlice) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engine: engine.weak(),
            slice,
            schedule: Mutex::default(),
            changed: Condvar::new(),
        });
        let watching = Arc::clone(&shared);
        thread::Builder::new()
            .name("watchdog".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || watching.run())?;
        Ok(Self { shared })
    }

    /// Guards something that must end by `at`.
    pub fn guard(&self, at: Instant) -> Guard {
        let due = Arc::new(Due { times: Mutex::new(Times { at, look: None }), passed: Notify::new() });
        let mut schedule = self.shared.lock();
        schedule.guards.push(Arc::clone(&due));
        schedule.has_new = true;
        self.shared.wake_by(&schedule, at.min(Instant::now() + self.shared.slice));
        Guard { shared: Arc::clone(&self.shared), due }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

impl Guard {
    /// Resolves when the time has come.
    pub async fn passed(&self) {
        self.due.passed.notified().await;
    }

    /// Moves the time to an earlier one.
    pub fn bring_forward(&self, at: Instant) {
        let schedule = self.shared.lock();
        let mut times = lock(&self.due.times);
        if at < times.at {
            times.at = at;
            self.shared.wake_by(&schedule, at);
        }
    }

    /// Called by a guest's epoch callback: whether its time has passed.
    pub fn clock(&self) -> Clock {
        Clock { shared: Arc::clone(&self.shared), due: Arc::clone(&self.due) }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.lock().guards.retain(|due| !Arc::ptr_eq(due, &self.due));
    }
}

/// The time of a guard, for a guest to check.
#[derive(Debug, Clone)]
pub struct Clock {
    shared: Arc<Shared>,
    due: Arc<Due>,
}

impl Clock {
    /// Whether the time has passed.
    pub fn has_passed(&self) -> bool {
        Instant::now() >= lock(&self.due.times).at
    }

    /// Whether a guest that has computed for this long has used up so many time slices. The epoch also moves in the
    /// middle of a slice, so half of the last one is enough.
    pub fn are_slices(&self, computed: Duration, count: u32) -> bool {
        computed + self.shared.slice / 2 >= self.shared.slice * count
    }

    /// Lets the guest check its clocks after it has computed for this much longer, unless its time slice ends
    /// before.
    pub fn look_after(&self, time: Duration) {
        if time < self.shared.slice {
            self.look(Instant::now() + time);
        }
    }

    fn look(&self, at: Instant) {
        let schedule = self.shared.lock();
        lock(&self.due.times).look = Some(at);
        self.shared.wake_by(&schedule, at);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Schedule> {
        lock(&self.schedule)
    }

    fn wake_by(&self, schedule: &Schedule, at: Instant) {
        if schedule.wakes.is_none_or(|wakes| at < wakes) {
            self.changed.notify_one();
        }
    }

    fn run(&self) {
        let mut schedule = self.lock();
        while !schedule.ended {
            let now = Instant::now();
            let mut next = None;
            for due in &schedule.guards {
                let mut times = lock(&due.times);
                if times.at <= now {
                    due.passed.notify_one();
                }
                // The engine's epoch advances below, so every guest that wanted to check its clocks does.
                times.look = times.look.filter(|look| *look > now);
                // A guard that is due and still there belongs to a guest that computes; it stays until it is
                // dropped.
                let again = [Some(times.at), times.look].into_iter().flatten().filter(|at| *at > now);
                let again = again.fold(now + self.slice, Instant::min);
                next = Some(next.map_or(again, |next: Instant| next.min(again)));
            }
            if !schedule.guards.is_empty()
                && let Some(engine) = self.engine.upgrade()
            {
                engine.increment_epoch();
            }
            let may_follow = std::mem::take(&mut schedule.has_new).then(|| now + self.slice);
            let next = next.or(may_follow);
            schedule.wakes = next;
            schedule = match next {
                Some(next) => {
                    let sleep = next.saturating_duration_since(Instant::now());
                    self.changed.wait_timeout(schedule, sleep).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(schedule).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchdog() -> Watchdog {
        Watchdog::start(&crate::engine::start(1).unwrap().0, TimeSlice::ALONE).unwrap()
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_guard_passes_at_its_time_and_not_before() {
        let watchdog = watchdog();
        let at = Instant::now() + Duration::from_millis(30);
        let guard = watchdog.guard(at);
        assert!(!guard.clock().has_passed());
        block_on(guard.passed());
        assert!(Instant::now() >= at && guard.clock().has_passed());
    }

    #[test]
    fn an_earlier_guard_wakes_the_thread_from_a_longer_sleep() {
        let watchdog = watchdog();
        let far = watchdog.guard(Instant::now() + Duration::from_secs(3600));
        let near = watchdog.guard(Instant::now() + Duration::from_millis(10));
        block_on(near.passed());
        assert!(!far.clock().has_passed());
    }

    #[test]
    fn a_guard_can_be_brought_forward_but_not_put_off() {
        let watchdog = watchdog();
        let guard = watchdog.guard(Instant::now() + Duration::from_secs(3600));
        guard.bring_forward(Instant::now());
        guard.bring_forward(Instant::now() + Duration::from_secs(3600));
        block_on(guard.passed());
        assert!(guard.clock().has_passed());
    }

    #[test]
    fn a_look_moves_the_epoch_before_the_turn_is_over() {
        let watchdog = watchdog();
        let guard = watchdog.guard(Instant::now() + Duration::from_secs(3600));
        let asked = Instant::now();
        guard.clock().look(asked + Duration::from_millis(1));
        while lock(&guard.due.times).look.is_some() {
            thread::yield_now();
        }
        assert!(asked.elapsed() >= Duration::from_millis(1));
        assert!(!guard.clock().has_passed());
    }

    #[test]
    fn a_dropped_guard_leaves_nothing_behind() {
        let watchdog = watchdog();
        drop(watchdog.guard(Instant::now()));
        assert!(watchdog.shared.lock().guards.is_empty());
    }

    #[test]
    fn after_the_last_guard_the_thread_wakes_once_more_and_then_sleeps_indefinitely() {
        let watchdog = watchdog();
        drop(watchdog.guard(Instant::now() + Duration::from_secs(3600)));
        let sleeps = || {
            let schedule = watchdog.shared.lock();
            !schedule.has_new && schedule.wakes.is_none()
        };
        while !sleeps() {
            thread::yield_now();
        }
    }

    #[test]
    fn half_a_slice_is_enough_since_the_epoch_moves_in_the_middle_of_one() {
        let clock = watchdog().guard(Instant::now()).clock();
        let TimeSlice(slice) = TimeSlice::ALONE;
        for (count, least) in [(1, slice / 2), (3, slice * 5 / 2)] {
            assert!(clock.are_slices(least, count));
            assert!(!clock.are_slices(least - Duration::from_nanos(1), count));
        }
    }

    #[test]
    fn the_thread_ends_with_the_watchdog() {
        let watchdog = watchdog();
        let shared = Arc::downgrade(&watchdog.shared);
        drop(watchdog);
        while shared.upgrade().is_some() {
            thread::yield_now();
        }
    }
}
