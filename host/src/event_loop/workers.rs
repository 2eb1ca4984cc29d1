//! Several events at a time (Lambda Managed Instances, L8.1–L8.12): one event loop for each, in parallel.
//!
//! The loops share the engine, the catalog and the watchdog, but no state of an event. They are tasks of one
//! runtime with a thread for each processor, so that a sandbox runs on any free one. The process survives
//! temporary failures of the Runtime API, since its end would fail every event in flight (L8.5).

use std::iter;

use tokio::task::JoinSet;

use crate::event_loop::{EventLoop, LoopError};
use crate::log::{Level, Scope};

/// Runs this many copies of a loop until they are asked to stop.
///
/// # Errors
/// If the process must be replaced. Events in flight were answered as far as possible.
pub async fn run(first: EventLoop, count: u32) -> Result<(), LoopError> {
    let text = format!("handling up to {count} events at a time");
    first.log.record(Level::Debug, &Scope::default(), &text);
    let stop = first.state.stop.clone();
    let others: Vec<EventLoop> = (1..count).map(|_| first.sibling()).collect();
    let mut loops = JoinSet::new();
    for each in iter::once(first).chain(others) {
        loops.spawn(each.run());
    }
    let mut ended = Ok(());
    while let Some(joined) = loops.join_next().await {
        let result = joined.unwrap_or(Err(LoopError::HostPanic));
        if result.is_err() && ended.is_ok() {
            // The other loops finish their events, and request no more.
            stop.request();
            ended = result;
        }
    }
    ended
}
