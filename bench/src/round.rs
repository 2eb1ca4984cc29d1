//! One round: everyone starts a few times, then all run side by side and take turns.
//!
//! While an event is on its way this process sleeps, but for the one thread that serves the connection: the
//! event is queued, and its answer is looked up after a pause, when the contestant is waiting for the next one.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use bulkhead_tests::Kind;

use crate::contestant::{Contestant, Started, answer, event};
use crate::results::{self, MEDIAN, Results, quantile};
use bulkhead_bench::process;

/// From the queueing of one event to that of the next. Many times an event's latency.
const PACE: Duration = Duration::from_millis(1);
/// How long a contestant is left alone before its memory is read.
const REST: Duration = Duration::from_millis(50);
/// Events that are not measured, after which memory is read as well.
const WARM_UP: usize = 100;
/// Events that one contestant gets before it is the next one's turn.
const TURN: usize = 50;

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// How often everything is repeated, with new processes
    #[arg(long, default_value_t = 9)]
    pub(crate) rounds: usize,
    /// Starts of each contestant in a round
    #[arg(long, default_value_t = 9)]
    starts: usize,
    /// Measured events for each contestant in a round, and as many again without a pause
    #[arg(long, default_value_t = 1000)]
    events: usize,
}

/// Measures everyone once. The order of turns moves on by one from round to round.
pub(crate) fn run(
    plan: &Plan,
    round: usize,
    contestants: &[Contestant],
    results: &mut Results,
) -> Result<()> {
    let order: Vec<usize> = (0..contestants.len()).map(|place| (place + round) % contestants.len()).collect();
    starts(plan, &order, contestants, results);
    let mut runners = Vec::new();
    for &contestant in &order {
        runners.push(Runner::start(contestant, &contestants[contestant], results)?);
    }
    for _ in 0..plan.events.div_ceil(TURN) {
        for runner in &mut runners {
            runner.paced_turn()?;
        }
    }
    for _ in 0..plan.events.div_ceil(TURN) {
        for runner in &mut runners {
            runner.saturated_turn()?;
        }
    }
    runners.into_iter().try_for_each(|runner| runner.finish(results))
}

fn starts(plan: &Plan, order: &[usize], contestants: &[Contestant], results: &mut Results) {
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..plan.starts {
        for &contestant in order {
            let Started { api, process } = contestants[contestant].start();
            let first = api.wait_seen("/invocation/next");
            times[contestant].push(milliseconds(first.at - process.started()));
        }
    }
    for (contestant, times) in times.iter().enumerate() {
        results.add(results::START, contestant, quantile(times, MEDIAN));
    }
}

/// A contestant that runs, and its figures so far.
struct Runner {
    contestant: usize,
    started: Started,
    paced: Vec<f64>,
    saturated: Vec<f64>,
    processor: Vec<f64>,
}

impl Runner {
    fn start(contestant: usize, program: &Contestant, results: &mut Results) -> Result<Self> {
        let started = program.start();
        let runner = Self { contestant, started, paced: vec![], saturated: vec![], processor: vec![] };
        results.add(results::FRESH_MEMORY, contestant, runner.memory()?);
        for _ in 0..WARM_UP {
            runner.event()?;
        }
        results.add(results::IDLE_MEMORY, contestant, runner.memory()?);
        Ok(runner)
    }

    fn memory(&self) -> Result<f64> {
        sleep(REST);
        process::resident_memory(self.started.process.pid())
    }

    /// Sends one event, and gives its latency.
    fn event(&self) -> Result<Duration> {
        let ticket = self.started.api.queue(event());
        sleep(PACE);
        let answered = self.started.api.answer(ticket);
        ensure!(
            answered.kind == Kind::Response && answered.text() == answer(),
            "a wrong answer: {answered:?}"
        );
        Ok(answered.answered - answered.delivered)
    }

    fn paced_turn(&mut self) -> Result<()> {
        let pid = self.started.process.pid();
        self.event()?; // the turn before was someone else's
        let before = process::processor_time(pid)?;
        for _ in 0..TURN {
            let latency = self.event()?;
            self.paced.push(microseconds(latency));
        }
        let spent = process::processor_time(pid)? - before;
        self.processor.push(microseconds(spent) / process::count(TURN));
        Ok(())
    }

    fn saturated_turn(&mut self) -> Result<()> {
        let api = &self.started.api;
        let tickets: Vec<_> = (0..TURN).map(|_| api.queue(event())).collect();
        sleep(PACE * 20);
        let answers: Vec<_> = tickets.into_iter().map(|ticket| api.answer(ticket).answered).collect();
        // Some went out while others were still being queued.
        let half = answers.len() / 2;
        let time = answers[answers.len() - 1] - answers[half];
        self.saturated.push(microseconds(time) / process::count(answers.len() - 1 - half));
        Ok(())
    }

    fn finish(self, results: &mut Results) -> Result<()> {
        let violations = self.started.api.violations();
        ensure!(violations.is_empty(), "Lambda would have refused: {violations:?}");
        results.add(results::EVENT, self.contestant, quantile(&self.paced, MEDIAN));
        results.add(results::EVENT_P99, self.contestant, quantile(&self.paced, 990));
        results.add(results::SATURATED, self.contestant, quantile(&self.saturated, MEDIAN));
        results.add(results::PROCESSOR, self.contestant, quantile(&self.processor, MEDIAN));
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
