//! Looks up where an event goes and which component runs it: in `bulkhead.toml` and, if there is one, in the store.

use std::pin::pin;
use std::sync::Arc;

use super::catch_panic::catch_panic;
use super::rejection::Rejection;
use super::router::{RouteError, Routed};
use super::scripts::{Attempt, Compiler};
use super::stored::{LONGEST, StoredTenants, Waiting};
use super::{Dispatcher, LoopState};
use crate::engine::meter::Meter;
use crate::log::{Level, Scope};
use crate::policy::Route;
use crate::runtime_api::invocation::Invocation;
use crate::sandbox::component::Loaded;
use crate::sandbox::time_budget::TimeBudget;
use crate::script::Script;
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
        let script = match self.scripts.kept(place) {
            Some(script) => script,
            None => {
                let waiting = Waiting::new(budget.ends(), meter, &mut state.stop);
                // Boxed, since most handlers are components, and most scripts are in memory.
                let script = Box::pin(self.scripts.get(place, &loaded.digest, waiting)).await;
                state.notice_stop();
                script.map_err(|error| Rejection::of_script(error, route))?
            }
        };
        let script = match self.scripts.attempt(&script, &route.policy.limits, budget.ends()) {
            Some(attempt) => {
                let (sandboxes, watchdog) = (&self.sandboxes, &self.watchdog);
                let compiler = Compiler { loaded: &loaded, route, sandboxes, watchdog };
                Box::pin(self.compiled(attempt, compiler, state)).await?
            }
            None => script,
        };
        Ok(loaded.with_script(script))
    }

    /// The script of an event that is to compile it.
    async fn compiled(
        &self,
        attempt: Attempt,
        compiler: Compiler<'_>,
        state: &mut LoopState,
    ) -> Result<Arc<Script>, Rejection> {
        // The compiler needs a place among the sandboxes.
        state.prewarm.clear();
        let script = attempt.script();
        let run = pin!(catch_panic(attempt.run(compiler)));
        let ended = tokio::select! {
            biased;
            ended = run => ended,
            // There is only time for the event itself.
            () = state.stop.requested() => Ok((script, None)),
        };
        state.notice_stop();
        let (script, told) = ended.map_err(|message| {
            state.host_panicked = true;
            Rejection::HostPanic { message }
        })?;
        if let Some(text) = told {
            // It is about all events of the script.
            let scope = Scope { request_id: None, tenant_id: compiler.route.tenant_id.clone() };
            self.log.record(Level::Warn, &scope, &text);
        }
        Ok(script)
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
