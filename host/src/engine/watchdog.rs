//! The watchdog: an OS thread that ends what takes too long.
//!
//! A timer of the async runtime cannot stop a guest that computes, since guest and timer take turns on one
//! thread. So the watchdog has its own. When a guard is due it bumps the engine's epoch, which makes a
//! computing guest look at its clock, and wakes whoever waits for a guest that waits itself.
//!
//! The thread sleeps until the earliest guard is due. A guard that is dropped does not wake it, and a new
//! one only if it is due earlier; so a stream of short events costs a lock each and no system call. While
//! no guard is left it sleeps without end, as a frozen environment wants.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wasmtime::{Engine, EngineWeak};

/// How long a guest may compute before the others have a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSlice(pub Duration);

impl TimeSlice {
    /// Where there is one guest at a time: nobody waits but the host, which may have to notice a SIGTERM.
    pub const ALONE: Self = Self(Duration::from_millis(50));
    /// Where guests share the processors: an event that comes waits for one time slice of those that compute already.
    pub const SHARED: Self = Self(Duration::from_millis(1));
}

/// The thread and what it watches over. Dropping it ends the thread.
#[derive(Debug)]
pub struct Watchdog {
    shared: Arc<Shared>,
}

/// Something that must end by a certain time. Dropping it calls the watchdog off.
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
    /// When the guest wants to look at its clocks, if that is sooner: its processor time may be over by then.
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
    /// When the thread wakes by itself; none while it sleeps without end.
    wakes: Option<Instant>,
    ended: bool,
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
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

    /// Watches over something that must end by `at`.
    pub fn guard(&self, at: Instant) -> Guard {
        let due = Arc::new(Due { times: Mutex::new(Times { at, look: None }), passed: Notify::new() });
        let mut schedule = self.shared.lock();
        schedule.guards.push(Arc::clone(&due));
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

    /// Brings the time forward, if it was later.
    pub fn bring_forward(&self, at: Instant) {
        let schedule = self.shared.lock();
        let mut times = lock(&self.due.times);
        if at < times.at {
            times.at = at;
            self.shared.wake_by(&schedule, at);
        }
    }

    /// What a guest's epoch callback asks: whether its time has passed.
    pub fn clock(&self) -> Clock {
        Clock { shared: Arc::clone(&self.shared), due: Arc::clone(&self.due) }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.lock().guards.retain(|due| !Arc::ptr_eq(due, &self.due));
    }
}

/// The time of a guard, for a guest to look at.
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

    /// Lets the guest look at its clocks when it has computed for so much longer, unless its time slice is over by then.
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
                // The engine's epoch goes on below, so whoever wanted to look gets to.
                times.look = times.look.filter(|look| *look > now);
                // One that is due and still there computes; it is looked after until it is gone.
                let again = [Some(times.at), times.look].into_iter().flatten().filter(|at| *at > now);
                let again = again.fold(now + self.slice, Instant::min);
                next = Some(next.map_or(again, |next: Instant| next.min(again)));
            }
            if !schedule.guards.is_empty()
                && let Some(engine) = self.engine.upgrade()
            {
                engine.increment_epoch();
            }
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
    fn the_thread_ends_with_the_watchdog() {
        let watchdog = watchdog();
        let shared = Arc::downgrade(&watchdog.shared);
        drop(watchdog);
        while shared.upgrade().is_some() {
            thread::yield_now();
        }
    }
}
