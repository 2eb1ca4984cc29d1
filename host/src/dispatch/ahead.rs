//! What is done between events, so that no event waits for it: the last sandbox is taken apart, and the next one
//! made, for whoever had the last event.
//!
//! The guess is right where one tenant has many events in a row, and costs nobody time where it is wrong.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::catalog::Catalog;
use crate::router::Route;
use crate::sandbox::{Remains, Sandbox, Sandboxes};
use crate::watchdog::Watchdog;

/// The longest that a sandbox may take to be made ahead of its event. The next event may be another tenant's, and
/// would have to wait for this one's start functions.
const PREPARATION: Duration = Duration::from_millis(20);

/// What one event leaves to the next one of the same loop.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    remains: Option<Remains>,
    spare: Option<Sandbox>,
    /// Where the last event went, and the next one may go too.
    likely: Option<Route>,
    /// The handlers for which the last attempt to make a sandbox ahead of its event came to nothing. The next
    /// one waits for a reply of theirs, so that one that cannot even start costs nothing while there is no event.
    slow_starters: HashSet<usize>,
}

impl Ahead {
    /// Before the first event, which most likely goes this way.
    pub(super) fn of(likely: Option<Route>) -> Self {
        Self { likely, ..Self::default() }
    }

    /// The sandbox that was made for the like of this event, if there is one.
    pub(super) fn take(&mut self, route: &Route) -> Option<Sandbox> {
        let spare = self.spare.take_if(|spare| spare.fits(route));
        if spare.is_none() {
            // There is room for two at a time, and the spare may be somebody else's.
            self.remains = None;
        }
        spare
    }

    /// Keeps what is left of an event's sandbox: for the next event, or until there is time to take it apart.
    pub(super) fn leave(&mut self, remains: Remains) {
        match remains {
            // The spare was somebody else's, then.
            Remains::Warm(sandbox) => self.remains = self.spare.replace(sandbox).map(Remains::Warm),
            Remains::Spent(_) => self.remains = Some(remains),
        }
    }

    /// Notes where an event went, and whether its handler replied.
    pub(super) fn went(&mut self, route: Route, replied: bool) {
        if replied {
            self.slow_starters.remove(&route.handler);
        }
        self.likely = Some(route);
    }

    /// Takes the last sandbox apart, and makes the next one. It may be dropped at any time.
    pub(super) async fn prepare(&mut self, catalog: &Catalog, sandboxes: &Sandboxes, watchdog: &Watchdog) {
        // The request for the next event goes out first.
        tokio::task::yield_now().await;
        self.remains = None;
        let Some(route) = &self.likely else { return };
        let is_there = self.spare.as_ref().is_some_and(|spare| spare.fits(route));
        if is_there || self.slow_starters.contains(&route.handler) {
            return;
        }
        self.spare = None;
        let Ok(loaded) = catalog.get(route.handler) else { return };
        self.slow_starters.insert(route.handler);
        let guard = watchdog.guard(Instant::now() + PREPARATION);
        let sandbox = sandboxes.make(loaded, route, &guard).await;
        if sandbox.is_ready() {
            self.slow_starters.remove(&route.handler);
            self.spare = Some(sandbox);
        }
    }
}
