//! Waits until the host makes something ready: a timer, a response, the next bytes of a body.
//!
//! Whoever awaits [`ready`] puts the host's pollable and the waker of its task into one list. When no task can
//! go on, the executor calls [`wait`], which asks the host about the whole list at once. So requests, timers
//! and streams of all tasks make progress together.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{self, Pollable};

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

/// A task that waits.
struct Waiting {
    pollable: Arc<Pollable>,
    waker: Waker,
}

/// Whether no task waits for the host.
pub(crate) fn is_idle() -> bool {
    WAITING.with_borrow(Vec::is_empty)
}

/// Waits until something is ready, but at most for `limit`, and wakes the tasks that wait for it. Returns
/// whether something was ready.
pub(crate) fn wait(limit: Option<Duration>) -> bool {
    let waiting = WAITING.take();
    let timer = limit.map(|limit| monotonic_clock::subscribe_duration(nanoseconds(limit)));
    let asked: Vec<&Pollable> = waiting.iter().map(|one| &*one.pollable).chain(&timer).collect();
    let ready = poll::poll(&asked);
    let is_ready = |place: usize| ready.iter().any(|ready| *ready as usize == place);
    let mut woken = Vec::new();
    let mut others = Vec::new();
    for (place, one) in waiting.into_iter().enumerate() {
        if is_ready(place) { woken.push(one.waker) } else { others.push(one) }
    }
    WAITING.set(others);
    let is_any = !woken.is_empty();
    woken.into_iter().for_each(Waker::wake);
    is_any
}

/// A future that is ready when the pollable is.
///
/// The host refuses to drop a resource before its pollables, so the future must not outlive the resource.
pub fn ready(pollable: Pollable) -> Ready {
    Ready(Arc::new(pollable))
}

/// A future that is ready after this time.
pub fn sleep(duration: Duration) -> Ready {
    ready(monotonic_clock::subscribe_duration(nanoseconds(duration)))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// See [`ready`].
#[derive(Debug)]
pub struct Ready(Arc<Pollable>);

impl Ready {
    fn forget(&self) {
        WAITING.with_borrow_mut(|waiting| waiting.retain(|one| !Arc::ptr_eq(&one.pollable, &self.0)));
    }
}

impl Future for Ready {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.forget();
        if self.0.ready() {
            return Poll::Ready(());
        }
        let waiting = Waiting { pollable: Arc::clone(&self.0), waker: context.waker().clone() };
        WAITING.with_borrow_mut(|all| all.push(waiting));
        Poll::Pending
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.forget();
    }
}
