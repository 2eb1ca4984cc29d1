//! The first event after a rest. All contestants rest at the same time, and are then woken one after the
//! other, in an order that changes from rest to rest: what the last one left in the caches is not the next
//! one's.

use std::thread::sleep;

use anyhow::{Context as _, Result};
use bulkhead_bench::figures::{median, microseconds};

use crate::contestant::Started;
use crate::plan::{Plan, Round, WARM_UP, order};
use crate::results::{Metric, Results};
use crate::scenario::Scenario;
use crate::turns::PAUSE;

const NORMAL: Metric = Metric { name: "an event before, median", unit: "µs" };
/// The event after the rest.
pub(crate) const FIRST: Metric = Metric { name: "first event after the rest", unit: "µs" };
const PROCESSOR: Metric = Metric { name: "its processor time", unit: "µs" };
const RELATIVE: Metric = Metric { name: "relative to the events before", unit: "×" };

/// The name in the report.
pub(crate) fn title(plan: &Plan) -> String {
    format!("hello, after {} s of rest", plan.rest)
}

/// Measures all contestants once.
pub(crate) fn round(round: &Round<'_>, scenario: &Scenario, results: &mut Results) -> Result<()> {
    let Round { plan, contestants, number } = round;
    let mut runners = Vec::new();
    for (index, contestant) in contestants.iter().enumerate() {
        let started = contestant.start(scenario.handler, 1)?;
        let mut figures = Figures::default();
        let failed = || contestant.failed(&started);
        started.server.run(&scenario.event, WARM_UP, PAUSE).with_context(failed)?;
        let timings = started.server.run(&scenario.event, WARM_UP, PAUSE).with_context(failed)?;
        let latencies: Vec<f64> = timings.iter().map(|timing| microseconds(timing.latency())).collect();
        figures.normal = median(&latencies);
        runners.push((index, started, figures));
    }
    for rest in 0..plan.rests {
        sleep(plan.rest()?);
        for place in order(number + rest, contestants.len()) {
            let (index, started, figures) = &mut runners[place];
            figures.wake(started, scenario).with_context(|| contestants[*index].failed(started))?;
        }
    }
    for (index, _, figures) in &runners {
        let first = median(&figures.first);
        results.add(NORMAL, *index, figures.normal);
        results.add(FIRST, *index, first);
        results.add(PROCESSOR, *index, median(&figures.processor));
        results.add(RELATIVE, *index, first / figures.normal);
    }
    Ok(())
}

/// The figures of one contestant, of which there is one for each rest.
#[derive(Default)]
struct Figures {
    normal: f64,
    first: Vec<f64>,
    processor: Vec<f64>,
}

impl Figures {
    fn wake(&mut self, started: &Started, scenario: &Scenario) -> Result<()> {
        let Started { server, program, .. } = started;
        let before = program.processor_time()?;
        let timings = server.run(&scenario.event, 1, std::time::Duration::ZERO)?;
        sleep(PAUSE); // what is done after an answer counts as well
        let spent = program.processor_time()?.saturating_sub(before);
        self.first.extend(timings.iter().map(|timing| microseconds(timing.latency())));
        self.processor.push(microseconds(spent));
        Ok(())
    }
}
