//! A command as a list of named steps: a headline for each, a stop at the first failure, and a table of
//! where the time went. A step names the ones whose products it needs, so that any can be run alone.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::table::Table;
use crate::workspace::Workspace;

/// One thing to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What is being done, for the headline.
    pub(crate) title: &'static str,
    /// The steps that must have been run before, at any time.
    pub(crate) needs: &'static [&'static str],
    /// Does it.
    pub(crate) run: fn(&Workspace) -> Result<Ending>,
}

/// How a step ended when it did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did what it says.
    Done,
    /// It could not, which is not an error here; the text says why.
    Skipped(String),
}

/// Runs `steps` in order; `command` is what they are part of, for the closing line.
pub(crate) fn run(workspace: &Workspace, command: &str, steps: &[Step]) -> Result<()> {
    let begin = Instant::now();
    let mut table = Table::new(["step", "result", "time"]);
    let mut skipped = 0;
    for (index, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}", index + 1, steps.len(), step.title);
        let started = Instant::now();
        let outcome = (step.run)(workspace);
        let took = clock(started.elapsed());
        match outcome {
            Ok(Ending::Done) => table.row([step.name, "ok", &took]),
            Ok(Ending::Skipped(reason)) => {
                println!("      skipped: {reason}");
                skipped += 1;
                table.row([step.name, "SKIPPED", &took]);
            }
            Err(error) => {
                table.row([step.name, "FAILED", &took]);
                println!("\n{table}");
                return Err(failure(command, step, &error));
            }
        }
    }
    println!("\n{table}");
    let passed = match steps.len() - skipped {
        1 => "1 step".to_owned(),
        passed => format!("{passed} steps"),
    };
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    println!("cargo xtask {command}: {passed} passed{skipped}, in {}", clock(begin.elapsed()));
    Ok(())
}

/// The steps called `names` and all that they need, in the order of `steps`.
pub(crate) fn only(steps: &[Step], names: &[String]) -> Result<Vec<Step>> {
    let mut wanted: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = names.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        let Some(step) = steps.iter().find(|step| step.name == name) else {
            let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; there are: {}", known.join(", "));
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
fn clock(duration: Duration) -> String {
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
        Step { name, title: "", needs, run: |_| Ok(Ending::Done) }
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
        assert_eq!(error.to_string(), "there is no step `format`; there are: fmt");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(clock(Duration::from_millis(420)), "0.4 s");
        assert_eq!(clock(Duration::from_secs(12)), "12 s");
        assert_eq!(clock(Duration::from_secs(187)), "3 min 07 s");
    }
}
