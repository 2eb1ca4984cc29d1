//! Has an engine of scripts compile the files of one script. Nothing of a file runs.
//!
//! A script may be hostile. It is compiled in a sandbox of its own, without grants, that ends with it: its mistakes and what it
//! makes of the engine concern nobody else. The sandbox is used on the thread that made it, without turns for others, so that is
//! not a thread that handles events.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasmtime::component::{ComponentType, Lift, ResourceTable, TypedFunc};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::WasiCtx;

use super::component::Loaded;
use super::guest::instantiate;
use super::trap;
use crate::capabilities::environment::Environment;
use crate::capabilities::files::Files;
use crate::capabilities::key_value::{KeyValue, Stores};
use crate::capabilities::limits::Limiter;
use crate::capabilities::outbound::{self, Clients, Outbound};
use crate::capabilities::random::Random;
use crate::capabilities::response_stream::Response;
use crate::capabilities::script_http::ScriptHttp;
use crate::capabilities::{Serving, State};
use crate::engine::meter::{self, Meter};
use crate::engine::watchdog::Guard;
use crate::policy::{Limits, Policy};
use crate::script::Script;

/// The export of an engine.
const COMPILER: &str = "bulkhead:lambda/script-compiler@0.1.0";

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// What an engine makes of a file: its bytecode, or a mistake.
type Compiled = Result<Vec<u8>, SyntaxError>;

/// The path and the content of a file.
type File = (Box<str>, Arc<[u8]>);

/// A file that could not be compiled, although that is not known to be its fault. The sandbox cannot be used any more.
#[derive(Debug)]
pub enum NotCompiled {
    /// It took too long.
    TimedOut,
    /// The engine trapped, with this text.
    Ended(String),
}

/// What a sandbox of a compiler is made with.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Of the process. Nothing is sent.
    pub clients: Arc<Clients>,
    /// Of the process. None is granted.
    pub stores: Arc<Stores>,
    /// The limits of the sandbox. `hostcall` bounds the bytecode of one file.
    pub limits: Limits,
    /// Its processor time.
    pub time: Duration,
}

/// A sandbox of an engine that compiles the files of one script.
pub struct ScriptCompiler {
    store: Store<State>,
    compile: TypedFunc<File, (Compiled,)>,
}

impl std::fmt::Debug for ScriptCompiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptCompiler").finish_non_exhaustive()
    }
}

impl ScriptCompiler {
    /// Whether a component has a compiler.
    pub fn is_in(loaded: &Loaded) -> bool {
        loaded.entry.pre().component().get_export_index(None, COMPILER).is_some()
    }

    /// A sandbox for this script, until the guard has passed. The engine may read the script.
    ///
    /// # Errors
    /// If there is no room for it, or the engine does not start.
    pub fn start(
        loaded: &Loaded,
        script: &Arc<Script>,
        parts: Parts,
        guard: &Guard,
    ) -> Result<Self, NotCompiled> {
        let pre = loaded.entry.pre();
        let (limits, time) = (parts.limits.clone(), parts.time);
        let mut store = Store::new(pre.engine(), state(parts, script, guard));
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.hostcall);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| Ok(look_at_clocks(context.data())));
        guard.clock().look_after(time);
        let compile = ready(&mut store, |store| {
            Box::pin(async move {
                let instance = instantiate(pre, store).await?;
                let interface = instance.get_export_index(&mut *store, None, COMPILER);
                let function = interface
                    .and_then(|interface| instance.get_export_index(&mut *store, Some(&interface), "compile"))
                    .ok_or_else(|| wasmtime::format_err!("{COMPILER} has no `compile`"))?;
                instance.get_typed_func(&mut *store, function)
            })
        })?;
        Ok(Self { store, compile })
    }

    /// Compiles a file.
    ///
    /// # Errors
    /// If the engine does not return.
    pub fn compile(&mut self, path: &str, content: &Arc<[u8]>) -> Result<Compiled, NotCompiled> {
        let (compile, arguments) = (self.compile, (path.into(), Arc::clone(content)));
        ready(&mut self.store, |store| {
            Box::pin(async move { Ok(compile.call_async(store, arguments).await?.0) })
        })
    }
}

/// Called whenever the epoch moves. Nothing else runs on this thread.
fn look_at_clocks(State { clock, meter, .. }: &State) -> UpdateDeadline {
    match meter.left() {
        Some(left) if !clock.has_passed() => {
            clock.look_after(left);
            UpdateDeadline::Continue(1)
        }
        Some(_) | None => UpdateDeadline::Interrupt,
    }
}

type Work<'a, T> = std::pin::Pin<Box<dyn Future<Output = wasmtime::Result<T>> + 'a>>;

/// Runs work that waits for nothing: what a compiler does is to compute.
fn ready<'a, T>(
    store: &'a mut Store<State>,
    work: impl FnOnce(&'a mut Store<State>) -> Work<'a, T>,
) -> Result<T, NotCompiled> {
    let (clock, meter) = (store.data().clock.clone(), store.data().meter.clone());
    // What this thread did before was for something else.
    meter::end_turn();
    let work = pin!(meter.run(work(store)));
    match work.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(done)) => Ok(done),
        Poll::Ready(Err(_)) if clock.has_passed() || meter.left().is_none() => Err(NotCompiled::TimedOut),
        Poll::Ready(Err(error)) => Err(NotCompiled::Ended(trap::root_text(&error))),
        Poll::Pending => Err(NotCompiled::Ended("it waits for something".to_owned())),
    }
}

/// The state of a sandbox without grants. What it prints is lost.
fn state(parts: Parts, script: &Arc<Script>, guard: &Guard) -> State {
    let Parts { clients, stores, limits, time } = parts;
    let policy = Arc::new(Policy { limits, ..Policy::default_for("") });
    State {
        wasi: WasiCtx::builder().build(),
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
        script: Some(Arc::clone(script)),
        script_http: ScriptHttp::default(),
        wanted_socket: false,
        clock: guard.clock(),
        meter: Meter::new(time),
        out_of_cpu_time: false,
    }
}
