//! Has an engine of scripts compile files of one script. Nothing of a file runs.
//!
//! A script may be hostile. It is compiled in a sandbox of its own, without grants, that ends with it: its mistakes and what it
//! makes of the engine concern nobody else. The sandbox takes turns with those of other events, as that of a handler does.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::Store;
use wasmtime::component::{ComponentType, Func, Lift};

use super::component::{Entry, Loaded};
use super::engine::EnginePre;
use super::outcome::Outcome;
use super::{Remains, Run, Sandboxes, Timing, Visit};
use crate::capabilities::State;
use crate::policy::{Limit, Limits, Policy, Route};
use crate::runtime_api::InvocationId;
use crate::runtime_api::invocation::{Caller, Deadline, Invocation};
use crate::script::{Bytecode, File, MOST_BYTECODE, Script};

/// The export of an engine.
pub(super) const EXPORT: &str = "bulkhead:lambda/script-compiler@0.1.0";

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

/// What an engine makes of a file: its bytecode, which is empty if it has none of this file, or a mistake.
pub type Compiled = Result<Vec<u8>, SyntaxError>;

/// Why the compiler has not returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCompiled {
    /// It reached this limit of its sandbox.
    Limit(Limit),
    /// There was no room for its sandbox, for this reason.
    NoRoom(String),
    /// The engine trapped, with this text.
    Ended(String),
}

/// Files of a script that are to be compiled.
#[derive(Debug)]
pub struct Compilation<'a> {
    /// The script, which the engine may read.
    pub script: &'a Arc<Script>,
    /// The places of the files in it.
    pub places: &'a [usize],
    /// What the engine has made of the files, in their order, up to the one that has ended it.
    pub compiled: Vec<Compiled>,
}

impl Compilation<'_> {
    /// The bytecode that the script has of this engine now, if it has some.
    pub fn bytecode(self, engine: &Arc<str>) -> Option<Bytecode> {
        let before = self.script.bytecode_for(engine);
        let mut files = before.map_or_else(Vec::new, |before| before.files.clone());
        files.resize(self.script.files().len(), None);
        for (place, compiled) in self.places.iter().zip(self.compiled) {
            if let Some(slot) = files.get_mut(*place) {
                *slot = compiled.ok().filter(|bytecode| !bytecode.is_empty()).map(Arc::from);
            }
        }
        files.iter().any(Option::is_some).then(|| Bytecode { engine: Arc::clone(engine), files })
    }
}

impl Loaded {
    /// Whether it is an engine that compiles scripts.
    #[cfg(feature = "compiler")]
    pub fn has_compiler(&self) -> bool {
        self.clone().compiler().is_some()
    }

    /// An engine's compiler of scripts, which is called in place of its handler. `None` if it has none.
    fn compiler(self) -> Option<Self> {
        let entry = Entry::Engine(EnginePre::compiler(self.entry.pre().clone())?);
        Some(Self { entry, ..self })
    }
}

/// The route of a compiler's sandbox: that of an event, with these limits and without grants.
pub fn route(of: &Route, limits: &Limits) -> Route {
    // What a sandbox is called with are the files.
    let limits = Limits { logs: 0, response: limits.hostcall, ..limits.clone() };
    let policy = Policy { limits, events: NonZeroU32::MAX, ..Policy::default_for(&of.policy.handler) };
    Route { tenant_id: of.tenant_id.clone(), ..Route::to(of.handler, Arc::new(policy)) }
}

impl Sandboxes {
    /// Has an engine compile files of a script, one after the other in one sandbox with this [`route`]. One without a compiler makes
    /// nothing of them.
    ///
    /// # Errors
    /// If the engine does not return. What was compiled before is kept.
    pub async fn compile(
        &self,
        loaded: &Loaded,
        route: &Route,
        timing: Timing<'_>,
        compilation: &mut Compilation<'_>,
    ) -> Result<(), NotCompiled> {
        let loaded = loaded.clone().with_script(Arc::clone(compilation.script));
        let Some(loaded) = loaded.compiler() else { return Ok(()) };
        let mut sandbox = Ok(self.make(&loaded, route, timing.guard, timing.meter.clone()).await);
        let mut bytes = 0;
        for file in compilation.places.iter().filter_map(|place| compilation.script.files().get(*place)) {
            let (invocation, caller) = (invocation(file, route), Caller::default());
            let visit = Visit { invocation: &invocation, caller: &caller, route, channel: None };
            let Run { outcome, usage, remains } = self.run(sandbox?, visit, timing).await;
            let compiled = match (outcome, usage.limit) {
                (Outcome::Replied(bytecode), _) => Ok(bytecode),
                // An engine that is denied memory says that this is a mistake in the file.
                (Outcome::Failed { message, stack_trace, .. }, None) => Err(mistake(message, &stack_trace)),
                (outcome, limit) => return Err(NotCompiled::of(outcome, limit)),
            };
            bytes += compiled.as_ref().map_or(0, Vec::len);
            if bytes > MOST_BYTECODE {
                break;
            }
            compilation.compiled.push(compiled);
            sandbox = match remains {
                Remains::Warm(sandbox) => Ok(sandbox),
                Remains::Spent(_) => Err(NotCompiled::Limit(usage.limit.unwrap_or(Limit::Memory))),
            };
        }
        Ok(())
    }
}

impl NotCompiled {
    fn of(outcome: Outcome, limit: Option<Limit>) -> Self {
        match (outcome.limit().or(limit), outcome) {
            // What is larger than allowed is the bytecode of a file.
            (Some(Limit::Response), _) => Self::Limit(Limit::Hostcall),
            (Some(limit), _) => Self::Limit(limit),
            (None, Outcome::SandboxUnavailable { message }) => Self::NoRoom(message),
            (None, outcome) => {
                let report = outcome.into_answer().err();
                Self::Ended(report.map_or_else(String::new, |report| report.message().to_owned()))
            }
        }
    }
}

/// A call of the compiler: its event is the path of a file, a zero, which no path contains, and the content.
fn invocation(file: &File, route: &Route) -> Invocation {
    Invocation {
        id: InvocationId { request_id: "compiler".into(), attempt: None },
        tenant_id: route.tenant_id.clone(),
        event: Bytes::from([file.path.as_bytes(), &[0], &file.content].concat()),
        deadline: Deadline::Unknown { reason: "it is not an event" },
    }
}

/// Calls the compiler. A mistake is a failure whose stack has its line and its column.
pub(super) async fn call(
    compile: Func,
    store: &mut Store<State>,
    event: &Bytes,
) -> wasmtime::Result<Outcome> {
    let mut parts = event.splitn(2, |byte| *byte == 0);
    let (path, content) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let path = std::str::from_utf8(path)?;
    let compile = compile.typed::<(&str, &[u8]), (Compiled,)>(&*store)?;
    let (compiled,) = compile.call_async(&mut *store, (path, content)).await?;
    Ok(match compiled {
        Ok(bytecode) => Outcome::Replied(bytecode),
        Err(SyntaxError { message, line, column }) => Outcome::Failed {
            error_type: String::new(),
            message,
            stack_trace: [line, column].map(|place| place.to_string()).into(),
        },
    })
}

fn mistake(message: String, place: &[String]) -> SyntaxError {
    let number = |at: usize| place.get(at).and_then(|number| number.parse().ok()).unwrap_or(1);
    SyntaxError { message, line: number(0), column: number(1) }
}
