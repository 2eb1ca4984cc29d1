//! Runs scripts in their engine without a function around it: the tests of a project, and suites of tests for the engine.
//!
//! Each run has a sandbox of its own, with the limits and grants of one policy. What it logs is kept, and not written.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::sandboxes::{NoSandboxes, sandboxes};
use crate::capabilities;
use crate::engine::meter::Meter;
use crate::engine::watchdog::{TimeSlice, Watchdog};
use crate::engine::{self, EngineError, Share};
use crate::log::Log;
use crate::policy::{Policy, Route};
use crate::runtime_api::InvocationId;
use crate::runtime_api::invocation::{Caller, Deadline, Invocation};
use crate::sandbox::component::{self, ComponentError, Loaded};
use crate::sandbox::outcome::Outcome;
use crate::sandbox::time_budget::TimeBudget;
use crate::sandbox::{Sandboxes, Timing, Visit};
use crate::script::Script;

/// Why no script can be run.
#[derive(Debug, thiserror::Error)]
pub enum ScriptRunnerError {
    /// The component does not load.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Wasmtime does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The imports of components cannot be linked.
    #[error("the imports of components cannot be linked: {0}")]
    Linker(#[source] wasmtime::Error),
    /// There is no thread for the watchdog.
    #[error("no thread can be started to limit the time of scripts: {0}")]
    Thread(#[source] std::io::Error),
    /// The sandbox cannot be made.
    #[error(transparent)]
    Sandboxes(#[from] NoSandboxes),
}

/// What one script did.
#[derive(Debug)]
pub struct Ran {
    /// Its answer, or why there is none.
    pub outcome: Outcome,
    /// The records of its log, each one JSON object.
    pub records: Vec<String>,
    /// How long it took.
    pub time: Duration,
}

/// Runs one script after the other.
#[derive(Debug)]
pub struct ScriptRunner {
    loaded: Loaded,
    sandboxes: Sandboxes,
    watchdog: Watchdog,
    route: Route,
}

impl ScriptRunner {
    /// With the engine of scripts in this `.cwasm`. The policy holds for each run.
    ///
    /// # Errors
    /// If the engine does not load, or the machine lacks something.
    pub fn open(cwasm: &Path, policy: Policy) -> Result<Self, ScriptRunnerError> {
        let (engine, _) = engine::start_for(1, Share::under(&policy.limits))?;
        let imports = capabilities::imports(&engine).map_err(ScriptRunnerError::Linker)?;
        let loaded = component::map(&engine, &imports, cwasm, None)?;
        let watchdog = Watchdog::start(&engine, TimeSlice::ALONE).map_err(ScriptRunnerError::Thread)?;
        let sandboxes = sandboxes(&policy.handler, Arc::new(Log::kept()))?;
        Ok(Self { loaded, sandboxes, watchdog, route: Route::to(0, Arc::new(policy)) })
    }

    /// Calls the handler of a script with an event.
    pub async fn run(&self, script: Arc<Script>, event: impl Into<Bytes>) -> Ran {
        let started = Instant::now();
        let loaded = self.loaded.clone().with_script(script);
        let invocation = Invocation {
            id: InvocationId { request_id: "00000000-0000-4000-8000-000000000001".into(), attempt: None },
            tenant_id: None,
            event: event.into(),
            deadline: Deadline::Unknown { reason: "there is no function" },
        };
        let budget = TimeBudget::new(self.route.policy.limits.wall_time, invocation.deadline, 1);
        let guard = self.watchdog.guard(budget.ends());
        let meter = Meter::new(Duration::MAX);
        let sandbox = self.sandboxes.make(&loaded, &self.route, &guard, meter.clone()).await;
        let caller = Caller::default();
        let visit = Visit { invocation: &invocation, caller: &caller, route: &self.route, channel: None };
        let timing = Timing { budget, guard: &guard, meter: &meter };
        let run = Box::pin(self.sandboxes.run(sandbox, visit, timing)).await;
        Ran { outcome: run.outcome, records: self.sandboxes.log.take(), time: started.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Target;
    use crate::script::File;
    use crate::wasm::{self, Worlds};

    /// A program that is called in place of an engine. It prints three bytes, and does what `then` says.
    fn runner(then: &str, policy: Policy) -> ScriptRunner {
        let module = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "\08\00\00\00\04\00\00\00log\0a")
                (func (export "_start")
                    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
                    {then}))"#
        );
        let module = wat::parse_str(module).unwrap();
        let component = wasm::ready(&module, Worlds::Refused).unwrap();
        let code = wasm::compile(&component, &module, Target::host().unwrap()).unwrap();
        let file = tempfile::NamedTempFile::with_suffix(".cwasm").unwrap();
        std::fs::write(file.path(), code).unwrap();
        ScriptRunner::open(file.path(), policy).unwrap()
    }

    fn script() -> Arc<Script> {
        let file = File { path: "a.js".into(), content: Arc::from(b"".as_slice()) };
        Arc::new(Script::new(Path::new("a.js").into(), "a.js", vec![file]).unwrap())
    }

    /// The records of what the program prints. The host has some of its own.
    fn printed(ran: &Ran) -> usize {
        ran.records.iter().filter(|record| record.contains(r#""message":"log""#)).count()
    }

    #[tokio::test]
    async fn each_run_has_a_sandbox_and_records_of_its_own() {
        let runner = runner("", Policy::default_for("tests"));
        for _ in 0..3 {
            let ran = runner.run(script(), "null").await;
            assert!(matches!(&ran.outcome, Outcome::Replied(answer) if answer.is_empty()), "{ran:?}");
            assert_eq!(printed(&ran), 1, "{ran:?}");
        }
    }

    #[tokio::test]
    async fn what_does_not_end_is_stopped_and_the_next_one_runs() {
        let mut policy = Policy::default_for("tests");
        policy.limits.wall_time = Duration::from_millis(100);
        let runner = runner("(loop (br 0))", policy);
        for _ in 0..2 {
            let ran = runner.run(script(), "null").await;
            assert!(matches!(ran.outcome, Outcome::TimedOut { .. }), "{ran:?}");
            assert_eq!(printed(&ran), 1, "what it has printed before is kept: {ran:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_native_code_is_named() {
        let error = ScriptRunner::open(Path::new("/gone.cwasm"), Policy::default_for("tests")).unwrap_err();
        assert!(error.to_string().contains("/gone.cwasm"), "{error}");
    }
}
