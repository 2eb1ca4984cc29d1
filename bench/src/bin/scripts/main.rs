//! `cargo xtask bench --scripts`: the cost of handlers that are scripts, beside StarlingMonkey and Node.js, and of many tenants
//! with a script each.
//!
//! `events.rs` sends the same events to every contestant, `tenants.rs` measures functions with one tenant and with many, and
//! `scenario.rs` has the scripts and their events. Processor time is that of the whole process, so it contains the event
//! loop and the making of the sandbox.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

mod events;
mod scenario;
mod tenants;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bulkhead_bench::component::compile;
use bulkhead_bench::figures::count;
use bulkhead_bench::goals::{self, Goal};
use bulkhead_bench::machine;
use clap::Parser;
use serde_json::json;

use crate::events::{Contestant, Figures};
use crate::scenario::{HELLO, JSON, LARGE};
use crate::tenants::Function;

/// Measures scripts in comparison. `cargo xtask bench --scripts` sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The bootstrap without the compiler
    #[arg(long)]
    lean: PathBuf,
    /// The `bulkhead` command
    #[arg(long)]
    command: PathBuf,
    /// The component of the engine
    #[arg(long)]
    engine: PathBuf,
    /// The component of the one-line handler on StarlingMonkey
    #[arg(long)]
    starlingmonkey: Option<PathBuf>,
    /// A folder in which `npm install aws-lambda-ric` was called, for a column of Node.js
    #[arg(long)]
    node_client: Option<PathBuf>,
    /// The file for the figures
    #[arg(long)]
    json: Option<PathBuf>,
    /// How often each contestant is started
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many events each start gets
    #[arg(long, default_value_t = 400)]
    events: usize,
    /// How many tenants have a script each
    #[arg(long, default_value_t = 10_000)]
    tenants: usize,
    /// How often each function with tenants is started
    #[arg(long, default_value_t = 15)]
    starts: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("{}", machine::headline());
    let folder = tempfile::tempdir().context("making a folder")?;
    let native = folder.path().join("javascript.cwasm");
    compile(&arguments.command, &arguments.engine, &native)?;
    let contestants = contestants(&arguments, folder.path())?;
    let rows = events::measure(&contestants, arguments.rounds, arguments.events)?;
    println!("\n{}", events::table(&rows));
    let functions = tenants::measure(&arguments.lean, &native, arguments.tenants, arguments.starts)?;
    println!("\n{}", tenants::table(&functions));
    let size = |file: &Path| Ok::<_, anyhow::Error>(count(fs::metadata(file)?.len()) / 1e6);
    let goals = judge(&rows, &functions, [size(&arguments.engine)?, size(&native)?]);
    println!("\n{}", goals::shown(&goals));
    if let Some(file) = &arguments.json {
        let all = json!({
            "events": events::as_json(&rows),
            "tenants": tenants::as_json(&functions),
            "targets": goals::json(&goals),
        });
        fs::create_dir_all(file.parent().unwrap_or_else(|| Path::new(".")))?;
        fs::write(file, serde_json::to_string_pretty(&all)?)?;
        println!("all figures: {}", file.display());
    }
    Ok(())
}

fn contestants(arguments: &Arguments, folder: &Path) -> Result<Vec<Contestant>> {
    let engines = arguments.engine.parent().context("the engine is in no folder")?;
    let mut all = vec![Contestant::scripts(&arguments.lean, &arguments.command, engines)?];
    if let Some(component) = &arguments.starlingmonkey {
        let native = folder.join("starlingmonkey.cwasm");
        compile(&arguments.command, component, &native)?;
        all.push(Contestant::starlingmonkey(&arguments.lean, &native)?);
    }
    if let Some(client) = &arguments.node_client {
        all.push(Contestant::node(client)?);
    }
    Ok(all)
}

/// The targets, and what was measured of them. `sizes` are those of the engine and of its native code, in MB.
fn judge(rows: &[Figures], functions: &[Function], sizes: [f64; 2]) -> Vec<Goal> {
    let of = |contestant: &str, scenario: &str, figure: fn(&Figures) -> f64| {
        let row = rows.iter().find(|row| row.contestant == contestant && row.scenario == scenario);
        row.map_or(f64::NAN, figure)
    };
    let processor = |scenario| of(events::SCRIPT, scenario, |row| row.processor);
    let beside = processor(HELLO) / of(events::STARLINGMONKEY, HELLO, |row| row.processor);
    let sandbox = of(events::SCRIPT, HELLO, |row| row.sandbox);
    let tenants = tenants::Difference::of(functions);
    let goal = |name, limit, unit, measured| Goal { name, limit, unit, measured };
    vec![
        goal("one line, processor time", 0.12, " ms", processor(HELLO)),
        goal("one line, beside StarlingMonkey", 0.15, "×", beside),
        goal("script of 30 KB, processor time", 0.5, " ms", processor(LARGE)),
        goal("JSON of 100 KB in and out, processor time", 2.0, " ms", processor(JSON)),
        goal("memory of a sandbox", 2.0, " MB", sandbox),
        goal("each further tenant, beside its source", 8.0, " KB", tenants.each),
        goal("start with all tenants, beyond one's", 20.0, " ms", tenants.start),
        goal("memory when all tenants were served", 200.0, " MB", tenants.served),
        goal("engine", 1.5, " MB", sizes[0]),
        goal("native code of the engine", 4.0, " MB", sizes[1]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_finds_its_figure() {
        let row = |contestant, scenario, processor| Figures {
            contestant,
            scenario,
            processor,
            latency: 1.0,
            first: 1.0,
            sandbox: 0.8,
        };
        let rows = [
            row(events::SCRIPT, HELLO, 0.06),
            row(events::SCRIPT, LARGE, 0.4),
            row(events::STARLINGMONKEY, HELLO, 0.6),
        ];
        let function = |tenants, start, served| Function { tenants, source: 100, start, idle: 5.0, served };
        let functions = [function(1, 5.0, 10.0), function(1001, 6.5, 13.0)];
        let measured: Vec<f64> =
            judge(&rows, &functions, [1.4, 3.9]).iter().map(|goal| (goal.measured * 1e3).round()).collect();
        assert_eq!(measured[..3], [60.0, 100.0, 400.0]);
        assert!(measured[3].is_nan(), "no event of JSON was measured");
        assert_eq!(measured[4..], [800.0, 2900.0, 1500.0, 13000.0, 1400.0, 3900.0]);
    }
}
