//! Calls of cargo that only compile: how long they take, for the step that makes them, and the messages about
//! their products. A page with the timings of each call is kept in `xtask/timings` in the target directory.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::workspace::{Workspace, in_same_place, run, shown};

/// The time that cargo has compiled during the current step.
#[derive(Debug, Default)]
pub(crate) struct CompileClock {
    step: RefCell<String>,
    calls: Cell<usize>,
    compiled: Cell<Option<Duration>>,
}

impl CompileClock {
    /// Starts counting for a step.
    pub(crate) fn start(&self, step: &str) {
        self.step.replace(step.to_owned());
        self.calls.set(0);
        self.compiled.set(None);
    }

    /// The time since then, if cargo has compiled at all.
    pub(crate) fn compiled(&self) -> Option<Duration> {
        self.compiled.get()
    }

    /// Counts a call, and returns the name of its page.
    fn add(&self, took: Duration) -> String {
        self.compiled.set(Some(self.compiled.get().unwrap_or_default() + took));
        self.calls.set(self.calls.get() + 1);
        format!("{}-{}.html", self.step.borrow(), self.calls.get())
    }
}

/// Runs a call.
pub(crate) fn compile(workspace: &Workspace, cargo: &Command) -> Result<()> {
    let started = Instant::now();
    let compiled = run(&mut with_timings(cargo));
    keep(workspace, started)?;
    compiled
}

/// Runs a call that cannot report timings.
pub(crate) fn compile_untimed(workspace: &Workspace, cargo: &mut Command) -> Result<()> {
    let started = Instant::now();
    let compiled = run(cargo);
    workspace.clock().add(started.elapsed());
    compiled
}

/// Runs a call, and passes on cargo's message about each product.
pub(crate) fn products(
    workspace: &Workspace,
    cargo: &Command,
    mut product: impl FnMut(&Value),
) -> Result<()> {
    println!("      $ {}", shown(cargo));
    let started = Instant::now();
    let mut build = with_timings(cargo);
    build.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = build.spawn().context("starting cargo")?;
    let messages = child.stdout.take().context("cargo's stdout is missing")?;
    for line in BufReader::new(messages).lines() {
        product(&serde_json::from_str(&line?).unwrap_or_default());
    }
    ensure!(child.wait()?.success(), "`{}` failed", shown(cargo));
    keep(workspace, started)
}

/// The call with an option that records timings.
fn with_timings(cargo: &Command) -> Command {
    let mut timed = Command::new(cargo.get_program());
    let mut arguments = cargo.get_args();
    timed.args(arguments.next()).arg("--timings").args(arguments);
    in_same_place(&mut timed, cargo);
    timed
}

fn keep(workspace: &Workspace, started: Instant) -> Result<()> {
    let name = workspace.clock().add(started.elapsed());
    let kept = workspace.target("xtask/timings");
    fs::create_dir_all(&kept).with_context(|| format!("making {}", kept.display()))?;
    // A failed call leaves no page.
    fs::rename(workspace.target("cargo-timings/cargo-timing.html"), kept.join(name)).ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_adds_up_the_calls_of_one_step() {
        let clock = CompileClock::default();
        clock.start("guests");
        assert_eq!(clock.compiled(), None);
        assert_eq!(clock.add(Duration::from_secs(2)), "guests-1.html");
        assert_eq!(clock.add(Duration::from_secs(3)), "guests-2.html");
        assert_eq!(clock.compiled(), Some(Duration::from_secs(5)));
        clock.start("doc");
        assert_eq!(clock.compiled(), None);
    }

    #[test]
    fn a_call_with_timings_is_the_same_call() {
        let mut cargo = Command::new("cargo");
        cargo.args(["clippy", "--workspace", "--", "--deny", "warnings"]).env("A", "b").current_dir("/");
        let timed = with_timings(&cargo);
        assert_eq!(shown(&timed), "cargo clippy --timings --workspace -- --deny warnings");
        assert!(timed.get_envs().eq(cargo.get_envs()));
        assert_eq!(timed.get_current_dir(), cargo.get_current_dir());
    }
}
