//! What is done once, ahead of all events: a component's init function, run where the component is compiled.
//!
//! It runs in a sandbox with no grants, and in which what would be the same in every sandbox later is [`refused`].
//! What it leaves in memory is read here; making a component of that is the command's business.
//!
//! May use: text, log, policy, engine, runtime_api, capabilities, wasm, sandbox.

mod error;
mod exports;
mod printed;
mod read;
mod refused;

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

use crate::capabilities::environment::Environment;
use crate::capabilities::files::Files;
use crate::capabilities::limits::Limiter;
use crate::capabilities::outbound::{self, Clients, Outbound};
use crate::capabilities::random::Random;
use crate::capabilities::response_stream::Response;
use crate::capabilities::{self, Serving, State};
use crate::engine;
use crate::engine::bindings::bulkhead::lambda::types::Failure;
use crate::engine::meter::Meter;
use crate::engine::watchdog::{Guard, TimeSlice, Watchdog};
use crate::log::{Format, Level, Log, LogSettings};
use crate::policy::Policy;

/// What an init may use.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long it may take.
    pub time: Duration,
    /// Whether it may have random bytes, although they are the same in every sandbox then.
    pub random: bool,
    /// Whether it may know the time, although it is the same in every sandbox then.
    pub clock: bool,
}

/// Runs one component's init.
#[derive(Debug)]
pub struct InitRunner {
    rules: Rules,
    printed: Printed,
}

/// Refuses a component that has no init to run.
///
/// # Errors
/// When it exports none, or that of another version.
pub fn check_has_init(wasm: &[u8]) -> Result<(), PreinitError> {
    exports::check(wasm)
}

impl InitRunner {
    /// For one component.
    pub fn new(rules: Rules) -> Self {
        Self { rules, printed: Printed::default() }
    }

    /// What the init has printed so far, line by line, with nothing in it that speaks to a terminal.
    pub fn printed(&self) -> Vec<String> {
        self.printed.lines()
    }

    /// Runs the init of `wasm`, then reads what it left: what each function of the exported instance `access` returns.
    ///
    /// # Errors
    /// When the init does not return, fails, was refused something, or left what cannot be kept.
    pub async fn run(&self, wasm: &[u8], access: &str) -> Result<BTreeMap<String, Value>, PreinitError> {
        let (engine, _) = engine::start(1)?;
        let component = Component::from_binary(&engine, wasm).map_err(PreinitError::Invalid)?;
        let watchdog = Watchdog::start(&engine, TimeSlice::ALONE).map_err(PreinitError::Thread)?;
        let guard = watchdog.guard(Instant::now() + self.rules.time);
        let mut linker = capabilities::linker(&engine).map_err(PreinitError::Linker)?;
        let looked = refused::replace(&mut linker, self.rules).map_err(PreinitError::Linker)?;
        let mut store = Store::new(&engine, self.state(&guard)?);
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

    fn state(&self, guard: &Guard) -> Result<State, PreinitError> {
        let policy = Arc::new(Policy::default_for("init"));
        let mut wasi = WasiCtx::builder();
        wasi.stdout(self.printed.stream()).stderr(self.printed.stream());
        // Nothing is to go to our stdout; what the guest prints is no record.
        let quiet = LogSettings { format: Format::Text, level: Level::Fatal, telemetry_fd: None };
        // Nothing is sent; the address only has to be one.
        let clients = Clients::new(Arc::new(Log::new(&quiet)), "127.0.0.1:9001", &[])?;
        Ok(State {
            wasi: wasi.build(),
            environment: Environment::default(),
            table: ResourceTable::new(),
            files: Files::new(0),
            random: Random::new(policy.limits.random),
            http: outbound::context(),
            serving: Serving::default(),
            limiter: Limiter::new(&policy.limits),
            pool_slot: None,
            outbound: Outbound::new(clients, policy),
            response: Response::default(),
            wanted_socket: false,
            clock: guard.clock(),
            meter: Meter::new(Duration::MAX),
            out_of_cpu_time: false,
        })
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
