//! From nothing to the first call for an event, over and over, and what the program weighs.

use std::fs;

use anyhow::{Context as _, Result};
use bulkhead_bench::process;

use crate::contestant::Contestant;
use crate::plan::{Plan, order};
use crate::results::{self, MEDIAN, Results, milliseconds, quantile};
use crate::scenario::Scenario;

/// Starts everyone so many times, in turn.
pub(crate) fn round(
    plan: &Plan,
    round: usize,
    (contestants, scenario): (&[Contestant], &Scenario),
    results: &mut Results,
) -> Result<()> {
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..plan.starts {
        for index in order(round, contestants.len()) {
            let contestant = &contestants[index];
            let started = contestant.start(scenario.handler, 1)?;
            let time = started.wait_first().with_context(|| contestant.failed(&started))?;
            times[index].push(milliseconds(time));
        }
    }
    for (index, times) in times.iter().enumerate() {
        results.add(results::START, index, quantile(times, MEDIAN));
        let bytes = fs::metadata(&contestants[index].program)?.len();
        results.add(results::PROGRAM, index, process::count(bytes) / 1e6);
    }
    Ok(())
}
