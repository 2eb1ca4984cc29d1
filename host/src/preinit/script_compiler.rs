//! Asks an engine of scripts to compile files, to find mistakes in their syntax. Nothing of a file runs.
//!
//! A file may be hostile, and so may the engine. Each file is compiled in a sandbox of its own, with the limits that a handler has by
//! default and without grants.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::quiet;
use crate::capabilities::key_value::Stores;
use crate::capabilities::outbound::OutboundError;
use crate::engine::watchdog::{TimeSlice, Watchdog};
use crate::policy::Limits;
use crate::sandbox::component::Loaded;
use crate::sandbox::script_compiler::{self, NotCompiled, Parts};
use crate::script::Script;

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
    Clients(#[from] OutboundError),
}

impl From<NotCompiled> for ScriptCompilerError {
    fn from(error: NotCompiled) -> Self {
        match error {
            NotCompiled::TimedOut => Self::TimedOut,
            NotCompiled::Ended(text) => Self::Ended(text),
        }
    }
}

/// The compiler of an engine.
#[derive(Debug)]
pub struct ScriptCompiler {
    loaded: Loaded,
    watchdog: Watchdog,
    parts: Parts,
}

impl ScriptCompiler {
    /// The compiler of a component, or `None` if it has none.
    ///
    /// # Errors
    /// If its sandbox cannot be prepared.
    pub fn of(loaded: &Loaded) -> Result<Option<Self>, ScriptCompilerError> {
        if !script_compiler::ScriptCompiler::is_in(loaded) {
            return Ok(None);
        }
        let engine = loaded.entry.pre().engine();
        let watchdog = Watchdog::start(engine, TimeSlice::ALONE).map_err(ScriptCompilerError::Thread)?;
        let parts = Parts {
            clients: super::clients()?,
            stores: Arc::new(Stores::none(quiet())),
            limits: Limits::default(),
            time: TIME,
        };
        Ok(Some(Self { loaded: loaded.clone(), watchdog, parts }))
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
        let Some(file) = script.file(path) else { return Ok(None) };
        let guard = self.watchdog.guard(Instant::now() + TIME);
        let started =
            script_compiler::ScriptCompiler::start(&self.loaded, script, self.parts.clone(), &guard);
        Ok(started?.compile(path, &file.content)?.err())
    }
}
