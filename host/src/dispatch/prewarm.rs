//! What is done between events, so that no event waits for it: the last sandbox is taken apart, and the next one
//! made, for the tenant of the last event.
//!
//! The guess is right where one tenant has many events in a row, and costs nobody time where it is wrong.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::Dispatcher;
use crate::engine::watchdog::Guard;
use crate::log::{Level, Scope};
use crate::policy::Route;
use crate::sandbox::component::Loaded;
use crate::sandbox::{Remains, Sandbox};

/// The longest that a sandbox may take to be made ahead of its event. The next event may be another tenant's, and
/// would have to wait for this one's start functions.
const PREPARATION: Duration = Duration::from_millis(20);

/// What one event leaves to the next one of the same loop.
#[derive(Debug, Default)]
pub(super) struct Prewarm {
    remains: Option<Remains>,
    /// Where the last event went, and the next one may go too.
    likely: Option<Route>,
    /// The handlers for which the last attempt to make a sandbox ahead of its event came to nothing. The next
    /// one waits for a reply of theirs, so that one that cannot even start costs nothing while there is no event.
    slow_starters: HashSet<usize>,
}

impl Prewarm {
    /// Before the first event, which most likely goes this way.
    pub(super) fn of(likely: Option<Route>) -> Self {
        Self { likely, ..Self::default() }
    }

    /// Takes what is left of the last event's sandbox apart.
    pub(super) fn clear(&mut self) {
        self.remains = None;
    }

    /// Notes where an event went, and whether its handler replied.
    pub(super) fn went(&mut self, route: Route, replied: bool) {
        if replied {
            self.slow_starters.remove(&route.handler);
        }
        self.likely = Some(route);
    }
}

impl Dispatcher {
    /// The idle sandbox for events that go this way, if there is one.
    pub(super) fn idle_sandbox(&self, route: &Route, prewarm: &mut Prewarm) -> Option<Sandbox> {
        let idle = self.idle_sandboxes.take(route);
        if idle.is_none() {
            // There is room for two for each loop, and the other one may be somebody else's.
            prewarm.clear();
        }
        idle
    }

    /// Makes an event's sandbox. Where there is no room for it, those that wait for other events give way, and it is tried
    /// once more.
    pub(super) async fn make(&self, loaded: &Loaded, route: &Route, guard: &Guard) -> Sandbox {
        let sandbox = self.sandboxes.make(loaded, route, guard).await;
        let Some(lack) = sandbox.out_of_room() else { return sandbox };
        let lack = format!("{lack:#}");
        drop(sandbox);
        let occupants = self.sandboxes.pool_usage.occupants();
        let given_up = self.idle_sandboxes.give_up().len();
        let handler = &route.policy.handler;
        let text = format!(
            "there is no room for a sandbox of the handler {handler} ({lack}); {given_up} that waited for an event were \
             given up, and it is tried again; who had sandboxes: {occupants}"
        );
        self.log.record(Level::Warn, &Scope::default(), &text);
        self.sandboxes.make(loaded, route, guard).await
    }

    /// Keeps what is left of an event's sandbox: for another event, or until there is time to take it apart.
    pub(super) fn leave(&self, remains: Remains, prewarm: &mut Prewarm) {
        let left = match remains {
            Remains::Warm(sandbox) => self.idle_sandboxes.put(sandbox).map(Remains::Warm),
            Remains::Spent(_) => Some(remains),
        };
        // Where loops share the processors, the sooner its place is free for the next sandbox, the warmer that place is.
        prewarm.remains = left.filter(|_| !self.idle_sandboxes.are_shared());
    }

    /// Takes the last sandbox apart, and makes the next one. It may be dropped at any time.
    pub(super) async fn prepare(&self, prewarm: &mut Prewarm) {
        // The request for the next event goes out first.
        tokio::task::yield_now().await;
        prewarm.clear();
        let Some(route) = &prewarm.likely else { return };
        if prewarm.slow_starters.contains(&route.handler) || !self.idle_sandboxes.want(route) {
            return;
        }
        let Ok(loaded) = self.catalog.get(route.handler) else { return };
        prewarm.slow_starters.insert(route.handler);
        let guard = self.watchdog.guard(Instant::now() + PREPARATION);
        let sandbox = self.sandboxes.make(loaded, route, &guard).await;
        if sandbox.is_ready() {
            prewarm.slow_starters.remove(&route.handler);
            drop(self.idle_sandboxes.put(sandbox));
        }
    }
}
