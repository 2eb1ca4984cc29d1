//! Measures starts up to the first call for an event, and the size of the program.

use std::fs;
use std::thread::sleep;

use anyhow::{Context as _, Result};
use bulkhead_bench::figures::{count, median, milliseconds};

use crate::plan::Round;
use crate::results::{self, Results};
use crate::scenario::Scenario;
use crate::turns::PAUSE;

/// Starts all contestants a number of times, in turn.
pub(crate) fn round(round: &Round<'_>, scenario: &Scenario, results: &mut Results) -> Result<()> {
    let Round { plan, contestants, .. } = round;
    let mut times = vec![Vec::new(); contestants.len()];
    let mut spent = times.clone();
    for _ in 0..plan.starts {
        for index in round.order() {
            let contestant = &contestants[index];
            let started = contestant.start(scenario.handler, 1)?;
            let time = started.wait_first().with_context(|| contestant.failed(&started))?;
            times[index].push(milliseconds(time));
            sleep(PAUSE);
            spent[index].push(milliseconds(started.program.processor_time()?));
        }
    }
    for (index, times) in times.iter().enumerate() {
        results.add(results::START, index, median(times));
        results.add(results::START_PROCESSOR, index, median(&spent[index]));
        let bytes = fs::metadata(&contestants[index].program)?.len();
        results.add(results::PROGRAM, index, count(bytes) / 1e6);
    }
    Ok(())
}
