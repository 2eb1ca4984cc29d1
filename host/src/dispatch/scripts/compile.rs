//! Compiles the files of a script that was read, so that no event has to.
//!
//! The event that caused the reading pays for it, with a part of its time; whatever cannot be compiled is left to the engine, which
//! compiles it for each event and reports its mistakes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::watchdog::{Guard, Watchdog};
use crate::policy::Policy;
use crate::sandbox::Sandboxes;
use crate::sandbox::component::Loaded;
use crate::sandbox::script_compiler::{Parts, ScriptCompiler};
use crate::script::{Bytecode, MOST_BYTES, Script};

/// The most processor time for one script. As many bytes as are compiled take a tenth of it.
const MOST_TIME: Duration = Duration::from_millis(400);

/// The part of the time that an event has left, and of its processor time.
const PART_OF_EVENT: u32 = 4;

/// The most bytes of bytecode that a script has: no more than four times as many as it may have in files.
const MOST_BYTECODE: usize = 4 * MOST_BYTES;

/// An engine, and what it may take to compile a script.
#[derive(Debug)]
pub(in crate::dispatch) struct Compiler {
    loaded: Loaded,
    parts: Parts,
    guard: Guard,
}

impl Compiler {
    /// For a script of the sandboxes under this policy, within a part of the time until `ends`. `None` if the component is not an engine.
    pub(in crate::dispatch) fn of(
        loaded: &Loaded,
        policy: &Policy,
        sandboxes: &Sandboxes,
        watchdog: &Watchdog,
        ends: Instant,
    ) -> Option<Self> {
        if !ScriptCompiler::is_in(loaded) {
            return None;
        }
        let now = Instant::now();
        let mut limits = policy.limits.clone();
        limits.hostcall = limits.hostcall.min(MOST_BYTECODE);
        let parts = Parts {
            clients: Arc::clone(&sandboxes.clients),
            stores: Arc::clone(&sandboxes.stores),
            time: (limits.cpu_time / PART_OF_EVENT).min(MOST_TIME),
            limits,
        };
        let guard = watchdog.guard(now + ends.saturating_duration_since(now) / PART_OF_EVENT);
        Some(Self { loaded: loaded.clone(), parts, guard })
    }

    /// The script with the bytecode of those files that are worth it.
    pub(super) fn compile(self, script: Script) -> Arc<Script> {
        let places = script.worth_compiling();
        let script = Arc::new(script);
        if places.is_empty() {
            return script;
        }
        let mut files = vec![None; script.files().len()];
        // What was compiled before the compiler had to end is kept.
        self.fill(&script, &places, &mut files);
        if files.iter().all(Option::is_none) {
            return script;
        }
        let bytecode = Bytecode { engine: Arc::clone(&self.loaded.digest), files };
        // The compiler's sandbox, which had the script, is gone.
        let script = Arc::unwrap_or_clone(script);
        Arc::new(script.with_bytecode(Some(bytecode)))
    }

    fn fill(&self, script: &Arc<Script>, places: &[usize], files: &mut [Option<Arc<[u8]>>]) {
        let started = ScriptCompiler::start(&self.loaded, script, self.parts.clone(), &self.guard);
        let Ok(mut compiler) = started else { return };
        let mut bytes = 0;
        for place in places {
            let (Some(file), Some(slot)) = (script.files().get(*place), files.get_mut(*place)) else {
                continue;
            };
            let Ok(compiled) = compiler.compile(&file.path, &file.content) else { return };
            // An engine has no bytecode of some files.
            let bytecode = compiled.ok().filter(|bytecode| !bytecode.is_empty());
            bytes += bytecode.as_ref().map_or(0, Vec::len);
            if bytes > MOST_BYTECODE {
                return;
            }
            *slot = bytecode.map(Arc::from);
        }
    }
}

#[cfg(all(test, feature = "compiler"))]
mod tests;
