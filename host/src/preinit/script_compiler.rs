//! Asks an engine of scripts to compile files, to find mistakes in their syntax. Nothing of a file runs.
//!
//! A file may be hostile, and so may the engine. Each file is compiled in a sandbox of its own, with the limits that a handler has by
//! default and without grants.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::quiet;
use super::sandboxes::{NoSandboxes, sandboxes};
use crate::engine::meter::Meter;
use crate::engine::watchdog::{TimeSlice, Watchdog};
use crate::policy::{Limit, Limits, Policy, Route};
use crate::runtime_api::invocation::Deadline;
use crate::sandbox::component::Loaded;
use crate::sandbox::script_compiler::{self, Compilation, Compiled, NotCompiled};
use crate::sandbox::time_budget::TimeBudget;
use crate::sandbox::{Sandboxes, Timing};
use crate::script::{Bytecode, Script};

pub use crate::sandbox::script_compiler::SyntaxError;

/// The time for one file, which may have 4 MiB.
const TIME: Duration = Duration::from_secs(10);

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
    Sandboxes(#[from] NoSandboxes),
}

impl From<NotCompiled> for ScriptCompilerError {
    fn from(error: NotCompiled) -> Self {
        match error {
            NotCompiled::Limit(Limit::CpuTime | Limit::WallTime) => Self::TimedOut,
            NotCompiled::Limit(limit) => Self::Ended(format!("more than the limit {}", limit.key())),
            NotCompiled::NoRoom(text) | NotCompiled::Ended(text) => Self::Ended(text),
        }
    }
}

/// The compiler of an engine.
#[derive(Debug)]
pub struct ScriptCompiler {
    loaded: Loaded,
    watchdog: Watchdog,
    sandboxes: Sandboxes,
    route: Route,
}

impl ScriptCompiler {
    /// The compiler of a component, or `None` if it has none.
    ///
    /// # Errors
    /// If its sandbox cannot be prepared.
    pub fn of(loaded: &Loaded) -> Result<Option<Self>, ScriptCompilerError> {
        if !loaded.has_compiler() {
            return Ok(None);
        }
        let engine = loaded.entry.pre().engine();
        let watchdog = Watchdog::start(engine, TimeSlice::ALONE).map_err(ScriptCompilerError::Thread)?;
        let route = Route::to(0, Arc::new(Policy::default_for("scripts")));
        let route = script_compiler::route(&route, &Limits { cpu_time: TIME, ..Limits::default() });
        let sandboxes = sandboxes(&route.policy.handler, quiet())?;
        Ok(Some(Self { loaded: loaded.clone(), watchdog, sandboxes, route }))
    }

    /// Compiles a file of a script, and returns the mistake in it, if there is one. The engine may read the script.
    ///
    /// # Errors
    /// If the engine does not return.
    pub fn mistake(
        &self,
        script: &Arc<Script>,
        path: &str,
    ) -> Result<Option<SyntaxError>, ScriptCompilerError> {
        let Some(place) = script.files().iter().position(|file| *file.path == *path) else { return Ok(None) };
        let (compiled, ended) = self.compile(script, &[place]);
        ended?;
        Ok(compiled.into_iter().find_map(Result::err))
    }

    /// The bytecode of those files of a script that have so many bytes and are worth it. `None` if there is none, or the engine does
    /// not return.
    pub fn bytecode(&self, script: &Arc<Script>, smallest: usize) -> Option<Bytecode> {
        let places = script.worth_compiling(smallest);
        let (compiled, ended) = self.compile(script, &places);
        ended.ok()?;
        Compilation { script, places: &places, compiled }.bytecode(&self.loaded.digest)
    }

    /// What the engine makes of files of a script, in one sandbox, and why not of all.
    fn compile(&self, script: &Arc<Script>, places: &[usize]) -> (Vec<Compiled>, Result<(), NotCompiled>) {
        let budget = TimeBudget::new(TIME, Deadline::Unknown { reason: "there is no function" }, 1);
        let guard = self.watchdog.guard(budget.ends());
        let meter = Meter::new(TIME);
        let timing = Timing { budget, guard: &guard, meter: &meter };
        let mut compilation = Compilation { script, places, compiled: Vec::new() };
        let ended = {
            let work = self.sandboxes.compile(&self.loaded, &self.route, timing, &mut compilation);
            let mut work = pin!(work);
            loop {
                // It never waits, except for its turn, and nobody else has one.
                if let Poll::Ready(ended) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    break ended;
                }
            }
        };
        (compilation.compiled, ended)
    }
}
