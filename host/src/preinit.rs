//! Runs what a component does before any event: its init function, once, when the component is compiled; and, if it is an engine,
//! its [compiler of scripts](script_compiler). It also [runs scripts](script_runner) that no function has, such as tests.
//!
//! The init runs in a sandbox without grants, which denies everything that would be equal in every later sandbox
//! ([`refused`]). The memory that it leaves is read here; the command makes a component from it.
//!
//! May use: text, log, script, policy, engine, runtime_api, capabilities, wasm, sandbox.

mod error;
mod exports;
mod printed;
mod read;
mod refused;
mod sandboxes;
mod script_compiler;
mod script_runner;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{Component, Instance, ResourceTable};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::WasiCtx;

pub use error::PreinitError;
use error::{Ended, Evidence};
pub use exports::INITIALIZER;
use printed::Printed;
pub use read::Value;
pub use refused::Refused;
pub use sandboxes::NoSandboxes;
pub use script_compiler::{ScriptCompiler, ScriptCompilerError, SyntaxError};
pub use script_runner::{Ran, ScriptRunner, ScriptRunnerError};

use crate::capabilities::environment::Environment;
use crate::capabilities::files::Files;
use crate::capabilities::key_value::{KeyValue, Stores};
use crate::capabilities::limits::Limiter;
use crate::capabilities::outbound::{self, Clients, Outbound, OutboundError};
use crate::capabilities::random::Random;
use crate::capabilities::response_stream::Response;
use crate::capabilities::script_http::ScriptHttp;
use crate::capabilities::{self, Serving, State};
use crate::engine;
use crate::engine::bindings::bulkhead::lambda::types::Failure;
use crate::engine::meter::Meter;
use crate::engine::watchdog::{Guard, TimeSlice, Watchdog};
use crate::log::{Format, Level, Log, LogSettings};
use crate::policy::Policy;

/// The settings of an init function.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Its time limit.
    pub time: Duration,
    /// Whether it gets random bytes, although they are then equal in every sandbox.
    pub random: bool,
    /// Whether it gets the time, although it is then equal in every sandbox.
    pub clock: bool,
}

/// Runs the init function of one component.
#[derive(Debug)]
pub struct InitRunner {
    rules: Rules,
    printed: Printed,
}

/// Rejects a component without an init function.
///
/// # Errors
/// If it has none, or one of another version.
pub fn check_has_init(wasm: &[u8]) -> Result<(), PreinitError> {
    exports::check(wasm)
}

impl InitRunner {
    /// For one component.
    pub fn new(rules: Rules) -> Self {
        Self { rules, printed: Printed::default() }
    }

    /// The lines that the init has printed so far, safe for a terminal.
    pub fn printed(&self) -> Vec<String> {
        self.printed.lines()
    }

    /// Runs the init of `wasm`, then reads the memory that it left: the results of the functions of the
    /// exported instance `access`.
    ///
    /// # Errors
    /// If the init does not return, fails, was denied something, or left state that cannot be kept.
    pub async fn run(&self, wasm: &[u8], access: &str) -> Result<BTreeMap<String, Value>, PreinitError> {
        let (engine, _) = engine::start(1)?;
        let component = Component::from_binary(&engine, wasm).map_err(PreinitError::Invalid)?;
        let watchdog = Watchdog::start(&engine, TimeSlice::ALONE).map_err(PreinitError::Thread)?;
        let guard = watchdog.guard(Instant::now() + self.rules.time);
        let mut linker = capabilities::linker(&engine).map_err(PreinitError::Linker)?;
        let looked = refused::replace(&mut linker, self.rules).map_err(PreinitError::Linker)?;
        let mut store = Store::new(&engine, state(&self.printed, &guard, clients()?));
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let passed = context.data().clock.has_passed();
            Ok(if passed { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
        });
        let init = async {
            let instance = linker.instantiate_async(&mut store, &component).await?;
            initialize(&mut store, instance).await.map(|returned| (instance, returned))
        };
        let ended = tokio::select! {
            biased;
            ended = init => ended.map_err(Ended::Itself),
            () = guard.passed() => Err(Ended::Waiting),
        };
        let evidence = Evidence {
            panic: self.printed.panic_text(),
            refused: store.data().limiter.refused(),
            time: self.rules.time,
        };
        let (instance, returned) = ended.map_err(|ended| error::ended(ended, evidence))?;
        returned.map_err(error::failed)?;
        if looked.at_environment() {
            return Err(PreinitError::Environment);
        }
        if !store.data().table.is_empty() {
            let printed = !self.printed.lines().is_empty();
            return Err(if printed { PreinitError::Printed } else { PreinitError::Resources });
        }
        read::values(&mut store, &component, instance, access).await
    }
}

/// A log without records: the guest's output does not become any.
fn quiet() -> Arc<Log> {
    let quiet = LogSettings { format: Format::Text, level: Level::Fatal, telemetry_fd: None, batches: false };
    Arc::new(Log::new(&quiet))
}

/// Clients for a sandbox that sends nothing.
fn clients() -> Result<Arc<Clients>, OutboundError> {
    // Nothing is sent to this address; it only has to be valid.
    Clients::new(quiet(), "127.0.0.1:9001", &[])
}

/// The state of a sandbox without grants.
fn state(printed: &Printed, guard: &Guard, clients: Arc<Clients>) -> State {
    let policy = Arc::new(Policy::default_for("init"));
    let mut wasi = WasiCtx::builder();
    // Our stdout stays unused.
    wasi.stdout(printed.stream()).stderr(printed.stream());
    let stores = Arc::new(Stores::none(quiet()));
    State {
        wasi: wasi.build(),
        environment: Environment::default(),
        table: ResourceTable::new(),
        files: Files::new(0),
        random: Random::new(policy.limits.random),
        http: outbound::context(),
        serving: Serving::default(),
        limiter: Limiter::new(&policy.limits),
        pool_slot: None,
        key_value: KeyValue::new(stores, Arc::clone(&policy)),
        outbound: Outbound::new(clients, policy),
        response: Response::default(),
        script: None,
        script_http: ScriptHttp::default(),
        wanted_socket: false,
        clock: guard.clock(),
        meter: Meter::new(Duration::MAX),
        out_of_cpu_time: false,
    }
}

async fn initialize(store: &mut Store<State>, instance: Instance) -> wasmtime::Result<Result<(), Failure>> {
    let interface = instance.get_export_index(&mut *store, None, INITIALIZER);
    let function = interface
        .and_then(|interface| instance.get_export_index(&mut *store, Some(&interface), "initialize"))
        .ok_or_else(|| wasmtime::format_err!("{INITIALIZER} has no `initialize`"))?;
    let initialize = instance.get_typed_func::<(), (Result<(), Failure>,)>(&mut *store, function)?;
    Ok(initialize.call_async(&mut *store, ()).await?.0)
}
