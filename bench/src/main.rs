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
//! `lambda_runtime` runs in two forms: as its README sets it up, which the other columns are compared with,
//! and on one thread, which is faster for one event at a time. With `--before`, two builds of Bulkhead are
//! compared with each other instead.
//!
//! `lineup.rs` lists the contestants, `contestant.rs` and `program.rs` start them, `scenario.rs` defines the
//! handlers and events, and `plan.rs` the number of repetitions. `rounds.rs` calls the measurements, which are in `starts.rs`,
//! `turns.rs` (one event at a time), `load.rs` (many events), `rate.rs` (events at fixed times), `rest.rs`,
//! `faults.rs`, `fairness.rs` and `warm.rs`. `results.rs` evaluates the figures; `report.rs`, `targets.rs`
//! and `chart.rs` present them.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

mod chart;
mod contestant;
mod elsewhere;
mod fairness;
mod faults;
mod lineup;
mod load;
mod plan;
mod program;
mod rate;
mod report;
mod rest;
mod results;
mod rounds;
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

use crate::elsewhere::Elsewhere;
use crate::lineup::{LineUp, Programs};
use crate::plan::Plan;
use crate::rounds::Rounds;

/// Measures contestants in comparison. `cargo xtask bench` builds them and sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    programs: Programs,
    /// The file for the figures
    #[arg(long)]
    json: Option<PathBuf>,
    /// The file for the chart
    #[arg(long)]
    svg: Option<PathBuf>,
    #[command(flatten)]
    elsewhere: Elsewhere,
    #[command(flatten)]
    plan: Plan,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let lineup = LineUp::of(&arguments.programs)?;
    println!("{}", machine::headline());
    let tables = Rounds::new(&arguments.plan, &lineup)?.run()?;
    for table in &tables {
        println!("\n{}", report::table(table));
    }
    if lineup.compares_builds() {
        println!("\n{}", report::changes(&tables));
    }
    let verdicts = targets::judge(&tables, &arguments.elsewhere)?;
    if !verdicts.is_empty() {
        println!("\n{}", report::targets(&verdicts));
        println!("not measured: {}", targets::others(&verdicts));
    }
    println!();
    if let Some(file) = &arguments.json {
        let json = serde_json::to_string_pretty(&report::json(&tables, &verdicts))?;
        write("all figures", file, &json)?;
    }
    match &arguments.svg {
        Some(file) => write("chart", file, &chart::svg(&tables)),
        None => Ok(()),
    }
}

fn write(what: &str, file: &Path, content: &str) -> Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(file, content).with_context(|| format!("writing {}", file.display()))?;
    println!("{what}: {}", file.display());
    Ok(())
}
