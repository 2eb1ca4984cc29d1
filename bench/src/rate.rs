//! Events at fixed times, whether or not the last one was answered, beside the closed loop, in which the next
//! event comes when the last one was answered.
//!
//! A closed loop sends nothing while a contestant is late, so one delay is one late event. At fixed times, a
//! delay makes every event late that was due meanwhile: the time of an event starts when it was due. The
//! server wakes up for each event, which takes some microseconds more for every contestant: the floor shows
//! them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::figures::{MEDIAN, count, median, microseconds};

use crate::contestant::{Contestant, Started};
use crate::plan::{Plan, Round, WARM_UP};
use crate::results::{Metric, Results};
use crate::scenario::Scenario;
use crate::server::{Batch, Timing, WAIT_LIMIT};
use crate::turns::{PAUSE, latencies};

/// The turns of each contestant.
const TURNS: usize = 4;

/// The median, from when an event was due.
pub(crate) const DUE: Metric = Metric { name: "at fixed times: median", unit: "µs" };
const DUE_PROCESSOR: Metric = Metric { name: "at fixed times: processor time", unit: "µs" };
/// The slowest in a hundred, from when an event was due.
pub(crate) const DUE_P99: Metric = Metric { name: "at fixed times: p99", unit: "µs" };
const DUE_P999: Metric = Metric { name: "at fixed times: p99.9", unit: "µs" };
const CLOSED: Metric = Metric { name: "closed loop: median", unit: "µs" };
const CLOSED_PROCESSOR: Metric = Metric { name: "closed loop: processor time", unit: "µs" };
const CLOSED_P99: Metric = Metric { name: "closed loop: p99", unit: "µs" };
const CLOSED_P999: Metric = Metric { name: "closed loop: p99.9", unit: "µs" };

/// The name in the report.
pub(crate) fn title(plan: &Plan) -> String {
    format!("hello, {} a second", plan.rate)
}

/// Measures all contestants once.
pub(crate) fn round(round: &Round<'_>, scenario: &Scenario, results: &mut Results) -> Result<()> {
    let Round { plan, contestants, .. } = round;
    let events = plan.events.div_ceil(TURNS);
    let interval = Duration::from_secs(1) / plan.rate.max(1);
    let mut runners = Vec::new();
    for index in round.order() {
        runners.push(Runner::start(index, &contestants[index], scenario)?);
    }
    for _ in 0..TURNS {
        for runner in &mut runners {
            runner.fixed_times(events, interval).with_context(|| runner.failed())?;
            runner.closed_loop(events).with_context(|| runner.failed())?;
        }
    }
    runners.iter().for_each(|runner| runner.finish(results));
    Ok(())
}

/// A running contestant, and its figures so far.
struct Runner<'a> {
    index: usize,
    contestant: &'a Contestant,
    scenario: &'a Scenario,
    started: Started,
    due: Figures,
    closed: Figures,
}

/// The figures of one kind of run.
#[derive(Default)]
struct Figures {
    latencies: Vec<f64>,
    processor: Vec<f64>,
}

impl<'a> Runner<'a> {
    fn start(index: usize, contestant: &'a Contestant, scenario: &'a Scenario) -> Result<Self> {
        let started = contestant.start(scenario.handler, 1)?;
        let (due, closed) = Default::default();
        let runner = Self { index, contestant, scenario, started, due, closed };
        let warm_up = runner.started.server.run(&scenario.event, WARM_UP, PAUSE);
        warm_up.with_context(|| runner.failed())?;
        Ok(runner)
    }

    fn failed(&self) -> String {
        self.contestant.failed(&self.started)
    }

    fn fixed_times(&mut self, events: usize, interval: Duration) -> Result<()> {
        let Started { server, program, .. } = &self.started;
        let before = program.processor_time()?;
        let [batch] = server.begin_together([Batch::every(&self.scenario.event, events, interval)]);
        let limit = WAIT_LIMIT + interval * u32::try_from(events)?;
        ensure!(server.wait_done(&batch, limit)?, "{} of {events} events were answered", batch.answered());
        let timings = batch.timings()?;
        self.due.add(&timings, &self.started, before)
    }

    fn closed_loop(&mut self, events: usize) -> Result<()> {
        let before = self.started.program.processor_time()?;
        let timings = self.started.server.run(&self.scenario.event, events, Duration::ZERO)?;
        self.closed.add(&timings, &self.started, before)
    }

    fn finish(&self, results: &mut Results) {
        let due = [DUE, DUE_PROCESSOR, DUE_P99, DUE_P999];
        let closed = [CLOSED, CLOSED_PROCESSOR, CLOSED_P99, CLOSED_P999];
        for (figures, [middle, processor, p99, p999]) in [(&self.due, due), (&self.closed, closed)] {
            latencies(&[(middle, MEDIAN)], self.index, &figures.latencies, results);
            results.add(processor, self.index, median(&figures.processor));
            latencies(&[(p99, 990), (p999, 999)], self.index, &figures.latencies, results);
        }
    }
}

impl Figures {
    /// Adds a turn, with what is done after its last answer.
    fn add(&mut self, timings: &[Timing], started: &Started, before: Duration) -> Result<()> {
        std::thread::sleep(PAUSE);
        let spent = started.program.processor_time()?.saturating_sub(before);
        self.latencies.extend(timings.iter().map(|timing| microseconds(timing.latency())));
        self.processor.push(microseconds(spent) / count(timings.len()));
        Ok(())
    }
}
