//! A sandbox: one instance of a component, made for one event and thrown away after it.
//!
//! Nothing that a guest does is an error of the host; it ends in an [`Outcome`]. The sandbox has nothing
//! but clocks, random bytes and a console: no environment, no files, no network.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::Lambda;
use crate::bindings::bulkhead::lambda::types;
use crate::component::Loaded;
use crate::config::FunctionSettings;
use crate::console::Console;
use crate::invocation::{Caller, Deadline, Invocation};
use crate::limits::MemoryLimiter;
use crate::log::Log;
use crate::outcome::Outcome;
use crate::policy::Limits;
use crate::trap::{self, Evidence};
use crate::watchdog::{Clock, Guard};

/// How long before Lambda's deadline a handler is stopped, so that the caller is still told why (C11.9).
const MARGIN: Duration = Duration::from_millis(100);

/// What the engine keeps for one sandbox.
pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    memory: MemoryLimiter,
    /// Looked at whenever the watchdog bumps the epoch.
    clock: Clock,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Everything that a component may import.
///
/// # Errors
/// When two definitions clash, which would be a bug.
pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// Makes sandboxes for one handler.
#[derive(Debug)]
pub struct Sandboxes {
    handler: Loaded,
    limits: Limits,
    function: FunctionSettings,
    log: Arc<Log>,
}

/// A sandbox that waits for its event.
pub struct Sandbox {
    store: Store<State>,
    console: Console,
    exports: Result<Lambda, Ended>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

/// How a guest ended without returning.
enum Ended {
    /// It trapped, exited, or could not even start.
    Itself(wasmtime::Error),
    /// It waited for something when its time was over.
    Waiting,
}

/// What is left of a sandbox. Taking it apart takes time, so it is kept until an answer is posted.
#[derive(Debug)]
pub struct Remains(#[expect(dead_code, reason = "held to be dropped")] Store<State>);

/// When an event's handler is stopped, and why then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The time that it has.
    pub time: Duration,
    /// Whether Lambda's deadline is what sets it.
    pub by_lambda: bool,
    /// From when on it counts.
    from: (Instant, SystemTime),
}

impl Allowance {
    /// The time that a handler with this limit has for an event with this deadline, from now on.
    pub fn new(limit: Duration, deadline: Deadline) -> Self {
        Self::at(limit, deadline, (Instant::now(), SystemTime::now()))
    }

    fn at(limit: Duration, deadline: Deadline, now: (Instant, SystemTime)) -> Self {
        let left = match deadline {
            Deadline::At(at) => at.duration_since(now.1).unwrap_or_default(),
            Deadline::Unknown { .. } => Duration::MAX,
        };
        // Where little is left, half of it is for the handler.
        let left = left - MARGIN.min(left / 2);
        Self { time: limit.min(left), by_lambda: left < limit, from: now }
    }

    /// When the time is over.
    pub fn ends(&self) -> Instant {
        self.from.0 + self.time
    }

    /// What became of a handler that needed longer.
    pub fn timed_out(&self) -> Outcome {
        Outcome::TimedOut { allowed: self.time, by_lambda: self.by_lambda }
    }

    fn ends_ms(&self) -> u64 {
        let ends = self.from.1 + self.time;
        let millis = ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        u64::try_from(millis).unwrap_or(u64::MAX)
    }
}

impl Sandboxes {
    /// Sandboxes of `handler`, each under `limits`.
    pub fn new(handler: Loaded, limits: Limits, function: FunctionSettings, log: Arc<Log>) -> Self {
        Self { handler, limits, function, log }
    }

    /// What each sandbox may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes a sandbox ahead of its event. One that cannot be made is not kept, but made again with the
    /// event, so that the event is told why.
    pub async fn prepare(&self, guard: &Guard) -> Option<Sandbox> {
        Some(self.make(guard).await).filter(|sandbox| sandbox.exports.is_ok())
    }

    /// Handles one event: in `spare`, if there is one, or in a sandbox made now.
    pub async fn run(
        &self,
        spare: Option<Sandbox>,
        (invocation, caller): (&Invocation, Caller),
        allowance: Allowance,
        guard: &Guard,
    ) -> (Outcome, Remains) {
        let Sandbox { mut store, console, exports } = match spare {
            Some(spare) => spare,
            None => self.make(guard).await,
        };
        console.begin(invocation.scope());
        let returned = match exports {
            Ok(exports) => {
                store.data_mut().clock = guard.clock();
                let context = self.context(invocation, caller, allowance);
                let handler = exports.bulkhead_lambda_handler();
                stopped_by(guard, handler.call_handle(&mut store, &invocation.event, &context)).await
            }
            Err(ended) => Err(ended),
        };
        console.finish();
        let outcome = match returned {
            Ok(Ok(response)) => self.reply(response),
            Ok(Err(failure)) => Outcome::Failed {
                error_type: failure.error_type,
                message: failure.error_message,
                stack_trace: failure.stack_trace,
            },
            Err(Ended::Waiting) => allowance.timed_out(),
            Err(Ended::Itself(error)) => {
                let memory = &store.data().memory;
                let evidence = Evidence {
                    panic: console.panic_text(),
                    out_of_memory: memory.refused().then_some(self.limits.memory),
                    allowance: Some(allowance),
                    response_limit: self.limits.response,
                };
                trap::outcome(&error, evidence)
            }
        };
        (outcome, Remains(store))
    }

