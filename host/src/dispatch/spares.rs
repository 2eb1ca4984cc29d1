//! Sandboxes that wait for an event, for all loops: made ahead of it, or kept after one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::router::Route;
use crate::sandbox::Sandbox;

/// What waits, the one that has waited longest first.
///
/// Few are made ahead, however many events there may be at a time: an event needs one only while it is on a processor,
/// and sandboxes that take turns on a few places in memory find it in the processor's cache. With one for each
/// of 64 loops an event took three times as long.
#[derive(Debug)]
pub struct Spares {
    waiting: Mutex<Vec<Sandbox>>,
    /// How many are made ahead.
    ahead: usize,
    /// How many may wait in all.
    most: usize,
}

impl Spares {
    /// For so many events at a time, on so many processors.
    pub fn new(events: usize, processors: usize) -> Self {
        Self { waiting: Mutex::default(), ahead: events.min(processors), most: events }
    }

    /// One that an event that goes this way can have.
    pub(super) fn take(&self, route: &Route) -> Option<Sandbox> {
        let mut waiting = self.lock();
        // The last one is the warmest.
        let place = waiting.iter().rposition(|sandbox| sandbox.fits(route))?;
        Some(waiting.remove(place))
    }

    /// Whether one should be made ahead of an event that may go this way.
    pub(super) fn want(&self, route: &Route) -> bool {
        let waiting = self.lock();
        let fresh = waiting.iter().filter(|sandbox| sandbox.is_fresh());
        let (fitting, others) = fresh.fold((0, 0), |(fitting, others), sandbox| {
            if sandbox.fits(route) { (fitting + 1, others) } else { (fitting, others + 1) }
        });
        let kept = waiting.iter().any(|sandbox| !sandbox.is_fresh() && sandbox.fits(route));
        // One that nobody came for gives way.
        !kept && fitting < self.ahead && (fitting == 0 || fitting + others < self.ahead)
    }

    /// Lets one wait. What had to give way for it is to be dropped when there is time.
    pub(super) fn put(&self, sandbox: Sandbox) -> Option<Sandbox> {
        let mut waiting = self.lock();
        let fresh = waiting.iter().filter(|other| other.is_fresh()).count();
        let gives_way = if sandbox.is_fresh() && fresh >= self.ahead {
            waiting.iter().position(Sandbox::is_fresh)
        } else if waiting.len() >= self.most {
            Some(0)
        } else {
            None
        };
        let gone = gives_way.map(|place| waiting.remove(place));
        waiting.push(sandbox);
        gone
    }

    /// Whether several loops take from it.
    pub(super) fn are_shared(&self) -> bool {
        self.most > 1
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sandbox>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
