//! Looks up where an event goes and which component runs it: in `bulkhead.toml` and, if there is one, in the store.

use std::sync::Arc;

use super::rejection::Rejection;
use super::router::{RouteError, Routed};
use super::scripts::Compiler;
use super::stored::{LONGEST, StoredTenants, Waiting};
use super::{Dispatcher, LoopState};
use crate::engine::meter::Meter;
use crate::policy::Route;
use crate::runtime_api::invocation::Invocation;
use crate::sandbox::component::Loaded;
use crate::sandbox::time_budget::TimeBudget;
use crate::text::bounded;

/// The part of an error about a component that is reported. The error can contain names of the component's.
const MAX_REASON: usize = 4 * 1024;

impl LoopState {
    /// Remembers that the process was asked to stop while an event was in flight.
    fn notice_stop(&mut self) {
        self.stopping |= self.stop.is_requested();
    }
}

impl Dispatcher {
    /// The route of an event.
    pub(super) async fn routed(
        &self,
        invocation: &Invocation,
        state: &mut LoopState,
        meter: &Meter,
    ) -> Result<Routed, RouteError> {
        let Some(stored) = &self.stored else { return self.router.route(invocation) };
        let budget = TimeBudget::new(LONGEST, invocation.deadline, 1);
        let waiting = Waiting::new(budget.ends(), meter, &mut state.stop);
        // Boxed, since most functions have no store.
        let routed = Box::pin(self.routed_with(stored, invocation, waiting)).await;
        state.notice_stop();
        routed
    }

    /// The route of an event, which waits for the tenants that are not known here.
    async fn routed_with(
        &self,
        stored: &Arc<StoredTenants>,
        invocation: &Invocation,
        mut waiting: Waiting<'_>,
    ) -> Result<Routed, RouteError> {
        let named = self.router.named(invocation);
        let answers = stored.find_all(self.router.strangers(&named), &mut waiting).await;
        self.router.resolve(named, Some(&answers))
    }

    /// The component of a route with its script, loaded now if they were not yet.
    pub(super) async fn loaded_for(
        &self,
        route: &Route,
        budget: TimeBudget,
        state: &mut LoopState,
        meter: &Meter,
    ) -> Result<Loaded, Rejection> {
        let loaded = match &self.stored {
            Some(stored) if stored.has(route.handler) => {
                let waiting = Waiting::new(budget.ends(), meter, &mut state.stop);
                let loaded = Box::pin(stored.component(route.handler, waiting)).await;
                state.notice_stop();
                loaded.map_err(|absence| Rejection::of_stored(absence, route.tenant_id.as_ref()))
            }
            Some(_) | None => self
                .catalog
                .get(route.handler)
                .cloned()
                .map_err(|error| Rejection::HandlerInvalid { message: bounded::text(error, MAX_REASON) }),
        };
        let Some(place) = &route.script else { return loaded };
        let loaded = loaded?;
        let waiting = Waiting::new(budget.ends(), meter, &mut state.stop);
        let compiler = |waiting: &Waiting<'_>| {
            Compiler::of(&loaded, &route.policy, &self.sandboxes, &self.watchdog, waiting.until)
        };
        // The compiler of a script needs a place among the sandboxes.
        if self.scripts.kept(place).is_none() {
            state.prewarm.clear();
        }
        // Boxed, since most handlers are components.
        let script = Box::pin(self.scripts.get(place, &compiler, waiting)).await;
        state.notice_stop();
        match script {
            Ok(script) => Ok(loaded.with_script(script)),
            Err(error) => Err(Rejection::of_script(error, route)),
        }
    }

    /// The component of a route with its script, if they are in memory.
    pub(super) fn loaded(&self, route: &Route) -> Option<Loaded> {
        let loaded = match &self.stored {
            Some(stored) if stored.has(route.handler) => stored.loaded(route.handler),
            Some(_) | None => self.catalog.get(route.handler).ok().cloned(),
        }?;
        match &route.script {
            Some(place) => Some(loaded.with_script(self.scripts.kept(place)?)),
            None => Some(loaded),
        }
    }

    /// Whether the tenant of an event is one of the manifest or of the store. A caller may use any other id.
    pub(super) fn knows(&self, tenant_id: &str, route: Option<&Route>) -> bool {
        route.is_some_and(|route| route.is_known) || self.router.knows(tenant_id)
    }
}
