//! Several events at a time (Lambda Managed Instances, L8.1–L8.12): one event loop for each, side by side.
//!
//! The loops share the engine, the catalog and the watchdog, and nothing of an event. They are tasks of one runtime
//! with a thread for each processor, so that a sandbox runs where there is room. The process outlives a Runtime API
//! that fails for a while, since its end would cost every event in flight (L8.5).

use std::iter;

use tokio::task::JoinSet;

use crate::event_loop::{EventLoop, LoopError};
use crate::log::{Level, Scope};

/// Runs so many loops like this one until they are told to stop.
///
/// # Errors
/// When the process must be replaced. What was in flight then has been answered as far as that was possible.
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
            // The others finish what they have, and ask for no more.
            stop.request();
            ended = result;
        }
    }
    ended
}
