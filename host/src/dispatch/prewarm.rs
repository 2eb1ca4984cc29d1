//! Work between events, so that no event waits for it: destroys the last sandbox, and makes the next one for
//! the tenant of the last event.
//!
//! The guess is right if one tenant has many events in a row, and costs no event any time if it is wrong.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::Dispatcher;
use crate::engine::meter::Meter;
use crate::log::{Level, Scope};
use crate::policy::Route;
use crate::sandbox::component::Loaded;
use crate::sandbox::{Remains, Sandbox, Timing};

/// The longest time for making a sandbox in advance. The next event may belong to another tenant, which would
/// have to wait for this sandbox's start functions.
const PREPARATION: Duration = Duration::from_millis(20);

/// If more handlers start slowly, which only tenants of a store can be, each is tried once more.
const MOST_SLOW_STARTERS: usize = 1000;

/// The state that one event leaves for the next event of its loop.
#[derive(Debug, Default)]
pub(super) struct Prewarm {
    remains: Option<Remains>,
    /// The route of the last event, which the next one may take too.
    likely: Option<Route>,
    /// The handlers for which the last attempt to make a sandbox in advance failed. The next attempt waits
    /// for a successful event of the handler, so that one that cannot even start costs nothing between
    /// events.
    slow_starters: HashSet<usize>,
    /// The components of the store that had left the memory when the waiting sandboxes were last looked through.
    unloads: u64,
}

impl Prewarm {
    /// Before the first event, which most likely takes this route.
    pub(super) fn of(likely: Option<Route>) -> Self {
        Self { likely, ..Self::default() }
    }

    /// Destroys the rest of the last event's sandbox.
    pub(super) fn clear(&mut self) {
        self.remains = None;
    }

    /// Records the route of an event, and whether its handler replied.
    pub(super) fn went(&mut self, route: Route, replied: bool) {
        if replied {
            self.slow_starters.remove(&route.handler);
        }
        self.likely = Some(route);
    }
}

impl Dispatcher {
    /// The idle sandbox for events with this route, if there is one.
    pub(super) fn idle_sandbox(
        &self,
        loaded: &Loaded,
        route: &Route,
        prewarm: &mut Prewarm,
    ) -> Option<Sandbox> {
        let idle = self.idle_sandboxes.take(route);
        // The receipt names the script that is in memory now.
        let idle = idle.filter(|sandbox| sandbox.runs(loaded.script.as_ref()));
        if idle.is_none() {
            // There is room for two for each loop, and the other one may belong to another loop.
            prewarm.clear();
        }
        idle
    }

    /// Makes an event's sandbox. If there is no room, the sandboxes that wait for other events are dropped,
    /// and it is tried once more.
    pub(super) async fn make(&self, loaded: &Loaded, route: &Route, timing: Timing<'_>) -> Sandbox {
        let Timing { guard, meter, .. } = timing;
        let sandbox = self.sandboxes.make(loaded, route, guard, meter.clone()).await;
        let Some(lack) = sandbox.out_of_room() else { return sandbox };
        let lack = format!("{lack:#}");
        drop(sandbox);
        let occupants = self.sandboxes.pool_usage.occupants();
        let given_up = self.idle_sandboxes.give_up().len();
        let handler = &route.policy.handler;
        let text = format!(
            "there is no room for a sandbox of the handler {handler} ({lack}); {given_up} waiting sandboxes \
             were dropped to try again; sandboxes in use: {occupants}"
        );
        self.log.record(Level::Warn, &Scope::default(), &text);
        self.sandboxes.make(loaded, route, guard, meter.clone()).await
    }

    /// Keeps the rest of an event's sandbox: for another event, or until there is time to destroy it.
    pub(super) fn leave(&self, remains: Remains, prewarm: &mut Prewarm) {
        let left = match remains {
            Remains::Warm(sandbox) => self.idle_sandboxes.put(sandbox).map(Remains::Warm),
            Remains::Spent(_) => Some(remains),
        };
        // If loops share the processors, the memory of a sandbox that is destroyed early is still in the
        // cache for the next one.
        prewarm.remains = left.filter(|_| !self.idle_sandboxes.are_shared());
    }

    /// Drops the waiting sandboxes whose component has left the cache of the store. They would keep it in memory.
    fn drop_unloaded(&self, before: &mut u64) {
        let Some(stored) = &self.stored else { return };
        let unloads = stored.unloads();
        if unloads != std::mem::replace(before, unloads) {
            let is_loaded = |handler| !stored.has(handler) || stored.is_loaded(handler);
            drop(self.idle_sandboxes.keep(|sandbox| is_loaded(sandbox.handler())));
        }
    }

    /// Destroys the last sandbox, and makes the next one. It may be cancelled at any time.
    pub(super) async fn prepare(&self, prewarm: &mut Prewarm) {
        prewarm.clear();
        self.drop_unloaded(&mut prewarm.unloads);
        let Some(route) = &prewarm.likely else { return };
        if prewarm.slow_starters.contains(&route.handler) || !self.idle_sandboxes.want(route) {
            return;
        }
        let Some(loaded) = self.loaded(route) else { return };
        if prewarm.slow_starters.len() >= MOST_SLOW_STARTERS {
            prewarm.slow_starters.clear();
        }
        prewarm.slow_starters.insert(route.handler);
        let guard = self.watchdog.guard(Instant::now() + PREPARATION);
        let sandbox = self.sandboxes.make(&loaded, route, &guard, Meter::new(Duration::MAX)).await;
        if sandbox.is_ready() {
            prewarm.slow_starters.remove(&route.handler);
            drop(self.idle_sandboxes.put(sandbox));
        }
    }
}
