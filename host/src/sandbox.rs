//! A sandbox: one instance of a component, made for one event and discarded after it.
//!
//! It is kept for another event only if the handler's manifest says so (`reuse`): an event of the same
//! tenant, after a return without an error. Each event still has its own limits, except for memory, which
//! stays allocated.
//!
//! A guest cannot cause an error of the host; everything that it does leads to an [`Outcome`]. The sandbox's
//! [`Policy`] defines its limits and grants; [`crate::capabilities`] defines what can be granted at all.
//!
//! The room also owns what a sandbox needs and leaves: the loaded [`component`], the [`time_budget`], the reasons for a
//! [`trap`], and the [`outcome`]. An engine of scripts compiles files in a sandbox of its own ([`script_compiler`]).
//!
//! May use: text, log, http_event, script, policy, engine, runtime_api, capabilities, wasm.

mod clocks;
mod command;
pub mod component;
mod context;
mod engine;
mod guest;
mod http;
pub mod outcome;
pub mod script_compiler;
mod streams;
pub mod time_budget;
pub mod trap;
mod visit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Store;
use wasmtime::component::ResourceTable;

use crate::capabilities::console::Console;
use crate::capabilities::environment::Environment;
use crate::capabilities::files::{Files, FilesError, Granted};
use crate::capabilities::key_value::{KeyValue, Stores};
use crate::capabilities::limits::Limiter;
use crate::capabilities::outbound::{self, Clients, Outbound, Sender};
use crate::capabilities::random::Random;
use crate::capabilities::response_stream::Response;
use crate::capabilities::script_http::ScriptHttp;
use crate::capabilities::{Serving, State};
use crate::engine::meter::Meter;
use crate::engine::pool_usage::{self, PoolUsage};
use crate::engine::watchdog::Guard;
use crate::log::Log;
use crate::policy::{Owner, Policy, Route};
use crate::script::Script;
use crate::wasm::Kind;
use clocks::{Ended, look_at_clocks, stopped_by};
use command::Pipes;
use component::Loaded;
pub use context::FunctionSettings;
use guest::{Call, Guest};
pub use http::ServiceError;
use outcome::Outcome;
use streams::streams;
use trap::Evidence;
pub use visit::{Run, Timing, Usage, Visit};

/// Makes sandboxes.
#[derive(Debug)]
pub struct Sandboxes {
    /// The data about the function that guests get.
    pub function: FunctionSettings,
    /// The log for their lines.
    pub log: Arc<Log>,
    /// The directories that they may read.
    pub directories: Granted,
    /// Sends their requests.
    pub clients: Arc<Clients>,
    /// The key-value stores.
    pub stores: Arc<Stores>,
    /// The existing sandboxes.
    pub pool_usage: Arc<PoolUsage>,
}

/// A sandbox that waits for its event.
pub struct Sandbox {
    handler: usize,
    policy: Arc<Policy>,
    /// The number of events that it has had.
    events: u32,
    /// The tenant of these events.
    tenant_id: Option<Arc<str>>,
    /// The generation of the tenant's record, if it is one of the store.
    generation: Option<u64>,
    /// The owner of the limits that the event shares.
    owner: Owner,
    store: Store<State>,
    console: Console,
    meter: Meter,
    /// For a command.
    pipes: Option<Pipes>,
    guest: Result<Guest, Ended>,
    setup: Duration,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A sandbox without a guest.
#[derive(Debug)]
pub struct EmptySandbox {
    store: Store<State>,
    console: Console,
    meter: Meter,
    pipes: Option<Pipes>,
    /// Why the directories that its policy grants are missing.
    refused: Option<FilesError>,
}

/// The rest of a sandbox.
#[derive(Debug)]
pub enum Remains {
    /// It may have another event of the same tenant.
    Warm(Sandbox),
    /// It cannot be used again. Destroying it takes time, so it is kept until an answer is posted.
    Spent(Store<State>),
}

impl Sandbox {
    /// Whether it was made for events with this route: under its policy, and with its script. After its first event it
    /// belongs to that tenant alone.
    pub fn fits(&self, route: &Route) -> bool {
        self.handler == route.handler
            && Arc::ptr_eq(&self.policy, &route.policy)
            && self.script().map(|script| &script.place) == route.script.as_ref()
            && (self.is_fresh()
                || (self.tenant_id == route.tenant_id && self.generation == route.generation()))
    }

    fn script(&self) -> Option<&Arc<Script>> {
        self.store.data().script.as_ref()
    }

