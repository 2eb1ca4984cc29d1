//! Stops a guest whose time is over, whether it computes or waits.

use wasmtime::{StoreContextMut, UpdateDeadline};

use crate::capabilities::State;
use crate::engine::meter::Meter;
use crate::engine::phase::{self, Phase};
use crate::engine::watchdog::Guard;

/// The time slices of a turn on a thread for long events, where no short event waits. To take turns costs the host
/// processor time that no event pays for.
const SLICES_OF_LONG_EVENTS: u32 = 3;

/// How a guest ended without returning.
pub(super) enum Ended {
    /// It trapped, exited, or could not even start.
    Itself(wasmtime::Error),
    /// It was waiting when its time was over.
    Waiting,
    /// It was waiting, and work on its behalf used up its processor time.
    OutOfCpuTime,
}

/// Called in a computing guest whenever the epoch moves.
pub(super) fn look_at_clocks(mut context: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let state = context.data_mut();
    if state.clock.has_passed() {
        return Ok(UpdateDeadline::Interrupt);
    }
    match state.meter.left() {
        None => {
            state.out_of_cpu_time = true;
            Ok(UpdateDeadline::Interrupt)
        }
        Some(left) => {
            state.clock.look_after(left);
            // The epoch moves for all guests at a time. One whose turn has just begun goes on.
            let slices = if phase::is_for_long_events() { SLICES_OF_LONG_EVENTS } else { 1 };
            if !state.clock.are_slices(state.meter.turn(), slices) {
                return Ok(UpdateDeadline::Continue(1));
            }
            Phase::Computing.enter();
            // Behind all ready tasks, and behind sockets and timers: the engine's own way of yielding would
            // put the guest before these.
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        }
    }
}

/// Runs a guest until it returns or its time is over. A guest that computes is stopped by its epoch callback,
/// a guest that waits is stopped here.
pub(super) async fn stopped_by<T>(
    guard: &Guard,
    meter: &Meter,
    guest: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, Ended> {
    tokio::select! {
        biased;
        // First: otherwise a guest whose request failed for this reason would continue.
        () = meter.exhausted() => Err(Ended::OutOfCpuTime),
        returned = guest => returned.map_err(Ended::Itself),
        () = guard.passed() => Err(Ended::Waiting),
    }
}
