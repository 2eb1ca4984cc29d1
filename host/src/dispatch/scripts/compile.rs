//! Compiles the files of a script that was read, so that no later event has to.
//!
//! The event that needs the script first does so in its own turn and pays for it, with a part of its time; other events do not wait
//! for that, and run the script from source meanwhile. Whatever cannot be compiled is left to the engine, which compiles it for each
//! event and reports its mistakes.

use std::sync::Arc;

use super::Scripts;
use super::attempts::Offer;
use crate::dispatch::rejection::owner;
use crate::engine::meter::Meter;
use crate::engine::watchdog::Watchdog;
use crate::policy::{Limit, Limits, Route};
use crate::runtime_api::invocation::Deadline;
use crate::sandbox::component::Loaded;
use crate::sandbox::script_compiler::{self, Compilation, NotCompiled};
use crate::sandbox::time_budget::TimeBudget;
use crate::sandbox::{Sandboxes, Timing};
use crate::script::{SMALLEST, Script};
use crate::text::printable::Shown as _;

/// An engine, and the event for which it compiles a script.
#[derive(Debug, Clone, Copy)]
pub(in crate::dispatch) struct Compiler<'a> {
    pub(in crate::dispatch) loaded: &'a Loaded,
    pub(in crate::dispatch) route: &'a Route,
    pub(in crate::dispatch) sandboxes: &'a Sandboxes,
    pub(in crate::dispatch) watchdog: &'a Watchdog,
}

impl Compiler<'_> {
    /// The script with the bytecode of those files that are worth it, and why some are missing.
    pub(super) async fn compile(
        self,
        script: Arc<Script>,
        offer: Offer,
    ) -> (Arc<Script>, Result<(), NotCompiled>) {
        let engine = &self.loaded.digest;
        let mut places = script.worth_compiling(SMALLEST);
        if let Some(before) = script.bytecode_for(engine) {
            places.retain(|place| before.files.get(*place).is_some_and(Option::is_none));
        }
        if places.is_empty() {
            return (script, Ok(()));
        }
        let budget = TimeBudget::new(offer.wall_time, Deadline::Unknown { reason: "" }, 1);
        let guard = self.watchdog.guard(budget.ends());
        let meter = Meter::new(offer.cpu_time);
        let timing = Timing { budget, guard: &guard, meter: &meter };
        let mut compilation = Compilation { script: &script, places: &places, compiled: Vec::new() };
        let Offer { cpu_time, wall_time, hostcall, .. } = offer;
        let limits = Limits { cpu_time, wall_time, hostcall, ..self.route.policy.limits.clone() };
        let route = script_compiler::route(self.route, &limits);
        let ended = self.sandboxes.compile(self.loaded, &route, timing, &mut compilation).await;
        // What was compiled before the compiler had to end is kept.
        match compilation.bytecode(engine) {
            Some(bytecode) => (Arc::new(Arc::unwrap_or_clone(script).with_bytecode(Some(bytecode))), ended),
            None => (script, ended),
        }
    }
}

/// An event's attempt to compile a script. It is given up when this is dropped.
#[derive(Debug)]
pub(in crate::dispatch) struct Attempt {
    scripts: Arc<Scripts>,
    script: Arc<Script>,
    offer: Offer,
    is_ended: bool,
}

impl Attempt {
    pub(super) fn new(scripts: Arc<Scripts>, script: Arc<Script>, offer: Offer) -> Self {
        Self { scripts, script, offer, is_ended: false }
    }

    /// The script without what this attempt would make of it.
    pub(in crate::dispatch) fn script(&self) -> Arc<Script> {
        Arc::clone(&self.script)
    }

    /// The script as it is afterwards, and what the log is to say about it.
    pub(in crate::dispatch) async fn run(mut self, compiler: Compiler<'_>) -> (Arc<Script>, Option<String>) {
        let (script, ended) = compiler.compile(self.script(), self.offer).await;
        let mut state = self.scripts.lock();
        let is_new = !Arc::ptr_eq(&script, &self.script);
        let gone = is_new.then(|| state.cache.put(Arc::clone(&script)));
        state.attempts.end(&script.digest, &self.offer, Some(ended.as_ref().copied()));
        self.is_ended = true;
        let told = ended.err().and_then(|why| Some((why, state.attempts.tell(&script.digest)?)));
        drop(state);
        drop(gone);
        let told = told.map(|(why, is_tried_again)| self.told(&why, compiler.route, is_tried_again));
        (script, told)
    }

    fn told(&self, why: &NotCompiled, route: &Route, is_tried_again: bool) -> String {
        let Offer { cpu_time, wall_time, .. } = self.offer;
        let why = match why {
            NotCompiled::Limit(Limit::CpuTime) => {
                format!("that took more than {cpu_time:?} of processor time")
            }
            NotCompiled::Limit(Limit::WallTime) => format!("that took more than {wall_time:?}"),
            NotCompiled::Limit(limit) => format!("that took more than the limit `{}`", limit.key()),
            NotCompiled::NoRoom(lack) => format!("there was no room for a sandbox ({lack})"),
            NotCompiled::Ended(text) => format!("the engine ended with `{text}`"),
        };
        let then =
            if is_tried_again { "an event with higher limits tries again" } else { "nothing tries again" };
        format!(
            "ScriptNotCompiled: the script {} of {} was not compiled, because {why}; each event runs it from source, which \
             takes longer, and {then}",
            self.script.place.shown(),
            owner(route)
        )
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_ended {
            self.scripts.lock().attempts.end(&self.script.digest, &self.offer, None);
        }
    }
}

#[cfg(all(test, feature = "compiler"))]
mod tests;