    /// Whether it runs this copy of a script. One that had to leave the memory is read again.
    pub fn runs(&self, script: Option<&Arc<Script>>) -> bool {
        self.script().map(Arc::as_ptr) == script.map(Arc::as_ptr)
    }

    /// The handler that it was made for.
    pub fn handler(&self) -> usize {
        self.handler
    }

    /// Whether it has not had an event yet.
    pub fn is_fresh(&self) -> bool {
        self.events == 0
    }

    /// Assigns it to an event. If it had one before, its limits are reset, except for memory and files, which
    /// still exist.
    fn begin(&mut self, visit: &mut Visit<'_>, timing: Timing<'_>) {
        let Timing { guard, meter, .. } = timing;
        let (invocation, channel) = (visit.invocation, visit.channel.take());
        self.owner = visit.route.owner();
        let spent = self.spent();
        let limits = &self.policy.limits;
        let scope = invocation.scope();
        let state = self.store.data_mut();
        state.clock = guard.clock();
        // The time to make it counts too, for its first event. One that was made for this event has counted it already.
        if !self.meter.is(meter) {
            let left = limits.cpu_time.saturating_sub(spent);
            meter.allow(left);
            state.clock.look_after(left);
            self.meter = meter.clone();
            state.meter = meter.clone();
        }
        if self.events > 0 {
            state.random = Random::new(limits.random);
            state.limiter.begin();
            self.console.renew(limits.logs);
        }
        if let Some(slot) = &state.pool_slot {
            slot.begin(&invocation.tenant_id);
        }
        let (owner, meter) = (self.owner.clone(), self.meter.clone());
        let sender = Sender { scope: scope.clone(), owner, meter };
        state.key_value.begin(sender.clone());
        state.outbound.begin(sender);
        let streams = self.guest.as_ref().is_ok_and(|guest| guest.streams(&self.policy));
        state.response.begin(channel.filter(|_| streams), limits.streamed_response);
        self.store.set_hostcall_fuel(limits.hostcall);
        self.store.set_epoch_deadline(1);
        self.console.begin(scope);
        self.events += 1;
        self.tenant_id.clone_from(&invocation.tenant_id);
        self.generation = visit.route.generation();
    }

    /// The rest after an event: the sandbox itself, if that ended without an error and the handler allows
    /// another event.
    fn remains(self, is_clean: bool) -> Remains {
        let can_go_on = self.guest.as_ref().is_ok_and(Guest::can_go_on);
        if is_clean && can_go_on && self.events < self.policy.events.get() {
            Remains::Warm(self)
        } else {
            Remains::Spent(self.store)
        }
    }

    /// Whether its guest can be called. If not, the event gets the reason.
    pub fn is_ready(&self) -> bool {
        self.guest.is_ok()
    }

    /// The reason why the host had no room for it, if its guest is missing because of that.
    pub fn out_of_room(&self) -> Option<&wasmtime::Error> {
        match &self.guest {
            Err(Ended::Itself(error)) if pool_usage::is_out_of_room(error) => Some(error),
            Ok(_) | Err(_) => None,
        }
    }

    /// The processor time for making it, if that was for its next event.
    pub fn spent(&self) -> Duration {
        if self.is_fresh() { self.meter.spent() } else { Duration::ZERO }
    }
}

impl Sandboxes {
    /// Makes a sandbox, which may run the component's own start functions. The meter is that of the event that it is made
    /// for, or its own if no event waits for it.
    pub async fn make(&self, loaded: &Loaded, route: &Route, guard: &Guard, meter: Meter) -> Sandbox {
        let started = Instant::now();
        let limit = route.policy.limits.cpu_time;
        meter.allow(limit);
        // If a guest has less processor time left than a time slice takes, the epoch has to move earlier.
        guard.clock().look_after(limit);
        let EmptySandbox { mut store, console, meter, pipes, refused } =
            self.empty(loaded, route, guard, meter);
        let guest = match refused {
            Some(error) => Err(Ended::Itself(error.into())),
            None => meter.run(stopped_by(guard, &meter, Guest::make(&loaded.entry, &mut store))).await,
        };
        Sandbox {
            handler: route.handler,
            policy: Arc::clone(&route.policy),
            events: 0,
            tenant_id: None,
            generation: None,
            owner: route.owner(),
            store,
            console,
            meter,
            pipes,
            guest,
            setup: started.elapsed(),
        }
    }

