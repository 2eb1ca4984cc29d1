//! `cargo xtask bench --scale`: the cost of tenants and components in one process: start, memory, first
//! events.
//!
//! Each row is a separate function. The cost of one more tenant or component is the difference to the
//! function with one, divided by the number of additional ones; latencies compare the first and the second
//! event in the same process.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::component;
use bulkhead_bench::figures::{count, median, microseconds, milliseconds, quantile};
use bulkhead_bench::process::resident_memory;
use bulkhead_tests::{Bootstrap, Event, Kind, Running, RuntimeApi, TaskRoot};
use clap::Parser;
use serde_json::{Value, json};

/// Measures functions with many tenants, and with many components. `cargo xtask bench --scale` sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The bootstrap without the compiler
    #[arg(long)]
    lean: PathBuf,
    /// The `bulkhead` command
    #[arg(long)]
    command: PathBuf,
    /// The component of `examples/hello`
    #[arg(long)]
    wasm: PathBuf,
    /// The file for the figures
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many tenants share one component
    #[arg(long, default_value_t = 1000)]
    tenants: usize,
    /// How many separate components there are
    #[arg(long, default_value_t = 200)]
    components: usize,
    /// How often each function is started
    #[arg(long, default_value_t = 9)]
    starts: usize,
}

/// One function.
struct Case {
    name: String,
    /// The number of tenants or components.
    size: usize,
    root: TaskRoot,
}

/// The measured figures of a function.
#[derive(Clone, Copy)]
struct Figures {
    /// From `spawn` to the first `/next`, in ms; the median of all starts.
    start: f64,
    /// Resident memory before any event, in KB.
    idle: f64,
    /// Resident memory after every tenant had two events, in KB.
    used: f64,
    /// The first event of a tenant, in µs.
    first: Spread,
    /// The second event of a tenant, in µs.
    second: Spread,
}

/// The times of the events of all tenants.
#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    slowest: f64,
}

/// A function, and its figures.
struct Row<'a> {
    case: &'a Case,
    figures: Figures,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let hello = fs::read(&arguments.wasm).context("reading the component")?;
    let components = compile(&arguments, &hello)?;
    let cases = cases(&arguments, &components);
    let mut rows = Vec::new();
    for case in &cases {
        println!("measuring: {}", case.name);
        rows.push(Row { case, figures: measure(&arguments, case)? });
    }
    println!("\n{}", table(&rows));
    if let Some(file) = &arguments.json {
        fs::create_dir_all(file.parent().unwrap_or_else(|| Path::new(".")))?;
        fs::write(file, serde_json::to_string_pretty(&as_json(&rows))?)?;
        println!("all figures: {}", file.display());
    }
    Ok(())
}

/// As many components as requested, each with different bytes, as `.cwasm`.
fn compile(arguments: &Arguments, hello: &[u8]) -> Result<Vec<Vec<u8>>> {
    println!("compiling {} components", arguments.components);
    let folder = tempfile::tempdir()?;
    let (wasm, cwasm) = (folder.path().join("c.wasm"), folder.path().join("c.cwasm"));
    let mut components = Vec::new();
    for index in 0..arguments.components {
        // A custom section changes only the digest.
        let name = format!("n{index:05}");
        let section = [&[0, 7, 6][..], name.as_bytes()].concat();
        fs::write(&wasm, [hello, &section].concat())?;
        component::compile(&arguments.command, &wasm, &cwasm)?;
        components.push(fs::read(&cwasm)?);
    }
    Ok(components)
}

fn cases(arguments: &Arguments, components: &[Vec<u8>]) -> Vec<Case> {
    let shared = |size: usize, name: &str, tenant: fn(usize) -> String| {
        let tenants: String = (0..size).map(tenant).collect();
        let leave = "[handlers.h.max.grants]\nenvironment = ['KEY']\n";
        let root = TaskRoot::new().manifest(&format!("[handlers.h]\n{leave}{tenants}"));
        Case { name: format!("{size} {name}"), size, root: root.file("h.cwasm", &components[0]) }
    };
    let plain = |index| format!("[tenants.t{index}]\n");
    let own = |index| format!("[tenants.t{index}.grants]\nenvironment = {{ KEY = 'of {index}' }}\n");
    let distinct = |size: usize| {
        let entry = |index| format!("[handlers.h{index}]\n[tenants.t{index}]\nhandler = 'h{index}'\n");
        let root = TaskRoot::new().manifest(&(0..size).map(entry).collect::<String>());
        let add = |root: TaskRoot, index: usize| root.file(&format!("h{index}.cwasm"), &components[index]);
        Case { name: format!("{size} with a component each"), size, root: (0..size).fold(root, add) }
    };
    vec![
        shared(1, "tenant", plain),
        shared(arguments.tenants, "tenants on one component", plain),
        shared(arguments.tenants, "tenants on one component, a policy each", own),
        distinct(2),
        distinct(arguments.components),
    ]
}

