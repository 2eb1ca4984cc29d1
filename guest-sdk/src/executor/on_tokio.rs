//! The executor for the feature `tokio`: Tokio's runtime of one thread, which also waits for the host.
//!
//! Tokio keeps its timers to itself, and the host's pollables are unknown to it. So there are two ways to wait
//! while no task can go on. If no task waits for the host, Tokio sleeps until its next timer. Otherwise
//! [`before_sleep`] waits for the host, in short pieces, between which Tokio looks at its timers. The pieces grow
//! with the time that nothing has happened: a timer is late by an eighth of it at most, and never by more
//! than 20 ms.

use std::cell::Cell;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Builder;

use super::STALLED;
use crate::Diagnostic;

thread_local! {
    /// Whether Tokio sleeps, and only one of its timers can wake it.
    static SLEEPS: Cell<bool> = const { Cell::new(false) };
}

/// The handler's future, seen from its wakers.
#[derive(Default)]
struct Root {
    is_woken: AtomicBool,
    /// Tokio's waker of the future that contains the handler's.
    runtime: Mutex<Option<Waker>>,
}

impl Root {
    /// Has Tokio poll instead of sleep.
    fn wake_runtime(&self) {
        if let Some(waker) = &*self.runtime.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.wake_runtime();
    }
}

/// Polls until the future is ready.
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output, Diagnostic> {
    say_when_stalled();
    let root = Arc::new(Root { is_woken: AtomicBool::new(true), ..Root::default() });
    let of_hook = Arc::clone(&root);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .on_thread_park(move || before_sleep(&of_hook))
        .on_thread_unpark(|| SLEEPS.set(false))
        .build();
    let runtime = runtime.map_err(|error| Diagnostic::from(format!("Tokio does not start: {error}")))?;
    let waker = Waker::from(Arc::clone(&root));
    let mut future = pin!(future);
    Ok(runtime.block_on(std::future::poll_fn(|context| {
        *root.runtime.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        // Tokio also polls after each piece of a wait, which does not concern the handler.
        match root.is_woken.swap(false, Ordering::AcqRel) {
            true => future.as_mut().poll(&mut Context::from_waker(&waker)),
            false => Poll::Pending,
        }
    })))
}

/// Called by Tokio when no task can go on.
fn before_sleep(root: &Root) {
    if waited() {
        root.wake_runtime();
    } else {
        SLEEPS.set(true);
    }
}

/// Waits for the host, if there is anything to wait for.
#[cfg(feature = "client")]
fn waited() -> bool {
    use std::time::Duration;

    use super::reactor;

    /// The first piece: Tokio's timers are no finer.
    const SHORTEST: Duration = Duration::from_millis(1);

    /// The longest piece.
    const LONGEST: Duration = Duration::from_millis(20);

    thread_local! {
        /// How long nothing has happened, as far as the host has been waited for.
        static QUIET: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    if reactor::is_idle() {
        return false;
    }
    let piece = (QUIET.get() / 8).clamp(SHORTEST, LONGEST);
    let is_quiet = !reactor::wait(Some(piece));
    QUIET.set(if is_quiet { QUIET.get() + piece } else { Duration::ZERO });
    true
}

#[cfg(not(feature = "client"))]
fn waited() -> bool {
    false
}

/// Without a timer Tokio would sleep for ever. On a target without threads it panics instead, with a message
/// about the standard library. This replaces the message.
#[cfg(target_family = "wasm")]
#[expect(clippy::print_stderr, reason = "stderr is the log, and the host reads panics there")]
fn say_when_stalled() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match SLEEPS.get() {
        true => eprintln!("\nthread 'main' panicked at bulkhead:\n{STALLED}"),
        false => others(panic),
    }));
}

#[cfg(not(target_family = "wasm"))]
fn say_when_stalled() {
    let _ = STALLED;
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn timers_and_tasks_of_tokio_run_side_by_side() {
        let begin = Instant::now();
        let slept = block_on(async {
            let task = tokio::spawn(async {
                tokio::time::sleep(Duration::from_millis(30)).await;
                7
            });
            tokio::time::sleep(Duration::from_millis(20)).await;
            task.await
        });
        assert_eq!(slept.unwrap().unwrap(), 7);
        assert!(begin.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn a_waker_of_another_thread_wakes_the_handler() {
        let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
        let waking = std::thread::spawn(move || receiver.recv().unwrap().wake());
        let mut is_first = true;
        let woken = block_on(std::future::poll_fn(|context| match std::mem::take(&mut is_first) {
            true => {
                sender.send(context.waker().clone()).unwrap();
                Poll::Pending
            }
            false => Poll::Ready("woken"),
        }));
        assert_eq!(woken, Ok("woken"));
        waking.join().unwrap();
    }
}
