//! Many events at once: each contestant gets an event for every pending call, for as long as its turn lasts.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bulkhead_bench::figures::{count, median, microseconds};
use bulkhead_bench::process;

use crate::contestant::Started;
use crate::plan::{REST, Round, WARM_UP};
use crate::results::{self, Results};
use crate::scenario::Scenario;
use crate::turns::{LATENCIES, PAUSE, latencies};

/// The numbers of concurrent events.
pub(crate) const LEVELS: [usize; 3] = [1, 8, 64];
/// The turns of each contestant.
const TURNS: usize = 5;

/// Measures all contestants once, with a number of concurrent events.
pub(crate) fn round(
    round: &Round<'_>,
    scenario: &Scenario,
    at_once: usize,
    results: &mut Results,
) -> Result<()> {
    let Round { plan, contestants, .. } = round;
    let mut runners = Vec::new();
    for index in round.order() {
        let contestant = &contestants[index];
        let started = contestant.start(scenario.handler, at_once)?;
        results.add(results::CALLS, index, count(started.calls));
        let warm_up = started.server.run(&scenario.event, WARM_UP + at_once, Duration::ZERO);
        warm_up.with_context(|| contestant.failed(&started))?;
        runners.push((index, started, Figures::default()));
    }
    for _ in 0..TURNS {
        for (index, started, figures) in &mut runners {
            let turn = figures.turn(started, scenario, plan.events);
            turn.with_context(|| contestants[*index].failed(started))?;
        }
    }
    for (index, started, figures) in &runners {
        results.add(results::THROUGHPUT, *index, median(&figures.throughput));
        latencies(&LATENCIES[..1], *index, &figures.latencies, results);
        results.add(results::PROCESSOR, *index, median(&figures.processor));
        latencies(&LATENCIES[1..], *index, &figures.latencies, results);
        results.add(results::SATURATED, *index, 1e6 / median(&figures.throughput));
        results.add(results::SERVER, *index, median(&figures.server));
        sleep(REST);
        results.add(results::IDLE_MEMORY, *index, started.program.resident_memory()?);
    }
    Ok(())
}

#[derive(Default)]
struct Figures {
    throughput: Vec<f64>,
    latencies: Vec<f64>,
    processor: Vec<f64>,
    server: Vec<f64>,
}

impl Figures {
    fn turn(&mut self, started: &Started, scenario: &Scenario, events: usize) -> Result<()> {
        sleep(PAUSE);
        let spent = || Ok::<_, anyhow::Error>([started.program.processor_time()?, own_processor_time()?]);
        let before = spent()?;
        let timings = started.server.run(&scenario.event, events, Duration::ZERO)?;
        sleep(PAUSE);
        let after = spent()?;
        let first = timings.iter().map(|timing| timing.delivered).min();
        let last = timings.iter().map(|timing| timing.answered).max();
        let (first, last) = first.zip(last).context("a turn without an event")?;
        self.throughput.push(count(events) / (last - first).as_secs_f64());
        self.latencies.extend(timings.iter().map(|timing| microseconds(timing.latency())));
        let per_event = |who: usize| microseconds(after[who].saturating_sub(before[who])) / count(events);
        self.processor.push(per_event(0));
        self.server.push(per_event(1));
        Ok(())
    }
}

fn own_processor_time() -> Result<Duration> {
    process::processor_time(std::process::id())
}
