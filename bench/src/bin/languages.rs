//! `cargo xtask bench --languages`: the cost of handlers in different languages, each with a fresh sandbox
//! per event.
//!
//! One component after the other is compiled, started several times, and sent events one at a time; every
//! event must get a response. Starts and events are medians; compilation and first event are measured once.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::component::compile;
use bulkhead_bench::figures::{count, median, milliseconds};
use bulkhead_bench::process::resident_memory;
use bulkhead_tests::{Bootstrap, Event, Kind, RuntimeApi, TaskRoot};
use clap::Parser;
use serde_json::{Value, json};

/// Measures components in comparison. `cargo xtask bench --languages` sets the paths
#[derive(Debug, Parser)]
struct Arguments {
    /// The bootstrap without the compiler
    #[arg(long)]
    lean: PathBuf,
    /// The `bulkhead` command
    #[arg(long)]
    command: PathBuf,
    /// The components
    #[arg(required = true)]
    wasm: Vec<PathBuf>,
    /// The file for the figures
    #[arg(long)]
    json: Option<PathBuf>,
    /// How often each component is started
    #[arg(long, default_value_t = 9)]
    starts: usize,
    /// How many events the last start of each component gets
    #[arg(long, default_value_t = 300)]
    events: usize,
}

/// The measured figures of a component.
struct Figures {
    name: String,
    /// The size of the component.
    wasm: u64,
    /// The size of its native code.
    cwasm: u64,
    /// The time of the compilation, in s.
    compiling: f64,
    /// The time from the start of the process to its first `/next`, in ms.
    start: f64,
    /// The time of the first event, in ms.
    first: f64,
    /// The time of the other events, in ms.
    event: f64,
    /// The processor time of each of these, in ms.
    processor: f64,
    /// Resident memory after all events, in MB.
    memory: f64,
    /// The memory of one sandbox, in MB.
    sandbox: f64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut rows = Vec::new();
    for wasm in &arguments.wasm {
        println!("measuring: {}", wasm.display());
        rows.push(measure(&arguments, wasm)?);
    }
    println!("\n{}", table(&rows));
    if let Some(file) = &arguments.json {
        fs::create_dir_all(file.parent().unwrap_or_else(|| Path::new(".")))?;
        fs::write(file, serde_json::to_string_pretty(&as_json(&rows))?)?;
        println!("all figures: {}", file.display());
    }
    Ok(())
}

fn measure(arguments: &Arguments, wasm: &Path) -> Result<Figures> {
    let name = wasm.file_stem().context("a component has a name")?.to_string_lossy().into_owned();
    let root = TaskRoot::new().manifest(&format!("[handlers.{name}]\n"));
    let cwasm = root.path().join(&name).with_extension("cwasm");
    let begun = Instant::now();
    compile(&arguments.command, wasm, &cwasm)?;
    let compiling = begun.elapsed().as_secs_f64();
    let start = || {
        let api = RuntimeApi::start();
        let running = Bootstrap::at(&arguments.lean).task_root(&root).handler(&name).api(&api).spawn();
        api.wait_idle();
        let took = milliseconds(api.first().at - running.started());
        (api, running, took)
    };
    let mut starts: Vec<f64> = (1..arguments.starts).map(|_| start().2).collect();
    let (api, running, took) = start();
    starts.push(took);
    let first = event(&api)?;
    let events: Result<Vec<f64>> = (0..arguments.events).map(|_| event(&api)).collect();
    api.wait_idle();
    sleep(Duration::from_millis(50));
    let receipts = running.receipts();
    let of =
        |key: &str| receipts.iter().skip(1).filter_map(|receipt| receipt[key].as_f64()).collect::<Vec<_>>();
    Ok(Figures {
        wasm: fs::metadata(wasm)?.len(),
        cwasm: fs::metadata(&cwasm)?.len(),
        compiling,
        start: median(&starts),
        first,
        event: median(&events?),
        processor: median(&of("cpuMs")),
        memory: resident_memory(running.pid())?,
        sandbox: median(&of("peakMemoryBytes")) / 1e6,
        name,
    })
}

/// Sends one event when the process is idle, and returns its time in ms.
fn event(api: &RuntimeApi) -> Result<f64> {
    api.wait_idle();
    sleep(Duration::from_millis(1));
    let answer = api.send(Event::json(r#"{"name":"world"}"#));
    ensure!(answer.kind == Kind::Response, "{}", answer.text());
    Ok(milliseconds(answer.answered - answer.delivered))
}

/// A line of the table: the heading, and a figure of each component with this many digits.
type Line = (&'static str, usize, fn(&Figures) -> f64);

const LINES: [Line; 9] = [
    ("component, MB", 2, |row| megabytes(row.wasm)),
    ("`.cwasm`, MB", 2, |row| megabytes(row.cwasm)),
    ("`bulkhead compile`, once, s", 1, |row| row.compiling),
    ("start of the process to the first `/next`, ms", 1, |row| row.start),
    ("the first event, once, ms", 1, |row| row.first),
    ("an event in a fresh sandbox, ms", 2, |row| row.event),
    ("processor time for each, with the making of its sandbox, ms", 2, |row| row.processor),
    ("memory of a sandbox, MB", 1, |row| row.sandbox),
    ("resident memory of the process, MB", 1, |row| row.memory),
];

fn table(rows: &[Figures]) -> String {
    let line = |first: &str, cell: &dyn Fn(&Figures) -> String| {
        let cells: Vec<String> = rows.iter().map(cell).collect();
        format!("| {first} | {} |\n", cells.join(" | "))
    };
    let mut table = line("", &|row| row.name.clone()) + &line("--", &|_| "--:".to_owned());
    for (what, digits, figure) in LINES {
        table += &line(what, &|row| format!("{:.digits$}", figure(row)));
    }
    table
}

fn as_json(rows: &[Figures]) -> Value {
    let of = |row: &Figures| {
        json!({
            "name": row.name, "wasm_bytes": row.wasm, "cwasm_bytes": row.cwasm,
            "compiling_s": row.compiling, "start_ms": row.start, "first_ms": row.first,
            "event_ms": row.event, "processor_ms": row.processor,
            "memory_mb": row.memory, "sandbox_mb": row.sandbox,
        })
    };
    rows.iter().map(of).collect()
}

fn megabytes(bytes: u64) -> f64 {
    count(bytes) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, event: f64) -> Figures {
        Figures {
            name: name.to_owned(),
            wasm: 1_500_000,
            cwasm: 2_000_000,
            compiling: 1.0,
            start: 2.0,
            first: 3.0,
            event,
            processor: 0.1,
            memory: 10.0,
            sandbox: 1.0,
        }
    }

    #[test]
    fn the_targets_find_a_language_by_its_name() {
        let json = as_json(&[row("javascript", 0.97)]);
        assert_eq!(
            (json[0]["name"].as_str(), json[0]["event_ms"].as_f64()),
            (Some("javascript"), Some(0.97))
        );
    }

    #[test]
    fn each_component_is_a_column() {
        let table = table(&[row("a", 0.5), row("b", 1.25)]);
        assert!(
            table.starts_with("|  | a | b |\n| -- | --: | --: |\n| component, MB | 1.50 | 1.50 |\n"),
            "{table}"
        );
        assert!(table.contains("\n| an event in a fresh sandbox, ms | 0.50 | 1.25 |\n"), "{table}");
    }
}