fn measure(arguments: &Arguments, case: &Case) -> Result<Figures> {
    let start = || {
        let api = RuntimeApi::start();
        let running = Bootstrap::at(&arguments.lean).task_root(&case.root).api(&api).spawn();
        api.wait_idle();
        (api, running)
    };
    let mut starts = Vec::new();
    for _ in 1..arguments.starts {
        let (api, running) = start();
        starts.push(milliseconds(api.first().at - running.started()));
    }
    let (api, running) = start();
    starts.push(milliseconds(api.first().at - running.started()));
    let idle = memory(&running)?;
    // The first event of the process does not count as a tenant's first event.
    event(&api, 0)?;
    event(&api, 0)?;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for tenant in 1..case.size {
        first.push(event(&api, tenant)?);
        second.push(event(&api, tenant)?);
    }
    let used = memory(&running)?;
    let (first, second) = (Spread::of(&first), Spread::of(&second));
    Ok(Figures { start: median(&starts), idle, used, first, second })
}

/// Resident memory in KB, once the process is idle.
fn memory(running: &Running) -> Result<f64> {
    sleep(Duration::from_millis(50));
    Ok(resident_memory(running.pid())? * 1e3)
}

/// Sends one event of a tenant when the process is idle, and returns its time in µs.
fn event(api: &RuntimeApi, tenant: usize) -> Result<f64> {
    api.wait_idle();
    sleep(Duration::from_millis(1));
    let answer = api.send(Event::json(r#"{"name":"x"}"#).tenant(&format!("t{tenant}")));
    ensure!(answer.kind == Kind::Response, "tenant {tenant}: {}", answer.text());
    Ok(microseconds(answer.answered - answer.delivered))
}

impl Spread {
    fn of(figures: &[f64]) -> Self {
        Self { median: median(figures), slowest: quantile(figures, 1000) }
    }
}

/// The cost of one more in KB, from the difference to the smallest function of its kind.
fn each(rows: &[Row<'_>], index: usize, memory: fn(&Figures) -> f64) -> Option<f64> {
    let Row { case, figures } = &rows[index];
    let base = rows[..index].iter().rev().find(|base| base.case.size <= 2)?;
    (case.size > 2).then(|| (memory(figures) - memory(&base.figures)) / count(case.size - base.case.size))
}

fn table(rows: &[Row<'_>]) -> String {
    let mut table = String::from(
        "| function | start, ms | idle, KB | each, KB | used, KB | each, KB | first event, µs (slowest) | second, µs (slowest) |\n\
         |----------|----------:|---------:|---------:|---------:|---------:|--------------------------:|---------------------:|\n",
    );
    for (index, Row { case, figures }) in rows.iter().enumerate() {
        let one = |memory| each(rows, index, memory).map_or_else(String::new, |kb| format!("{kb:.2}"));
        let pair = |Spread { median, slowest }: Spread| {
            if median.is_nan() { String::new() } else { format!("{median:.0} ({slowest:.0})") }
        };
        // Writing into a string does not fail.
        let _ = writeln!(
            table,
            "| {} | {:.2} | {:.0} | {} | {:.0} | {} | {} | {} |",
            case.name,
            figures.start,
            figures.idle,
            one(|figures| figures.idle),
            figures.used,
            one(|figures| figures.used),
            pair(figures.first),
            pair(figures.second),
        );
    }
    table
}

fn as_json(rows: &[Row<'_>]) -> Value {
    let of = |(index, Row { case, figures }): (usize, &Row<'_>)| {
        json!({
            "function": case.name, "size": case.size, "start_ms": figures.start,
            "idle_kb": figures.idle, "idle_kb_each": each(rows, index, |figures| figures.idle),
            "used_kb": figures.used, "used_kb_each": each(rows, index, |figures| figures.used),
            "first_us": { "median": figures.first.median, "slowest": figures.first.slowest },
            "second_us": { "median": figures.second.median, "slowest": figures.second.slowest },
        })
    };
    rows.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_more_costs_is_the_difference_to_the_smallest() {
        let case = |size| Case { name: String::new(), size, root: TaskRoot::new() };
        let none = Spread { median: 0.0, slowest: 0.0 };
        let figures = |idle| Figures { start: 0.0, idle, used: 0.0, first: none, second: none };
        let cases = [case(1), case(101), case(2), case(12)];
        let figures = [100.0, 300.0, 110.0, 1110.0].map(figures);
        let rows: Vec<_> = cases.iter().zip(figures).map(|(case, figures)| Row { case, figures }).collect();
        let each: Vec<_> = (0..4).map(|index| each(&rows, index, |figures| figures.idle)).collect();
        assert_eq!(each, [None, Some(2.0), None, Some(100.0)]);
    }

    #[test]
    fn the_slowest_is_shown_beside_the_median() {
        let Spread { median, slowest } = Spread::of(&[3.0, 9.0, 1.0]);
        assert_eq!((median, slowest), (3.0, 9.0));
        assert!(Spread::of(&[]).median.is_nan());
    }
}
