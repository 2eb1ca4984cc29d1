//! Asks an engine of scripts to compile files, to find mistakes in their syntax. Nothing of a file runs.
//!
//! A file may be hostile, and so may the engine. Each file is compiled in a sandbox of its own, with the limits that a handler has by
//! default and without grants.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{ComponentType, InstancePre, Lift};
use wasmtime::{Engine, Store, UpdateDeadline};

use super::{Printed, state};
use crate::capabilities::State;
use crate::capabilities::outbound::{Clients, OutboundError};
use crate::engine::watchdog::{TimeSlice, Watchdog};
use crate::sandbox::component::Loaded;
use crate::sandbox::trap;

/// The export of an engine.
const COMPILER: &str = "bulkhead:lambda/script-compiler@0.1.0";

/// The time for one file, which may have 4 MiB.
const TIME: Duration = Duration::from_secs(10);

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

/// A file that could not be compiled, although that is not known to be its fault. The texts follow the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum ScriptCompilerError {
    /// It took too long.
    #[error("its syntax cannot be checked: the engine was stopped after {} s", TIME.as_secs())]
    TimedOut,
    /// The engine trapped.
    #[error(
        "its syntax cannot be checked: the engine ended with `{0}`, as it may if the file is nested too deeply or is too large"
    )]
    Ended(String),
    /// There is no thread for the watchdog.
    #[error("its syntax cannot be checked: no thread can be started to limit the time: {0}")]
    Thread(#[source] std::io::Error),
    /// The sandbox cannot be made.
    #[error("its syntax cannot be checked: {0}")]
    Clients(#[from] OutboundError),
}

/// The compiler of an engine.
pub struct ScriptCompiler {
    engine: Engine,
    pre: InstancePre<State>,
    watchdog: Watchdog,
    clients: Arc<Clients>,
}

impl std::fmt::Debug for ScriptCompiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptCompiler").finish_non_exhaustive()
    }
}

impl ScriptCompiler {
    /// The compiler of a component, or `None` if it has none.
    ///
    /// # Errors
    /// If its sandbox cannot be prepared.
    pub fn of(loaded: &Loaded) -> Result<Option<Self>, ScriptCompilerError> {
        let pre = loaded.entry.pre().clone();
        let engine = pre.component().engine().clone();
        if pre.component().get_export_index(None, COMPILER).is_none() {
            return Ok(None);
        }
        let watchdog = Watchdog::start(&engine, TimeSlice::ALONE).map_err(ScriptCompilerError::Thread)?;
        Ok(Some(Self { engine, pre, watchdog, clients: super::clients()? }))
    }

    /// Compiles a file, and returns the mistake in it, if there is one.
    ///
    /// # Errors
    /// If the engine does not return.
    pub async fn mistake(
        &self,
        path: &str,
        content: &[u8],
    ) -> Result<Option<SyntaxError>, ScriptCompilerError> {
        let guard = self.watchdog.guard(Instant::now() + TIME);
        let printed = Printed::default();
        let mut store = Store::new(&self.engine, state(&printed, &guard, Arc::clone(&self.clients)));
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            let passed = context.data().clock.has_passed();
            Ok(if passed { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
        });
        let call = self.call(&mut store, path, content);
        let ended = tokio::select! {
            biased;
            ended = call => Some(ended),
            () = guard.passed() => None,
        };
        match ended {
            Some(Ok(compiled)) => Ok(compiled.err()),
            Some(Err(error)) if !store.data().clock.has_passed() => {
                Err(ScriptCompilerError::Ended(trap::root_text(&error)))
            }
            Some(Err(_)) | None => Err(ScriptCompilerError::TimedOut),
        }
    }

    async fn call(
        &self,
        store: &mut Store<State>,
        path: &str,
        content: &[u8],
    ) -> wasmtime::Result<Result<Vec<u8>, SyntaxError>> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let interface = instance.get_export_index(&mut *store, None, COMPILER);
        let function = interface
            .and_then(|interface| instance.get_export_index(&mut *store, Some(&interface), "compile"))
            .ok_or_else(|| wasmtime::format_err!("{COMPILER} has no `compile`"))?;
        let compile = instance
            .get_typed_func::<(&str, &[u8]), (Result<Vec<u8>, SyntaxError>,)>(&mut *store, function)?;
        Ok(compile.call_async(&mut *store, (path, content)).await?.0)
    }
}
