//! `cargo xtask bench --steps`: the cost of each step of a sandbox's life, in process, for each way to
//! allocate its memory.
//!
//! The steps are the host's own code with the real `hello` component, without a connection. The settings take
//! turns in small groups, so that noise affects all of them, and each figure is a median over all lives. The
//! time to instantiate is the difference to the store alone, life by life.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use std::fmt::Write as _;
use std::fs;
use std::iter::empty;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bulkhead_host::capabilities;
use bulkhead_host::capabilities::files::Granted;
use bulkhead_host::capabilities::key_value::Stores;
use bulkhead_host::capabilities::outbound::Clients;
use bulkhead_host::engine::meter::Meter;
use bulkhead_host::engine::watchdog::{TimeSlice, Watchdog};
use bulkhead_host::engine::{self, Pool, Share};
use bulkhead_host::log::{Format, Level, Log, LogSettings};
use bulkhead_host::policy::{Policy, Route};
use bulkhead_host::runtime_api::InvocationId;
use bulkhead_host::runtime_api::invocation::{Caller, Deadline, Invocation};
use bulkhead_host::sandbox::component::{self, Loaded};
use bulkhead_host::sandbox::outcome::Outcome;
use bulkhead_host::sandbox::time_budget::TimeBudget;
use bulkhead_host::sandbox::{FunctionSettings, Sandboxes, Timing, Visit};
use clap::Parser;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Measures the steps of a sandbox's life. `cargo xtask bench --steps` sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The compiled component of `examples/hello`
    #[arg(long)]
    cwasm: PathBuf,
    /// The file for the figures
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many lives are measured for each setting
    #[arg(long, default_value_t = 5000)]
    lives: usize,
}

const EVENT: &str =
    r#"{"name":"a name that is just as long as it takes to make an event of a hundred bytes, all in JSON."}"#;
/// The number of lives of one setting in a turn, and of lives before them that are not measured.
const TURN: u16 = 50;
const WARM_UP: usize = 5;
const STEPS: [&str; 5] = ["store", "instantiate", "call", "drop", "whole life"];

/// One way to allocate sandboxes.
struct Setting {
    name: String,
    loaded: Loaded,
    watchdog: Watchdog,
    route: Route,
    /// The figures of each step, in µs.
    times: [Vec<f64>; STEPS.len()],
    /// Page faults of a life: one figure for each turn.
    faults: Vec<f64>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sandboxes = sandboxes()?;
    let mut settings = settings(&arguments.cwasm)?;
    for _ in 0..arguments.lives.div_ceil(usize::from(TURN)) {
        for setting in &mut settings {
            turn(&runtime, &sandboxes, setting)?;
        }
    }
    println!("{}", table(&settings));
    if let Some(file) = &arguments.json {
        fs::create_dir_all(file.parent().unwrap_or_else(|| Path::new(".")))?;
        fs::write(file, serde_json::to_string_pretty(&as_json(&settings))?)?;
        println!("all figures: {}", file.display());
    }
    Ok(())
}

/// The parts of a bootstrap that make sandboxes, however their memory is allocated.
fn sandboxes() -> Result<Sandboxes> {
    let log = Arc::new(Log::new(&LogSettings {
        format: Format::Json,
        level: Level::Info,
        telemetry_fd: None,
        batches: false,
    }));
    let function = FunctionSettings {
        name: "steps".to_owned(),
        version: "$LATEST".to_owned(),
        log_group: "/aws/lambda/steps".to_owned(),
        log_stream: "2026/11/22/[$LATEST]0123456789abcdef".to_owned(),
        memory_mb: 512,
    };
    let clients = Clients::new(Arc::clone(&log), "127.0.0.1:9001", &[])?;
    let directories = Granted::open(Path::new("."), empty())?;
    let stores = Arc::new(Stores::none(Arc::clone(&log)));
    Ok(Sandboxes { function, log, directories, clients, stores, pool_usage: Arc::default() })
}

fn settings(cwasm: &Path) -> Result<Vec<Setting>> {
    let shipped = Pool::default();
    let mut settings = vec![Setting::new(
        format!("pool, {} KiB kept, as shipped", shipped.memory_kept >> 10),
        Some(shipped),
        cwasm,
    )?];
    for written_only in [false, true] {
        for memory_kept in [0, 64 << 10, 256 << 10, 1 << 20, 2 << 20] {
            let pool = Pool { memory_kept, written_only, ..Pool::default() };
            // If nothing is kept, there is nothing to ask the kernel about.
            if pool != shipped && !(written_only && memory_kept == 0) {
                let scan = if written_only { ", scanned" } else { "" };
                let name = format!("pool, {} KiB kept{scan}", memory_kept >> 10);
                settings.push(Setting::new(name, Some(pool), cwasm)?);
            }
        }
    }
    settings.push(Setting::new("on demand".to_owned(), None, cwasm)?);
    Ok(settings)
}

