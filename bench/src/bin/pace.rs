//! `cargo xtask bench --pace`: the latency of the `bulkhead` command for the author of a handler.
//!
//! The handler is `hello` as `bulkhead new` makes it. Each row is the median of several runs, with the
//! minimum and maximum, beside the time that is allowed. Whole processes are measured, from start to end.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::figures::{MEDIAN, milliseconds, quantile};
use bulkhead_bench::machine;
use bulkhead_tests::{Dev, artifacts};
use clap::Parser;
use serde_json::json;

/// Measures the command. `cargo xtask bench --pace` passes the programs in the environment
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder in which cargo compiles the handler
    #[arg(long)]
    target_dir: PathBuf,
    /// How often each command runs
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// How often the handler is saved under `bulkhead dev`
    #[arg(long, default_value_t = 7)]
    saves: usize,
}

/// The measured times of one operation.
struct Row {
    what: &'static str,
    /// The allowed time, in ms. `None` if the operation only has to work.
    bound: Option<f64>,
    /// In ms.
    runs: Vec<f64>,
}

/// The project, and the folder in which its handler is compiled.
struct Hello<'a> {
    folder: PathBuf,
    target_dir: &'a Path,
}

const EVENT: &str = r#"{"name":"world"}"#;
/// The SDK of this checkout.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-sdk");
/// The first build compiles the SDK.
const WAIT_LIMIT: Duration = Duration::from_secs(600);

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("{}\n{}", machine::headline(), offline()?);
    let folder = tempfile::tempdir().context("making a folder")?;
    let hello = Hello { folder: folder.path().join("hello"), target_dir: &arguments.target_dir };
    let rows = [
        new(&hello, arguments.runs)?,
        saves(&hello, arguments.saves)?,
        invoke(&hello, arguments.runs)?,
        package(&hello, arguments.runs)?,
    ];
    println!("\n{}", table(&rows));
    Ok(())
}

/// Creates a project without any network, and reports that; or reports that this machine does not allow that.
fn offline() -> Result<String> {
    let cut_off = ["--user", "--map-root-user", "--net", "--"];
    // The first line is a heading; any other line would be a route out.
    let routes = Command::new("unshare").args(cut_off).args(["cat", "/proc/net/route"]).output();
    let Some(routes) = routes.ok().filter(|routes| routes.status.success()) else {
        return Ok("`new` was NOT tried without a network: `unshare --net` is not allowed here".to_owned());
    };
    let routes = String::from_utf8_lossy(&routes.stdout).lines().count();
    ensure!(routes <= 1, "there are {} routes where there should be none", routes - 1);
    let folder = tempfile::tempdir().context("making a folder")?;
    let mut unshare = Command::new("unshare");
    run(unshare.args(cut_off).arg(artifacts::cli()).args(["new", "hello"]).current_dir(folder.path()))?;
    ensure!(folder.path().join("hello/src/lib.rs").is_file(), "`new` made nothing");
    Ok("`new` works without a network: it was run in a namespace that has no route".to_owned())
}

fn new(hello: &Hello<'_>, runs: usize) -> Result<Row> {
    let mut took = Vec::new();
    for _ in 0..runs {
        fs::remove_dir_all(&hello.folder).ok();
        let mut new = Command::new(artifacts::cli());
        new.arg("new").arg(&hello.folder).args(["--template", "hello", "--sdk-path", SDK]);
        took.push(run(&mut new)?);
    }
    Ok(Row { what: "`new`", bound: None, runs: took })
}

/// The time from the end of a write to the first response of the new code.
fn saves(hello: &Hello<'_>, saves: usize) -> Result<Row> {
    println!("building: the SDK is compiled on the way");
    let dev = Dev::start_in(&hello.folder, hello.target_dir, &["--timeout", "30s"]);
    dev.running.wait_log_within("ready: hello", WAIT_LIMIT);
    let source = hello.folder.join("src/lib.rs");
    let text = fs::read_to_string(&source).context("reading the handler")?;
    let mut took = Vec::new();
    // The first one is not counted: it is the first time that cargo rebuilds this package.
    for number in 0..=saves {
        let greeting = format!("Greeting {number} to");
        fs::write(&source, text.replace("Hello", &greeting)).context("saving the handler")?;
        let saved = Instant::now();
        let wanted = json!({ "message": format!("{greeting} world!") });
        while dev.invoke("hello", EVENT, &[]).json() != wanted {
            ensure!(saved.elapsed() < WAIT_LIMIT, "the new code never answered: {}", dev.running.stderr());
            // This interval is the possible error of a figure.
            sleep(Duration::from_millis(5));
        }
        took.extend((number > 0).then(|| milliseconds(saved.elapsed())));
    }
    fs::write(&source, text).context("restoring the handler")?;
    Ok(Row {
        what: "from a save to the first answer of the new code, under `dev`",
        bound: Some(2000.0),
        runs: took,
    })
}

fn invoke(hello: &Hello<'_>, runs: usize) -> Result<Row> {
    let mut build = hello.bulkhead("build");
    run(&mut build)?;
    let took: Result<_> = (0..runs).map(|_| run(hello.bulkhead("invoke").args(["--event", EVENT]))).collect();
    Ok(Row { what: "`invoke` of a built handler", bound: Some(100.0), runs: took? })
}

fn package(hello: &Hello<'_>, runs: usize) -> Result<Row> {
    let lean = artifacts::lean_bootstrap();
    let package = |_| run(hello.bulkhead("package").arg("--bootstrap").arg(&lean));
    let took: Result<_> = (0..runs).map(package).collect();
    ensure!(hello.folder.join("function.zip").is_file(), "`package` made no zip");
    Ok(Row { what: "`package` of a built handler", bound: Some(3000.0), runs: took? })
}

impl Hello<'_> {
    fn bulkhead(&self, subcommand: &str) -> Command {
        let mut command = Command::new(artifacts::cli());
        command.arg(subcommand).current_dir(&self.folder).env("CARGO_TARGET_DIR", self.target_dir);
        command
    }
}

/// Runs a command that must succeed, and returns its time in ms.
fn run(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null()).env("BULKHEAD_BOOTSTRAP", artifacts::bootstrap());
    let started = Instant::now();
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    let took = milliseconds(started.elapsed());
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(took)
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from("| ms | at most | median | least to most | runs |\n|--|--:|--:|--:|--:|\n");
    for row in rows {
        let [median, least, most] = [MEDIAN, 0, 1000].map(|in_thousand| quantile(&row.runs, in_thousand));
        let bound = row.bound.map_or_else(|| "offline".to_owned(), |bound| format!("{bound:.0}"));
        let mark = if row.bound.is_some_and(|bound| median > bound) { " **over**" } else { "" };
        table += &format!(
            "| {} | {bound} | {median:.0}{mark} | {least:.0} to {most:.0} | {} |\n",
            row.what,
            row.runs.len()
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_over_its_bound_is_marked() {
        let row = |bound, runs: &[f64]| Row { what: "it", bound, runs: runs.to_vec() };
        let table = table(&[row(Some(5.0), &[3.0, 9.0, 1.0]), row(Some(5.0), &[6.0]), row(None, &[7.0])]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| it | 5 | 3 | 1 to 9 | 3 |",
                "| it | 5 | 6 **over** | 6 to 6 | 1 |",
                "| it | offline | 7 | 7 to 7 | 1 |"
            ]
        );
    }
}
