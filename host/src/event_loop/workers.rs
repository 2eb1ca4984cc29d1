//! Several events at a time (Lambda Managed Instances, L8.1–L8.12): one event loop for each, in parallel.
//!
//! The loops share the engine, the catalog and the watchdog, but no state of an event. Each processor has a home: a
//! [`thread`] with a part of the loops. A short event begins and ends on one thread, so no other thread has to be woken for
//! it, and its memory stays in the cache of one processor.
//!
//! A guest that computes for longer than a time slice would delay the other loops of its thread, and could not use a
//! processor that is free. So its loop moves to a thread for [long events](long_events), and goes home when the event has
//! ended. The operating system then divides the processors between short and long events.
//!
//! The process survives temporary failures of the Runtime API, since its end would fail every event in flight (L8.5).

mod long_events;
mod thread;

use std::future::poll_fn;
use std::iter;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::engine::meter::end_turn;
use crate::engine::phase::Phase;
use crate::event_loop::{EventLoop, LoopError};
use crate::log::{Level, Log, Scope};
use long_events::{LongEvents, Place};
use thread::LoopThread;

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
    let first = if count > 1 { first.in_parallel() } else { first };
    let (stop, log) = (first.state.stop.clone(), Arc::clone(&first.log));
    let others: Vec<EventLoop> = (1..count).map(|_| first.sibling()).collect();
    let processors = available_parallelism().map_or(1, usize::from);
    let elsewhere = homes(processors.min(1 + others.len()), &log);
    // The first home is this thread.
    let homes: Vec<Handle> =
        iter::once(Handle::current()).chain(elsewhere.iter().map(|home| home.handle().clone())).collect();
    // A single loop delays no other one.
    let long_events = (count > 1).then(|| Arc::new(LongEvents::new(processors, Arc::clone(&log))));
    let (ended, mut all_ended) = mpsc::unbounded_channel();
    for (each, home) in iter::once(first).chain(others).zip(homes.into_iter().cycle()) {
        let resident = Resident {
            run: Box::pin(each.run()),
            ended: Ended(Some(ended.clone())),
            home,
            long_events: long_events.clone(),
            log: Arc::clone(&log),
        };
        resident.live();
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
    elsewhere.into_iter().for_each(LoopThread::join);
    result
}

/// The homes besides this thread. If the operating system allows no more threads, there are fewer.
fn homes(count: usize, log: &Arc<Log>) -> Vec<LoopThread> {
    let mut homes = Vec::new();
    for number in 1..count {
        match LoopThread::start(format!("events-{number}"), || {}, log) {
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
    home: Handle,
    /// `None` for a single loop, which always stays at home.
    long_events: Option<Arc<LongEvents>>,
    log: Arc<Log>,
}

/// Why a loop is no longer polled where it was.
enum Left {
    Ended(Result<(), LoopError>),
    /// It has entered this phase, for which its place is another one.
    Moving(Phase),
}

impl Resident {
    /// Runs the loop at home, until its guest computes for long.
    fn live(mut self) {
        self.home.clone().spawn(async move {
            loop {
                match self.until(|phase| phase == Phase::Computing).await {
                    Left::Ended(result) => return self.ended.report(result),
                    Left::Moving(_) => match self.long_events.as_ref().map(|threads| threads.enter()) {
                        Some(Ok(place)) => return self.visit(place),
                        // A long event then stays at home. The guest has given up its turn, so others have theirs.
                        Some(Err(_)) | None => tokio::task::yield_now().await,
                    },
                }
            }
        });
    }

    /// Runs the loop on a thread for long events, until its event has ended or another of these threads has less to do.
    fn visit(mut self, place: Place) {
        place.handle().clone().spawn(async move {
            let threads = self.long_events.clone();
            let has_better = || threads.as_ref().is_some_and(|threads| threads.has_better(&place));
            let left = self.until(|phase| phase == Phase::Waiting || has_better()).await;
            // This thread may go on with another event for long, or end.
            flush(&self.log);
            match left {
                Left::Ended(result) => self.ended.report(result),
                Left::Moving(Phase::Waiting) => self.live(),
                Left::Moving(Phase::Computing) => {
                    let elsewhere = threads.and_then(|threads| threads.enter().ok());
                    self.visit(elsewhere.unwrap_or(place));
                }
            }
        });
    }

    /// Polls the loop until it ends, or enters a phase for which it has to move.
    async fn until(&mut self, has_to_move: impl Fn(Phase) -> bool) -> Left {
        poll_fn(|context| {
            Phase::take();
            match self.run.as_mut().poll(context) {
                Poll::Ready(result) => Poll::Ready(Left::Ended(result)),
                Poll::Pending => match Phase::take().filter(|phase| has_to_move(*phase)) {
                    Some(phase) => Poll::Ready(Left::Moving(phase)),
                    None => Poll::Pending,
                },
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
