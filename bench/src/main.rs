//! `cargo xtask bench`: compares the same handlers on `lambda_runtime` and on Bulkhead, in one run on one
//! machine.
//!
//! All contestants talk to one implementation of the Runtime API (`server.rs`), which takes the timestamps
//! and compares every answer with the expected one. Runs are paired to cancel noise: in every round each
//! contestant is started anew, and they take turns in small groups of events, so that other load on the
//! machine affects all of them; the order changes from round to round. A ratio compares two figures of one
//! round. The tables show the median ratio of all rounds and, in brackets, the smallest and the largest.
//! While an event is in flight, only the server's thread of that connection runs in this process. The floor
//! shows the part of a figure that belongs to the kernel and the server.
//!
//! `contestant.rs` and `program.rs` define the contestants, `scenario.rs` the handlers and events, and
//! `plan.rs` the number of repetitions. The measurements are in `starts.rs`, `turns.rs` (one event at a
//! time), `load.rs` (many events), `faults.rs`, `fairness.rs` and `warm.rs`. `results.rs` evaluates the
//! figures; `report.rs`, `targets.rs` and `chart.rs` present them.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

mod chart;
mod contestant;
mod fairness;
mod faults;
mod load;
mod plan;
mod program;
mod report;
mod results;
mod scenario;
mod server;
mod starts;
mod targets;
mod turns;
mod warm;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bulkhead_bench::machine;
use clap::Parser;

use crate::contestant::Contestant;
use crate::plan::{Part, Plan, Round};
use crate::results::Results;
use crate::scenario::Scenario;

/// Measures contestants in comparison. `cargo xtask bench` builds them and sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The handlers on `lambda_runtime`, with which the others are compared
    #[arg(long)]
    native: PathBuf,
    /// The handlers on `lambda_runtime` with one thread
    #[arg(long)]
    native_one_thread: PathBuf,
    /// A loop that answers without any work
    #[arg(long)]
    floor: PathBuf,
    /// The bootstrap without the compiler, which runs `.cwasm`
    #[arg(long)]
    lean: PathBuf,
    /// The bootstrap with the compiler, which runs `.wasm`
    #[arg(long)]
    full: PathBuf,
    /// The folder of the handlers, as `.wasm` and as `.cwasm`
    #[arg(long)]
    components: PathBuf,
    /// The file for the figures
    #[arg(long)]
    json: Option<PathBuf>,
    /// The file for the chart
    #[arg(long)]
    svg: Option<PathBuf>,
    #[command(flatten)]
    plan: Plan,
}

/// The positions of the contestants in all tables.
const REFERENCE: usize = 0;
const ONE_THREAD: usize = 1;
const CWASM: usize = 2;
/// The floor comes last, and has no handlers that could fail.
const FLOOR: usize = 4;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let contestants = contestants(&arguments)?;
    println!("{}", machine::headline());
    let mut bench = Bench::new(&arguments.plan, &contestants)?;
    for round in 0..arguments.plan.rounds {
        bench.round(round)?;
    }
    let tables = bench.tables;
    for table in &tables {
        println!("\n{}", report::table(table));
    }
    let verdicts = targets::judge(&tables);
    println!("\n{}\n", report::targets(&verdicts));
    if let Some(file) = &arguments.json {
        let json = serde_json::to_string_pretty(&report::json(&tables, &verdicts))?;
        write("all figures", file, &json)?;
    }
    match &arguments.svg {
        Some(file) => write("chart", file, &chart::svg(&tables)),
        None => Ok(()),
    }
}

fn contestants(arguments: &Arguments) -> Result<[Contestant; 5]> {
    let components = &arguments.components;
    Ok([
        Contestant::native("lambda_runtime", &arguments.native)?,
        Contestant::native("…, one thread", &arguments.native_one_thread)?,
        Contestant::components("bulkhead, .cwasm", &arguments.lean, components, "cwasm")?,
        Contestant::components("bulkhead, .wasm", &arguments.full, components, "wasm")?,
        Contestant::native("floor", &arguments.floor)?,
    ])
}

fn write(what: &str, file: &Path, content: &str) -> Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(file, content).with_context(|| format!("writing {}", file.display()))?;
    println!("{what}: {}", file.display());
    Ok(())
}

