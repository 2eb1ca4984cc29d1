//! Measures the event after a fault: its latency, and the time until it is answered.
//!
//! If the process survives the fault, it continues. If it ends, or hangs past the deadline, this program
//! kills it and starts it again, as Lambda does. Lambda takes longer for that, so the figure of a native
//! runtime is a lower bound.

use std::sync::Arc;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::figures::{count, median, microseconds, milliseconds};
use bulkhead_bench_handlers::{Request, hello};

use crate::contestant::{Contestant, Started};
use crate::plan::{Round, WARM_UP};
use crate::results::{Metric, Results};
use crate::server::{End, Event, WAIT_LIMIT};
use crate::turns::PAUSE;

/// The faults, and their names in the report.
pub(crate) const FAULTS: [(&str, &str); 3] = [
    ("panic", "after a handler that panics"),
    ("exit", "after a handler that ends its process"),
    ("stuck", "after a handler that is stuck until the deadline"),
];

/// The handler.
pub(crate) const HANDLER: &str = "faulty";
/// The median of equal events before any fault.
const NORMAL: Metric = Metric { name: "an event before, median", unit: "µs" };
/// The processor time of each of these events.
const PROCESSOR: Metric = Metric { name: "processor time of an event before", unit: "µs" };
/// The event after the fault.
const NEXT: Metric = Metric { name: "the next event", unit: "µs" };
/// The event after the fault, relative to the median of the events just before the fault.
const RELATIVE: Metric = Metric { name: "the next event, relative to those before", unit: "×" };
/// An event after a pause as long as the fault took: caches are cold then, whatever happened in the meantime.
const RESTED: Metric = Metric { name: "first event after an equal idle period", unit: "µs" };
/// The time from the end of the fault (its answer, the end of the process, or the kill) to the next answer,
/// without pauses of the benchmark.
const BACK: Metric = Metric { name: "fault to next answer", unit: "ms" };
/// How many of the faults ended the process.
const RESTARTS: Metric = Metric { name: "processes lost per fault", unit: "" };

/// How often the benchmark checks whether a process has ended.
const LOOK: Duration = Duration::from_micros(200);
/// The deadline of a handler that hangs.
const DEADLINE: Duration = Duration::from_millis(220);

/// Measures all contestants once, with one kind of fault.
pub(crate) fn round(round: &Round<'_>, kind: &str, results: &mut Results) -> Result<()> {
    let Round { plan, contestants, .. } = round;
    for index in round.order() {
        let contestant = &contestants[index];
        let started = contestant.start(HANDLER, 1)?;
        let mut trial = Trial { contestant, started, event: greeting()?, figures: Figures::default() };
        let restarts = trial.run(kind, plan.faults).with_context(|| contestant.failed(&trial.started))?;
        let Figures { normal, processor, next, relative, rested, back } = trial.figures;
        let rows = [
            (NORMAL, normal),
            (PROCESSOR, processor),
            (NEXT, next),
            (RELATIVE, relative),
            (RESTED, rested),
            (BACK, back),
        ];
        for (metric, figures) in rows {
            results.add(metric, index, median(&figures));
        }
        results.add(RESTARTS, index, count(restarts) / count(plan.faults));
    }
    Ok(())
}

struct Trial<'a> {
    contestant: &'a Contestant,
    started: Started,
    event: Arc<Event>,
    figures: Figures,
}

/// One figure of each kind for each fault.
#[derive(Default)]
struct Figures {
    normal: Vec<f64>,
    processor: Vec<f64>,
    next: Vec<f64>,
    relative: Vec<f64>,
    rested: Vec<f64>,
    back: Vec<f64>,
}

impl Trial<'_> {
    /// How many faults the process did not survive.
    fn run(&mut self, kind: &str, faults: usize) -> Result<usize> {
        let event = fault(kind);
        let mut restarts = 0;
        for _ in 0..faults {
            self.median(WARM_UP / 2, PAUSE)?;
            let before = self.started.program.processor_time()?;
            let normal = self.median(WARM_UP / 2, PAUSE)?;
            let spent = self.started.program.processor_time()?.saturating_sub(before);
            self.figures.processor.push(microseconds(spent) / count(WARM_UP / 2));
            let began = Instant::now();
            let (ended, survived) = self.fail(&event)?;
            if !survived {
                restarts += 1;
                self.restart()?;
            }
            let next = self.recover(ended)?;
            self.median(WARM_UP / 2, PAUSE)?;
            let rested = self.median(1, ended - began)?;
            self.figures.rested.push(rested);
            self.figures.normal.push(normal);
            self.figures.next.push(next);
            self.figures.relative.push(next / normal);
        }
        Ok(restarts)
    }

    /// The median latency of a number of events, with a pause before each.
    fn median(&self, events: usize, pause: Duration) -> Result<f64> {
        let timings = self.started.server.run(&self.event, events, pause)?;
        let latencies: Vec<f64> = timings.iter().map(|timing| microseconds(timing.latency())).collect();
        Ok(median(&latencies))
    }

    /// Sends the event with the fault. Returns when it was over, and whether the process is still running.
    fn fail(&mut self, event: &Arc<Event>) -> Result<(Instant, bool)> {
        let (server, program) = (&self.started.server, &mut self.started.program);
        let batch = server.begin(event, 1, PAUSE);
        let deadline = Instant::now() + PAUSE + event.deadline;
        while !server.wait_done(&batch, LOOK)? {
            if !program.has_ended()? && Instant::now() < deadline {
                continue;
            }
            let ended = Instant::now();
            program.kill()?;
            server.give_up(&batch);
            return Ok((ended, false));
        }
        let timings = batch.timings()?;
        let timing = timings.first().context("a batch without an event")?;
        ensure!(timing.end == End::Error, "the fault was answered as if it were none");
        Ok((timing.answered, true))
    }

    /// Starts the program again, with the same server.
    fn restart(&mut self) -> Result<()> {
        self.started.program = self.contestant.launch(HANDLER, 1).start(&self.started.server.address())?;
        Ok(())
    }

    /// Waits until the program calls for an event after the fault, sends one, and returns its latency.
    fn recover(&mut self, ended: Instant) -> Result<f64> {
        let server = &self.started.server;
        let asked = loop {
            server.wait_pending(1, WAIT_LIMIT)?;
            match server.last_next().filter(|next| *next > ended) {
                Some(next) => break next,
                None if ended.elapsed() > WAIT_LIMIT => anyhow::bail!("it does not ask for an event again"),
                None => yield_now(),
            }
        };
        let timings = server.run(&self.event, 1, PAUSE)?;
        let latency = timings.first().context("a batch without an event")?.latency();
        self.figures.back.push(milliseconds(asked - ended + latency));
        Ok(microseconds(latency))
    }
}

/// An event with a normal response.
fn greeting() -> Result<Arc<Event>> {
    let body = named("world");
    let request: Request = serde_json::from_slice(&body)?;
    let answer = serde_json::to_vec(&hello(&request))?;
    Ok(Arc::new(Event { body, answer: Some(answer), deadline: WAIT_LIMIT, tenant: None }))
}

/// An event that causes a fault, with any answer.
fn fault(name: &str) -> Arc<Event> {
    let deadline = if name == "stuck" { DEADLINE } else { WAIT_LIMIT };
    Arc::new(Event { body: named(name), answer: None, deadline, tenant: None })
}

fn named(name: &str) -> Vec<u8> {
    format!(r#"{{"name":"{name}"}}"#).into_bytes()
}
