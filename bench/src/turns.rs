//! One event at a time: all contestants run in parallel and take turns, first with a pause before each event,
//! then without.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bulkhead_bench::figures::{MEDIAN, count, median, microseconds, quantile};

use crate::contestant::{Contestant, Started};
use crate::plan::{REST, Round, WARM_UP};
use crate::results::{self, Metric, Results};
use crate::scenario::Scenario;
use crate::server::Timing;

/// The time from a call for an event to its delivery, long enough to clean up after a small event.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);
/// The time from a call for an event to its delivery, after an event that needs more cleaning up.
const LONG_PAUSE: Duration = Duration::from_millis(5);
/// The number of events that a contestant gets in one turn.
const TURN: usize = 50;

/// Measures all contestants once.
pub(crate) fn round(round: &Round<'_>, scenario: &Scenario, results: &mut Results) -> Result<()> {
    let Round { plan, contestants, .. } = round;
    let events = (plan.events / scenario.one_in).max(2);
    let mut runners = Vec::new();
    for index in round.order() {
        runners.push(Runner::start(index, &contestants[index], scenario, results)?);
    }
    for _ in 0..events.div_ceil(TURN) {
        for runner in &mut runners {
            runner.paced_turn(events.min(TURN)).with_context(|| runner.failed())?;
        }
    }
    // A large event takes so long itself that a pause makes no difference.
    let turns = if is_large(scenario) { 0 } else { events.div_ceil(TURN) };
    for _ in 0..turns {
        for runner in &mut runners {
            runner.saturated_turn(events.min(TURN)).with_context(|| runner.failed())?;
        }
    }
    runners.iter().for_each(|runner| runner.finish(results));
    Ok(())
}

fn is_large(scenario: &Scenario) -> bool {
    scenario.event.body.len() > 100_000
}

/// A running contestant, and its figures so far.
struct Runner<'a> {
    index: usize,
    contestant: &'a Contestant,
    scenario: &'a Scenario,
    started: Started,
    pause: Duration,
    paced: Vec<f64>,
    processor: Vec<f64>,
    saturated: Vec<f64>,
    saturated_processor: Vec<f64>,
}

impl<'a> Runner<'a> {
    fn start(
        index: usize,
        contestant: &'a Contestant,
        scenario: &'a Scenario,
        results: &mut Results,
    ) -> Result<Self> {
        let started = contestant.start(scenario.handler, 1)?;
        let pause = if is_large(scenario) { LONG_PAUSE } else { PAUSE };
        let runner = Self {
            index,
            contestant,
            scenario,
            started,
            pause,
            paced: Vec::new(),
            processor: Vec::new(),
            saturated: Vec::new(),
            saturated_processor: Vec::new(),
        };
        results.add(results::FRESH_MEMORY, index, runner.memory()?);
        runner.run(WARM_UP.div_ceil(scenario.one_in), pause).with_context(|| runner.failed())?;
        results.add(results::IDLE_MEMORY, index, runner.memory()?);
        Ok(runner)
    }

    fn failed(&self) -> String {
        self.contestant.failed(&self.started)
    }

    fn memory(&self) -> Result<f64> {
        sleep(REST);
        self.started.program.resident_memory()
    }

    fn run(&self, count: usize, pause: Duration) -> Result<Vec<Timing>> {
        self.started.server.run(&self.scenario.event, count, pause)
    }

    fn paced_turn(&mut self, events: usize) -> Result<()> {
        self.run(1, self.pause)?; // the turn before was someone else's
        sleep(self.pause);
        let before = self.started.program.processor_time()?;
        let timings = self.run(events, self.pause)?;
        self.paced.extend(timings.iter().map(|timing| microseconds(timing.latency())));
        self.processor.push(self.spent(before, events)?);
        Ok(())
    }

    /// The processor time of each event since then, with what is done after the last answer.
    fn spent(&self, before: Duration, events: usize) -> Result<f64> {
        sleep(self.pause);
        let spent = self.started.program.processor_time()?.saturating_sub(before);
        Ok(microseconds(spent) / count(events))
    }

    fn saturated_turn(&mut self, events: usize) -> Result<()> {
        sleep(self.pause);
        let before = self.started.program.processor_time()?;
        let timings = self.run(events, Duration::ZERO)?;
        self.saturated_processor.push(self.spent(before, events)?);
        let [first, .., last] = timings.as_slice() else { return Ok(()) };
        let time = last.answered - first.answered;
        self.saturated.push(microseconds(time) / count(timings.len() - 1));
        Ok(())
    }

    fn finish(&self, results: &mut Results) {
        latencies(&LATENCIES[..1], self.index, &self.paced, results);
        results.add(results::PROCESSOR, self.index, median(&self.processor));
        latencies(&LATENCIES[1..], self.index, &self.paced, results);
        if !self.saturated.is_empty() {
            results.add(results::SATURATED, self.index, median(&self.saturated));
            results.add(results::SATURATED_PROCESSOR, self.index, median(&self.saturated_processor));
        }
    }
}

/// Median, p99 and p99.9.
pub(crate) const LATENCIES: [(Metric, usize); 3] =
    [(results::EVENT, MEDIAN), (results::EVENT_P99, 990), (results::EVENT_P999, 999)];

/// Adds the quantiles for which there are enough figures: a p99 needs more than ten.
pub(crate) fn latencies(
    quantiles: &[(Metric, usize)],
    contestant: usize,
    figures: &[f64],
    results: &mut Results,
) {
    for (metric, in_thousand) in quantiles {
        if figures.len() * (1000 - in_thousand) >= 1000 {
            results.add(*metric, contestant, quantile(figures, *in_thousand));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_figures() {
        let metrics = |count: usize| {
            let mut results = Results::of("t", "a test", ["a"].into_iter());
            latencies(&LATENCIES, 0, &vec![1.0; count], &mut results);
            results.metrics().len()
        };
        assert_eq!([2, 99, 100, 999, 1000].map(metrics), [1, 1, 2, 2, 3]);
    }
}