/// The state of the run.
struct Bench<'a> {
    plan: &'a Plan,
    contestants: &'a [Contestant],
    hello: Scenario,
    scenarios: Vec<Scenario>,
    tables: Vec<Results>,
}

impl<'a> Bench<'a> {
    fn new(plan: &'a Plan, contestants: &'a [Contestant]) -> Result<Self> {
        let mut scenarios = Vec::new();
        if plan.has(Part::Hello) {
            scenarios.push(scenario::greeting()?);
        }
        if plan.has(Part::Echo) {
            scenarios.extend(scenario::echoes());
        }
        if plan.has(Part::Orders) {
            scenarios.extend(scenario::orders()?);
        }
        Ok(Self { plan, contestants, hello: scenario::greeting()?, scenarios, tables: Vec::new() })
    }

    /// Measures everything once.
    fn round(&mut self, number: usize) -> Result<()> {
        let (plan, all) = (self.plan, self.contestants);
        let progress = |what: &str| println!("round {}/{}: {what}", number + 1, plan.rounds);
        let round = Round { plan, number, contestants: all };
        if plan.has(Part::Start) {
            progress("starts");
            prepare(all, &self.hello)?;
            let table = table(&mut self.tables, "start", "start", all);
            starts::round(&round, &self.hello, table)?;
        }
        for scenario in &self.scenarios {
            progress(&scenario.title);
            prepare(all, scenario)?;
            let table = table(&mut self.tables, &scenario.id, &scenario.title, all);
            turns::round(&round, scenario, table)?;
        }
        for at_once in load::LEVELS.into_iter().filter(|_| plan.has(Part::Concurrency)) {
            let title = format!("hello, {at_once} at once");
            progress(&title);
            prepare(all, &self.hello)?;
            let table = table(&mut self.tables, &format!("at-once-{at_once}"), &title, all);
            load::round(&round, &self.hello, at_once, table)?;
        }
        for (kind, title) in faults::FAULTS.into_iter().filter(|_| plan.has(Part::Faults)) {
            progress(title);
            let with_handlers = &all[..FLOOR];
            with_handlers.iter().try_for_each(|contestant| contestant.prepare(faults::HANDLER, b""))?;
            let table = table(&mut self.tables, &format!("fault-{kind}"), title, with_handlers);
            faults::round(&Round { contestants: with_handlers, ..round }, kind, table)?;
        }
        if plan.has(Part::Warm) {
            let scenario = warm::scenario();
            progress(&scenario.title);
            let ways = warm::contestants(&all[CWASM])?;
            prepare(&ways, &scenario)?;
            let table = table(&mut self.tables, &scenario.id, &scenario.title, &ways);
            turns::round(&Round { contestants: &ways, ..round }, &scenario, table)?;
        }
        if plan.has(Part::Fairness) {
            progress(fairness::TITLE);
            let names = fairness::NEIGHBOURS.map(|(name, _)| name);
            let table = table_of(&mut self.tables, "fairness", fairness::TITLE, names.into_iter());
            fairness::round(plan, number, &all[CWASM], table)?;
        }
        Ok(())
    }
}

fn prepare(contestants: &[Contestant], scenario: &Scenario) -> Result<()> {
    let answer = scenario.event.answer.as_deref().unwrap_or_default();
    contestants.iter().try_for_each(|contestant| contestant.prepare(scenario.handler, answer))
}

/// The table with this id, which is created in the first round.
fn table<'a>(
    tables: &'a mut Vec<Results>,
    id: &str,
    title: &str,
    contestants: &[Contestant],
) -> &'a mut Results {
    table_of(tables, id, title, contestants.iter().map(|contestant| contestant.name))
}

/// The table with other columns.
fn table_of<'a>(
    tables: &'a mut Vec<Results>,
    id: &str,
    title: &str,
    columns: impl Iterator<Item = &'static str>,
) -> &'a mut Results {
    let place = tables.iter().position(|table| table.id == id).unwrap_or_else(|| {
        tables.push(Results::of(id, title, columns));
        tables.len() - 1
    });
    &mut tables[place]
}
