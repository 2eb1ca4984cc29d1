//! Several events at a time (Lambda Managed Instances, L8.1–L8.12): one event loop for each, in parallel.
//!
//! The loops share the engine, the catalog and the watchdog, but no state of an event. Each processor has a [`home`]: a
//! thread with a part of the loops. A short event begins and ends on one thread, so no other thread has to be woken for
//! it, and its memory stays in the cache of one processor.
//!
//! A guest that computes for longer than a time slice would delay the other loops of its thread, and could not use a
//! processor that is free. So its loop moves to the threads for long events, which any processor can run, and goes home
//! when the event has ended. The operating system then divides the processors between short and long events.
//!
//! The process survives temporary failures of the Runtime API, since its end would fail every event in flight (L8.5).

mod home;

use std::future::poll_fn;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;

use crate::engine::meter::end_turn;
use crate::engine::phase::{Phase, begin_long_events};
use crate::event_loop::{EventLoop, LoopError};
use crate::log::{Level, Log, Scope};
use home::Home;

/// The work of a loop until it ends.
type Run = Pin<Box<dyn Future<Output = Result<(), LoopError>> + Send>>;

/// Runs this many copies of a loop until they are asked to stop. Call this on a runtime with one thread, which becomes
/// one of the homes.
///
/// # Errors
/// If the process must be replaced. Events in flight were answered as far as possible.
pub async fn run(first: EventLoop, count: u32) -> Result<(), LoopError> {
    let text = format!("handling up to {count} events at a time");
    first.log.record(Level::Debug, &Scope::default(), &text);
    let (stop, log) = (first.state.stop.clone(), Arc::clone(&first.log));
    let others: Vec<EventLoop> = (1..count).map(|_| first.sibling()).collect();
    let processors = available_parallelism().map_or(1, usize::from);
    let homes = homes(processors.min(1 + others.len()), &log);
    let long_events =
        Arc::new(LongEvents { threads: Mutex::default(), loops: count, processors, log: Arc::clone(&log) });
    let (ended, mut all_ended) = mpsc::unbounded_channel();
    for (each, home) in iter::once(first).chain(others).zip(homes.iter().map(Home::handle).cycle()) {
        let resident = Resident { run: Box::pin(each.run()), ended: Ended(Some(ended.clone())) };
        resident.live(home, &long_events);
    }
    drop(ended);
    let mut result = Ok(());
    while let Some(one) = all_ended.recv().await {
        if one.is_err() && result.is_ok() {
            // The other loops finish their events, and request no more.
            stop.request();
            result = one;
        }
    }
    log.flush();
    result
}

/// The homes of the loops. The first one is this thread. If the operating system allows no more threads, there are
/// fewer homes.
fn homes(count: usize, log: &Arc<Log>) -> Vec<Home> {
    let mut homes = vec![Home::here()];
    for number in 1..count {
        match Home::start(number, log) {
            Ok(home) => homes.push(home),
            Err(error) => {
                let text = format!("only {number} of {count} processors are used: {error}");
                log.record(Level::Warn, &Scope::default(), &text);
                break;
            }
        }
    }
    homes
}

/// The threads for long events, which are started for the first one.
struct LongEvents {
    threads: Mutex<Option<Runtime>>,
    loops: u32,
    processors: usize,
    log: Arc<Log>,
}

impl LongEvents {
    /// `None` if there is only one loop, which delays no other one, or if the operating system allows no more threads
    /// now. A long event then stays at home.
    fn handle(&self) -> Option<Handle> {
        if self.loops == 1 {
            return None;
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.is_none() {
            *threads = self.start();
        }
        threads.as_ref().map(|threads| threads.handle().clone())
    }

    fn start(&self) -> Option<Runtime> {
        let log = Arc::clone(&self.log);
        let mut threads = Builder::new_multi_thread();
        threads.worker_threads(self.processors).enable_io().enable_time();
        threads.on_thread_start(begin_long_events).on_thread_park(move || flush(&log));
        // Tokio panics if it cannot start a thread.
        catch_unwind(AssertUnwindSafe(|| threads.build())).ok()?.ok()
    }
}

impl Drop for LongEvents {
    fn drop(&mut self) {
        // Waiting for the threads, as dropping the runtime does, is not allowed in a task.
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        threads.into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Writes the receipts that wait on this thread, before it sleeps. They belong to many events, so no event pays for this.
pub fn flush(log: &Log) {
    if log.flush() {
        end_turn();
    }
}

/// A loop, wherever it runs.
struct Resident {
    run: Run,
    ended: Ended,
}

/// Why a loop is no longer polled where it was.
enum Left {
    Ended(Result<(), LoopError>),
    /// It has entered the phase for which its place is another one.
    Moving,
}

impl Resident {
    /// Runs the loop at home, until its guest computes for long.
    fn live(mut self, home: &Handle, long_events: &Arc<LongEvents>) {
        let (at_home, long_events) = (home.clone(), Arc::clone(long_events));
        home.spawn(async move {
            loop {
                match self.until(Phase::Computing).await {
                    Left::Ended(result) => return self.ended.report(result),
                    Left::Moving => match long_events.handle() {
                        Some(elsewhere) => return self.visit(&elsewhere, at_home, long_events),
                        // The guest has given up its turn, so others have theirs.
                        None => tokio::task::yield_now().await,
                    },
                }
            }
        });
    }

    /// Runs the loop on the threads for long events, until its event has ended.
    fn visit(mut self, elsewhere: &Handle, home: Handle, long_events: Arc<LongEvents>) {
        elsewhere.spawn(async move {
            let left = self.until(Phase::Waiting).await;
            // This thread may go on with another event for long, or end.
            flush(&long_events.log);
            match left {
                Left::Ended(result) => self.ended.report(result),
                Left::Moving => self.live(&home, &long_events),
            }
        });
    }

    /// Polls the loop until it ends, or says that it has entered this phase.
    async fn until(&mut self, phase: Phase) -> Left {
        poll_fn(|context| {
            Phase::take();
            match self.run.as_mut().poll(context) {
                Poll::Ready(result) => Poll::Ready(Left::Ended(result)),
                Poll::Pending if Phase::take() == Some(phase) => Poll::Ready(Left::Moving),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

/// Reports the end of a loop. If it was dropped, because it panicked, it reports that.
struct Ended(Option<mpsc::UnboundedSender<Result<(), LoopError>>>);

impl Ended {
    fn report(&mut self, result: Result<(), LoopError>) {
        if let Some(ended) = self.0.take() {
            // Nobody waits for it if the process ends anyway.
            let _ = ended.send(result);
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.report(Err(LoopError::HostPanic));
    }
}