    async fn make(&self, guard: &Guard) -> Sandbox {
        let console = Console::new(Arc::clone(&self.log), self.limits.logs);
        let mut table = ResourceTable::new();
        table.set_max_capacity(self.limits.handles);
        let state = State {
            wasi: WasiCtx::builder()
                .stdout(console.stdout())
                .stderr(console.stderr())
                .max_random_size(self.limits.random)
                // Off by default already; here so that it can be read.
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .build(),
            table,
            memory: MemoryLimiter::new(self.limits.memory),
            clock: guard.clock(),
        };
        let mut store = Store::new(self.handler.pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(self.limits.hostcall);
        store.set_max_component_handles(self.limits.handles);
        // Every bump of the epoch is an occasion to look at the clock, and to let others have a turn.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let over = context.data().clock.has_passed();
            Ok(if over { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
        });
        let exports = stopped_by(guard, self.handler.pre.instantiate_async(&mut store)).await;
        Sandbox { store, console, exports }
    }

    fn reply(&self, response: Vec<u8>) -> Outcome {
        let limit = self.limits.response;
        if response.len() > limit {
            return Outcome::ResponseTooLarge { size: Some(response.len()), limit };
        }
        Outcome::Replied(response)
    }

    fn context(&self, invocation: &Invocation, caller: Caller, allowance: Allowance) -> types::Context {
        let function = self.function.clone();
        types::Context {
            request_id: invocation.id.request_id.clone(),
            invoked_function_arn: caller.invoked_function_arn,
            deadline_ms: allowance.ends_ms(),
            tenant_id: invocation.tenant_id.clone(),
            trace: types::TraceContext {
                xray: caller.trace.xray,
                traceparent: caller.trace.traceparent,
                tracestate: caller.trace.tracestate,
                baggage: caller.trace.baggage,
            },
            client_context: caller.client_context,
            identity: caller.identity.map(|identity| types::CognitoIdentity {
                identity_id: identity.identity_id,
                identity_pool_id: identity.identity_pool_id,
            }),
            function: types::FunctionSettings {
                name: function.name,
                version: function.version,
                log_group: function.log_group,
                log_stream: function.log_stream,
                memory_mb: function.memory_mb,
            },
        }
    }
}

/// Runs a guest until it returns or its time is over. One that computes is stopped by its epoch callback,
/// one that waits is stopped here.
async fn stopped_by<T>(guard: &Guard, guest: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Ended> {
    tokio::select! {
        biased;
        returned = guest => returned.map_err(Ended::Itself),
        () = guard.passed() => Err(Ended::Waiting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(limit_ms: u64, left_ms: u64) -> Allowance {
        let now = (Instant::now(), UNIX_EPOCH + Duration::from_secs(1000));
        let deadline = Deadline::At(now.1 + Duration::from_millis(left_ms));
        Allowance::at(Duration::from_millis(limit_ms), deadline, now)
    }

    #[test]
    fn lambda_s_deadline_counts_less_a_margin() {
        assert_eq!(allowance(5000, 3000).time, Duration::from_millis(2900));
        assert!(allowance(5000, 3000).by_lambda);
        assert_eq!(allowance(5000, 3000).ends_ms(), 1_002_900);
    }

    #[test]
    fn the_handler_s_own_limit_counts_where_it_is_shorter() {
        assert_eq!(allowance(5000, 60_000).time, Duration::from_secs(5));
        assert!(!allowance(5000, 60_000).by_lambda);
    }

    #[test]
    fn of_a_short_time_half_is_the_handler_s() {
        assert_eq!(allowance(5000, 80).time, Duration::from_millis(40));
        assert_eq!(allowance(5000, 0).time, Duration::ZERO);
    }

    #[test]
    fn an_unknown_deadline_leaves_the_limit() {
        let unknown = Deadline::Unknown { reason: "absent" };
        assert_eq!(Allowance::new(Duration::from_secs(5), unknown).time, Duration::from_secs(5));
    }
}