    /// The state of a sandbox without its guest: the first step of [`Self::make`].
    pub fn empty(&self, loaded: &Loaded, route: &Route, guard: &Guard, meter: Meter) -> EmptySandbox {
        let policy = &route.policy;
        let mut console = Console::new(Arc::clone(&self.log), policy.limits.logs);
        let mut environment = Environment::granted(policy);
        let mut pipes = None;
        if loaded.kind() == Kind::Command {
            console = console.with_tail();
            environment = environment.called(&policy.handler);
            pipes = Some(Pipes::new(policy.limits.response));
        }
        let mut wasi = streams(&console, pipes.as_ref());
        let refused = self.directories.grant(&policy.grants, &mut wasi).err();
        let mut table = ResourceTable::new();
        table.set_max_capacity(policy.limits.handles);
        let state = State {
            wasi,
            environment,
            table,
            files: Files::new(policy.grants.tmp),
            random: Random::new(policy.limits.random),
            http: outbound::context(),
            serving: Serving::default(),
            outbound: Outbound::new(Arc::clone(&self.clients), Arc::clone(policy)),
            key_value: KeyValue::new(Arc::clone(&self.stores), Arc::clone(policy)),
            response: Response::default(),
            script: loaded.script.clone(),
            script_http: ScriptHttp::default(),
            wanted_socket: false,
            limiter: Limiter::new(&policy.limits),
            pool_slot: Some(self.pool_usage.occupy(policy, loaded.footprint)),
            clock: guard.clock(),
            meter: meter.clone(),
            out_of_cpu_time: false,
        };
        let mut store = Store::new(loaded.entry.pre().engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(policy.limits.hostcall);
        store.set_max_component_handles(policy.limits.handles);
        // At every move of the epoch the guest checks its clocks, and lets others have a turn.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(look_at_clocks);
        EmptySandbox { store, console, meter, pipes, refused }
    }

    /// Handles one event, on its meter.
    pub async fn run(&self, mut sandbox: Sandbox, mut visit: Visit<'_>, timing: Timing<'_>) -> Run {
        let started = Instant::now();
        sandbox.begin(&mut visit, timing);
        let (Visit { invocation, caller, .. }, Timing { budget, guard, meter }) = (visit, timing);
        let Sandbox { policy, store, console, guest, pipes, .. } = &mut sandbox;
        let returned = match guest {
            Ok(guest) => {
                let context = context::of(&self.function, invocation, caller, budget);
                let event = &invocation.event;
                let call = Call { event, context, policy, console, pipes: pipes.as_ref() };
                meter.run(stopped_by(guard, meter, guest.call(&mut *store, call))).await
            }
            // Reported once: the sandbox does not get another event.
            Err(ended) => Err(std::mem::replace(ended, Ended::Waiting)),
        };
        console.finish();
        // Operations in flight would continue without an event to charge them to.
        store.data_mut().outbound.end();
        store.data_mut().key_value.end();
        for (level, text) in store.data_mut().take_denials().records() {
            if self.log.writes(level) {
                self.log.record(level, &invocation.scope(), &text(&policy.table));
            }
        }
        let streamed = store.data_mut().response.end();
        let outcome = match returned {
            Ok(outcome) => outcome,
            Err(Ended::Waiting) => budget.timed_out(),
            Err(Ended::OutOfCpuTime) => Outcome::CpuLimitExceeded { limit: policy.limits.cpu_time },
            Err(Ended::Itself(error)) if pool_usage::is_out_of_room(&error) => {
                Outcome::SandboxUnavailable { message: error.root_cause().to_string() }
            }
            Err(Ended::Itself(error)) if error.is::<FilesError>() => {
                Outcome::DirectoryUnavailable { message: error.to_string() }
            }
            Err(Ended::Itself(error)) => trap::outcome(
                &error,
                Evidence {
                    panic: console.panic_text(),
                    refused: store.data().limiter.refused(),
                    out_of_cpu_time: store.data().out_of_cpu_time,
                    budget,
                    limits: &policy.limits,
                },
            ),
        };
        console.end(matches!(outcome, Outcome::Panicked { .. }));
        let outcome = outcome.without(store.data().outbound.missing_credential());
        let usage = Usage {
            setup: std::mem::take(&mut sandbox.setup),
            wall: started.elapsed(),
            streamed,
            ..self.used(&sandbox, invocation)
        };
        let usage = Usage { limit: outcome.limit().or(usage.limit), ..usage };
        let returned = matches!(outcome, Outcome::Replied(_) | Outcome::Failed { .. });
        let is_clean = returned && usage.limit.is_none();
        Run { outcome, usage, remains: sandbox.remains(is_clean) }
    }
}

#[cfg(all(test, feature = "compiler"))]
mod tests;
