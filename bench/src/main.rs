//! `cargo xtask bench`: the `hello` handler on `lambda_runtime` and on Bulkhead, in one run on one machine.
//!
//! All contestants talk to the same implementation of the Runtime API, which takes the timestamps. Noise is met by
//! pairing: in every round each of them starts afresh and they take turns event by event in small groups; a
//! ratio compares two figures of one round, and the report shows how far the rounds are apart.
//!
//! `contestant.rs` says who runs, `round.rs` what is done to them, `process.rs` what the kernel knows about
//! them, `results.rs` what is made of the figures, `report.rs` how they are shown.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

mod contestant;
mod report;
mod results;
mod round;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bulkhead_bench::process;
use clap::Parser;

use crate::contestant::Contestant;
use crate::results::Results;

/// Measures contestants side by side. `cargo xtask bench` builds them and fills in the paths.
#[derive(Debug, Parser)]
struct Arguments {
    /// The handler on `lambda_runtime`: what the others are compared with
    #[arg(long)]
    native: PathBuf,
    /// The same on one thread
    #[arg(long)]
    native_one_thread: PathBuf,
    /// The bootstrap without compiler
    #[arg(long)]
    lean: PathBuf,
    /// What it runs
    #[arg(long)]
    cwasm: PathBuf,
    /// The bootstrap with compiler
    #[arg(long)]
    full: PathBuf,
    /// What it runs
    #[arg(long)]
    wasm: PathBuf,
    /// Where the figures go
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(flatten)]
    plan: round::Plan,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let contestants = [
        Contestant::native("lambda_runtime", &arguments.native)?,
        Contestant::native("…, one thread", &arguments.native_one_thread)?,
        Contestant::component("bulkhead, .cwasm", &arguments.lean, &arguments.cwasm)?,
        Contestant::component("bulkhead, .wasm", &arguments.full, &arguments.wasm)?,
    ];
    let mut results = Results::of(contestants.iter().map(|contestant| contestant.name));
    for (index, contestant) in contestants.iter().enumerate() {
        results.add(results::PROGRAM, index, process::count(fs::metadata(&contestant.program)?.len()) / 1e6);
    }
    for round in 0..arguments.plan.rounds {
        println!("round {}/{}", round + 1, arguments.plan.rounds);
        round::run(&arguments.plan, round, &contestants, &mut results)?;
    }
    println!("\n{}", report::table(&results));
    if let Some(file) = arguments.json {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&file, report::json(&results)?).with_context(|| format!("writing {}", file.display()))?;
        println!("all figures: {}", file.display());
    }
    Ok(())
}
