//! A command as a list of named steps, with a headline for each, a stop at the first failure, and a table of
//! the times and how much of them was compiling. A step names the steps whose products it needs, so that any
//! step can be run alone. A step that passed is not run again until one of its inputs changes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::stamp::{self, Found, Inputs};
use crate::table::Table;
use crate::workspace::Workspace;

/// One step of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// The name for `--only`.
    pub(crate) name: &'static str,
    /// The headline.
    pub(crate) title: &'static str,
    /// The steps that must have run before, at any time.
    pub(crate) needs: &'static [&'static str],
    /// The inputs of the step, if it need not run again while they are unchanged.
    pub(crate) inputs: Option<Inputs>,
    /// The function that runs the step.
    pub(crate) run: fn(&Workspace) -> Result<Outcome>,
}

impl Step {
    /// The name of its stamp. The lanes share some steps, and have others with one name and different work.
    fn stamp(&self) -> String {
        format!("{}-{:.8}", self.name, stamp::of_text(self.title))
    }
}

/// The outcome of a step that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The step did its work.
    Done,
    /// The step made these files, and need not make them again until they or its inputs change.
    Made(Vec<PathBuf>),
    /// The step could not run, which is not an error here; the text gives the reason.
    Skipped(String),
}

/// The steps that run again although they passed before and their inputs have not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rerun {
    /// No steps.
    Changed,
    /// The steps without products, which only check something.
    Checks,
    /// All steps.
    All,
}

impl Rerun {
    fn leaves_out(self, found: Found) -> bool {
        match (self, found) {
            (Self::All, _) | (_, Found::Nothing) | (Self::Checks, Found::Passed) => false,
            (Self::Changed, Found::Passed | Found::Made) | (Self::Checks, Found::Made) => true,
        }
    }
}

/// Runs `steps` in order; `command` is the name for the closing line.
pub(crate) fn run(workspace: &Workspace, command: &str, steps: &[Step]) -> Result<()> {
    run_changed(workspace, command, steps, |_| Rerun::All)
}

/// Runs `steps` without those that `rerun` allows to be left out.
pub(crate) fn run_changed(
    workspace: &Workspace,
    command: &str,
    steps: &[Step],
    rerun: impl Fn(&Step) -> Rerun,
) -> Result<()> {
    let begin = Instant::now();
    let mut table = Table::new(["step", "result", "time", "compiling"]);
    let mut passed = Counts::default();
    for (index, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}", index + 1, steps.len(), step.title);
        let digest = step.inputs.map(|inputs| stamp::inputs(workspace, &inputs)).transpose()?;
        let stamp = workspace.target("xtask/stamps").join(step.stamp());
        let found = digest.as_deref().map_or(Found::Nothing, |digest| stamp::find(&stamp, digest));
        if rerun(step).leaves_out(found) {
            println!("      unchanged since it passed (`--all` runs it again)");
            passed.unchanged += 1;
            table.row([step.name, "unchanged", "", ""]);
            continue;
        }
        let started = Instant::now();
        workspace.clock().start(step.name);
        let outcome = (step.run)(workspace);
        let took = clock(started.elapsed());
        let compiling = workspace.clock().compiled().map_or_else(String::new, clock);
        let products = match outcome {
            Ok(Outcome::Done) => Vec::new(),
            Ok(Outcome::Made(products)) => products,
            Ok(Outcome::Skipped(reason)) => {
                println!("      skipped: {reason}");
                passed.skipped += 1;
                table.row([step.name, "SKIPPED", &took, &compiling]);
                continue;
            }
            Err(error) => {
                table.row([step.name, "FAILED", &took, &compiling]);
                println!("\n{table}");
                return Err(failure(command, step, &error));
            }
        };
        passed.done += 1;
        table.row([step.name, "ok", &took, &compiling]);
        if let Some(digest) = digest {
            stamp::put_with_products(&stamp, &digest, &products)?;
        }
    }
    println!("\n{table}");
    println!("cargo xtask {command}: {passed}, in {}", clock(begin.elapsed()));
    Ok(())
}

/// Counts how the steps ended.
#[derive(Debug, Default)]
struct Counts {
    done: usize,
    unchanged: usize,
    skipped: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let noun = if self.done == 1 { "step" } else { "steps" };
        write!(formatter, "{} {noun} passed", self.done)?;
        if self.unchanged > 0 {
            write!(formatter, ", {} unchanged since they passed", self.unchanged)?;
        }
        if self.skipped > 0 {
            write!(formatter, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// The steps called `names` and all steps that they need, in the order of `steps`.
pub(crate) fn only(steps: &[Step], names: &[String]) -> Result<Vec<Step>> {
    let mut wanted: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = names.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        let Some(step) = steps.iter().find(|step| step.name == name) else {
            let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; the steps are: {}", known.join(", "));
        };
        if !wanted.contains(&step.name) {
            wanted.push(step.name);
            open.extend(step.needs);
        }
    }
    Ok(steps.iter().filter(|step| wanted.contains(&step.name)).copied().collect())
}

fn failure(command: &str, step: &Step, error: &anyhow::Error) -> anyhow::Error {
    let alone = if command == "test" {
        format!("run this step alone: cargo xtask test --only {}", step.name)
    } else {
        format!("run it again: cargo xtask {command}")
    };
    anyhow!("step `{}` failed: {error:#}\n{alone}", step.name)
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 07 s`.
pub(crate) fn clock(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &'static str, needs: &'static [&'static str]) -> Step {
        Step { name, title: "", needs, inputs: None, run: |_| Ok(Outcome::Done) }
    }

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_step_brings_what_it_needs_in_order() {
        let steps =
            [step("fmt", &[]), step("guests", &[]), step("host", &[]), step("e2e", &["host", "guests"])];
        let chosen = only(&steps, &["e2e".to_owned()]).unwrap();
        assert_eq!(names(&chosen), ["guests", "host", "e2e"]);
    }

    #[test]
    fn an_unknown_step_is_answered_with_the_known_ones() {
        let steps = [step("fmt", &[])];
        let error = only(&steps, &["format".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no step `format`; the steps are: fmt");
    }

    #[test]
    fn ci_checks_again_and_makes_nothing_twice() {
        let leaves_out =
            |rerun: Rerun| [Found::Nothing, Found::Passed, Found::Made].map(|found| rerun.leaves_out(found));
        assert_eq!(leaves_out(Rerun::Changed), [false, true, true]);
        assert_eq!(leaves_out(Rerun::Checks), [false, false, true]);
        assert_eq!(leaves_out(Rerun::All), [false, false, false]);
    }

    #[test]
    fn the_closing_line_says_what_was_left_out() {
        let counts = Counts { done: 1, unchanged: 2, skipped: 3 };
        assert_eq!(counts.to_string(), "1 step passed, 2 unchanged since they passed, 3 skipped");
        assert_eq!(Counts { done: 5, ..Counts::default() }.to_string(), "5 steps passed");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(clock(Duration::from_millis(420)), "0.4 s");
        assert_eq!(clock(Duration::from_secs(12)), "12 s");
        assert_eq!(clock(Duration::from_secs(187)), "3 min 07 s");
    }
}
