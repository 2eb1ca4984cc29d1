//! Sandboxes that wait for an event, for all loops: made in advance, or kept after an event.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::policy::Route;
use crate::sandbox::Sandbox;

/// The waiting sandboxes, longest wait first.
///
/// Only a few are made in advance, however many events there may be at a time: an event needs one only while
/// it is on a processor, and sandboxes that share a few places in memory find them in the processor's cache.
/// With one sandbox for each of 64 loops, an event took 151 µs of processor time; now it takes 87.
#[derive(Debug)]
pub struct IdleSandboxes<S = Sandbox> {
    waiting: Mutex<Vec<S>>,
    /// The number of sandboxes to make in advance.
    prewarmed: usize,
    /// The limit of waiting sandboxes.
    most: usize,
}

/// An item that waits for an event.
pub trait Idle {
    /// Whether an event with this route can use it.
    fn fits(&self, route: &Route) -> bool;
    /// Whether it has not had an event yet.
    fn is_fresh(&self) -> bool;
}

impl<S: Idle> IdleSandboxes<S> {
    /// For this many events at a time, on this many processors.
    pub fn new(events: usize, processors: usize) -> Self {
        Self { waiting: Mutex::default(), prewarmed: events.min(processors), most: events }
    }

    /// Takes an item that an event with this route can use.
    pub(super) fn take(&self, route: &Route) -> Option<S> {
        let mut waiting = self.lock();
        // The last one is most likely in the cache.
        let place = waiting.iter().rposition(|sandbox| sandbox.fits(route))?;
        Some(waiting.remove(place))
    }

    /// Whether to make one in advance for an event with this route.
    pub(super) fn want(&self, route: &Route) -> bool {
        let waiting = self.lock();
        let fresh = waiting.iter().filter(|sandbox| sandbox.is_fresh());
        let (fitting, others) = fresh.fold((0, 0), |(fitting, others), sandbox| {
            if sandbox.fits(route) { (fitting + 1, others) } else { (fitting, others + 1) }
        });
        let kept = waiting.iter().any(|sandbox| !sandbox.is_fresh() && sandbox.fits(route));
        // One that was never used is replaced.
        !kept && fitting < self.prewarmed && (fitting == 0 || fitting + others < self.prewarmed)
    }

    /// Adds an item. Returned items had to make room, and are to be dropped when there is time.
    pub(super) fn put(&self, sandbox: S) -> Option<S> {
        let mut waiting = self.lock();
        let fresh = waiting.iter().filter(|other| other.is_fresh()).count();
        let gives_way = if sandbox.is_fresh() && fresh >= self.prewarmed {
            waiting.iter().position(S::is_fresh)
        } else if waiting.len() >= self.most {
            Some(0)
        } else {
            None
        };
        let gone = gives_way.map(|place| waiting.remove(place));
        waiting.push(sandbox);
        gone
    }

    /// Removes the items that are not to be kept. They are to be dropped when there is time.
    pub(super) fn keep(&self, keeps: impl Fn(&S) -> bool) -> Vec<S> {
        self.lock().extract_if(.., |sandbox| !keeps(sandbox)).collect()
    }

    /// Removes all items, because there is no room for an event's own sandbox. The returned items are to be
    /// dropped.
    pub(super) fn give_up(&self) -> Vec<S> {
        std::mem::take(&mut *self.lock())
    }

    /// Whether several loops take from it.
    pub(super) fn are_shared(&self) -> bool {
        self.most > 1
    }

    fn lock(&self) -> MutexGuard<'_, Vec<S>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle for Sandbox {
    fn fits(&self, route: &Route) -> bool {
        Self::fits(self, route)
    }

    fn is_fresh(&self) -> bool {
        Self::is_fresh(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::Policy;

    /// A sandbox for a handler, with a name, and the tenant whose event it has had.
    #[derive(Debug, PartialEq, Eq)]
    struct Sham(usize, &'static str, Option<&'static str>);

    impl Idle for Sham {
        fn fits(&self, route: &Route) -> bool {
            self.0 == route.handler && (self.2.is_none() || self.2 == route.tenant_id.as_deref())
        }

        fn is_fresh(&self) -> bool {
            self.2.is_none()
        }
    }

    fn route(handler: usize, tenant_id: &str) -> Route {
        let policy = Arc::new(Policy::default_for("hello"));
        Route { tenant_id: Some(tenant_id.into()), is_known: true, ..Route::to(handler, policy) }
    }

    #[test]
    fn the_last_one_that_fits_is_taken_first() {
        let idle = IdleSandboxes::new(8, 8);
        for sham in [Sham(0, "first", None), Sham(0, "last", None), Sham(1, "other", None)] {
            assert_eq!(idle.put(sham), None);
        }
        assert_eq!(idle.take(&route(0, "a")), Some(Sham(0, "last", None)));
        assert_eq!(idle.take(&route(2, "a")), None);
        assert_eq!(idle.take(&route(1, "a")), Some(Sham(1, "other", None)));
    }

    #[test]
    fn one_that_has_had_an_event_is_its_tenants() {
        let idle = IdleSandboxes::new(8, 1);
        idle.put(Sham(0, "warm", Some("a")));
        assert_eq!(idle.take(&route(0, "b")), None);
        // Another tenant's is no reason not to make one, the own is.
        assert!(idle.want(&route(0, "b")) && !idle.want(&route(0, "a")));
        assert_eq!(idle.take(&route(0, "a")), Some(Sham(0, "warm", Some("a"))));
    }

    #[test]
    fn as_many_are_made_ahead_as_there_are_processors_or_events() {
        for (events, processors, expected) in [(64, 2, 2), (1, 8, 1), (4, 8, 4)] {
            let idle = IdleSandboxes::new(events, processors);
            let made = (0..100).take_while(|_| idle.want(&route(0, "a"))).map(|_| {
                assert_eq!(idle.put(Sham(0, "idle", None)), None);
            });
            assert_eq!(made.count(), expected, "of {events} on {processors}");
        }
    }

    #[test]
    fn one_that_nobody_comes_for_gives_way() {
        let idle = IdleSandboxes::new(1, 1);
        idle.put(Sham(0, "old", None));
        assert!(idle.want(&route(1, "a")), "for another handler");
        assert_eq!(idle.put(Sham(1, "new", None)), Some(Sham(0, "old", None)));
        assert_eq!(idle.put(Sham(1, "warm", Some("a"))), Some(Sham(1, "new", None)));
        assert_eq!(idle.lock().len(), 1);
    }

    #[test]
    fn some_are_removed_and_the_others_kept() {
        let idle = IdleSandboxes::new(8, 8);
        idle.put(Sham(0, "idle", None));
        idle.put(Sham(1, "warm", Some("a")));
        assert_eq!(idle.keep(|sham| sham.0 == 1), [Sham(0, "idle", None)]);
        assert_eq!(idle.give_up(), [Sham(1, "warm", Some("a"))]);
    }

    #[test]
    fn all_give_way_where_there_is_no_room() {
        let idle = IdleSandboxes::new(8, 8);
        idle.put(Sham(0, "idle", None));
        idle.put(Sham(1, "warm", Some("a")));
        assert_eq!(idle.give_up(), [Sham(0, "idle", None), Sham(1, "warm", Some("a"))]);
        assert_eq!(idle.give_up(), []);
        assert!(idle.want(&route(0, "a")), "another is made when there is time");
    }
}