impl Setting {
    fn new(name: String, pool: Option<Pool>, cwasm: &Path) -> Result<Self> {
        let engine = pool.map_or_else(|| engine::start_on_demand(Share::default()), engine::start_pooled);
        let engine = engine.with_context(|| name.clone())?;
        let loaded = component::map(&engine, &capabilities::imports(&engine)?, cwasm, None)?;
        let policy = Arc::new(Policy::default_for("hello"));
        let route = Route::to(0, policy);
        let watchdog = Watchdog::start(&engine, TimeSlice::ALONE)?;
        Ok(Self { name, loaded, watchdog, route, times: Default::default(), faults: Vec::new() })
    }
}

fn turn(runtime: &Runtime, sandboxes: &Sandboxes, setting: &mut Setting) -> Result<()> {
    for _ in 0..WARM_UP {
        runtime.block_on(life(sandboxes, setting))?;
    }
    let before = faults()?;
    let lives: Vec<_> =
        (0..TURN).map(|_| runtime.block_on(life(sandboxes, setting))).collect::<Result<_>>()?;
    setting.faults.push((faults()? - before) / f64::from(TURN));
    for life in lives {
        for (times, time) in setting.times.iter_mut().zip(life) {
            times.push(time);
        }
    }
    Ok(())
}

/// The life of one sandbox, in µs for each of [`STEPS`].
async fn life(sandboxes: &Sandboxes, setting: &Setting) -> Result<[f64; STEPS.len()]> {
    let Setting { loaded, watchdog, route, .. } = setting;
    let invocation = invocation();
    let budget = TimeBudget::new(Duration::from_secs(5), invocation.deadline, 1);
    let guard = watchdog.guard(budget.ends());
    let alone = Instant::now();
    drop(sandboxes.empty(loaded, route, &guard, Meter::new(Duration::MAX)));
    let store = alone.elapsed();

    let started = Instant::now();
    let sandbox = sandboxes.make(loaded, route, &guard, Meter::new(Duration::MAX)).await;
    let made = Instant::now();
    let visit = Visit { invocation: &invocation, caller: &Caller::default(), route, channel: None };
    let meter = Meter::new(Duration::MAX);
    let timing = Timing { budget, guard: &guard, meter: &meter };
    let run = sandboxes.run(sandbox, visit, timing).await;
    let called = Instant::now();
    drop(run.remains);
    let ended = Instant::now();

    ensure!(matches!(run.outcome, Outcome::Replied(_)), "the handler failed: {:?}", run.outcome);
    let instantiate = (made - started).saturating_sub(store);
    let steps = [store, instantiate, called - made, ended - called, ended - started];
    Ok(steps.map(|step| step.as_secs_f64() * 1e6))
}

fn invocation() -> Invocation {
    Invocation {
        id: InvocationId { request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".into(), attempt: None },
        tenant_id: None,
        event: EVENT.as_bytes().into(),
        deadline: Deadline::Unknown { reason: "not there" },
    }
}

/// The page faults of this process so far that needed no disk.
fn faults() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name in parentheses; the tenth is needed.
    let fields = stat.rsplit(')').next().context("the kernel shows no name")?;
    Ok(fields.split_whitespace().nth(7).context("the kernel shows no page faults")?.parse()?)
}

/// The figure that a part of all figures, in thousandths, does not exceed.
fn quantile(figures: &[f64], in_thousand: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = sorted.len().saturating_sub(1) * in_thousand / 1000;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

fn table(settings: &[Setting]) -> String {
    let mut table = format!("| µs, median (p99) | {} | page faults |\n|---|", STEPS.join(" | "));
    table.push_str(&"--:|".repeat(STEPS.len() + 1));
    for Setting { name, times, faults, .. } in settings {
        let cell = |times: &Vec<f64>| format!("{:.1} ({:.1})", quantile(times, 500), quantile(times, 990));
        let cells: Vec<_> = times.iter().map(cell).collect();
        // Writing into a string does not fail.
        let _ = write!(table, "\n| {name} | {} | {:.1} |", cells.join(" | "), quantile(faults, 500));
    }
    table
}

fn as_json(settings: &[Setting]) -> Value {
    let of = |Setting { name, times, faults, .. }: &Setting| {
        let step =
            |times: &Vec<f64>| json!({ "median_us": quantile(times, 500), "p99_us": quantile(times, 990) });
        let steps = STEPS.iter().zip(times).map(|(step_name, times)| ((*step_name).to_owned(), step(times)));
        let steps: serde_json::Map<_, _> = steps.collect();
        json!({ "setting": name, "steps": steps, "page_faults": quantile(faults, 500), "lives": times[0].len() })
    };
    settings.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_has_a_hundred_bytes() {
        assert_eq!(EVENT.len(), 100);
    }

    #[test]
    fn a_quantile_is_a_figure_that_was_measured() {
        let figures: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        assert_eq!([500, 990, 1000].map(|per_mille| quantile(&figures, per_mille)), [500.0, 990.0, 1000.0]);
        assert!(quantile(&[], 500).is_nan());
    }

    #[test]
    fn page_faults_are_counted() {
        let before = faults().expect("this process has faults");
        let touched = std::hint::black_box(vec![1_u8; 4 << 20]);
        assert!(faults().expect("this process has faults") > before, "{}", touched.len());
    }
}
