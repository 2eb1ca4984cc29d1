//! `cargo xtask suites`: runs test262 and web-platform-tests in the engine of scripts, and compares with the failures that are
//! expected.
//!
//! Each test has a sandbox of its own, as an event has. Nothing of the suites is in this repository: their folders are arguments.
//! `expected/` lists the tests that fail, in groups with a reason. A test that fails and is not listed is an error, and so is a test
//! that is listed and passes.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

mod expected;
mod folders;
mod pool;
mod summary;
mod test262;
mod wpt;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;

/// Runs the suites. `cargo xtask suites` sets the engine
#[derive(Debug, Parser)]
struct Arguments {
    /// The native code of the engine
    #[arg(long)]
    engine: PathBuf,
    /// A checkout of test262
    #[arg(long)]
    test262: Option<PathBuf>,
    /// A checkout of web-platform-tests
    #[arg(long)]
    wpt: Option<PathBuf>,
    /// The folder with the lists of what is expected to fail
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/expected"))]
    expected: PathBuf,
    /// Run only the tests whose paths begin with this
    #[arg(long, default_value = "")]
    only: String,
    /// Print why each test fails, also if that is expected
    #[arg(long)]
    verbose: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(arguments.test262.is_some() || arguments.wpt.is_some(), "pass --test262 DIR, --wpt DIR or both");
    let mut is_good = true;
    if let Some(folder) = &arguments.test262 {
        let suite = test262::cases(folder, &arguments.only)?;
        is_good &= summary::run("test262", suite, &arguments)?;
    }
    if let Some(folder) = &arguments.wpt {
        let suite = wpt::cases(folder, &arguments.only)?;
        is_good &= summary::run("wpt", suite, &arguments)?;
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
