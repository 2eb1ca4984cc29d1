//! `bulkhead test`: runs the unit tests of a project's scripts in the engine that runs the scripts.
//!
//! Each file of tests has a sandbox of its own. The modules `node:test` and `node:assert` are those in `test/modules`; they are part
//! of the script here, and a handler does not have them.

pub(crate) mod files;
mod print;
mod report;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::build::{self, Project};
use crate::local::settings::{timeout, variable};
use crate::output;
use report::Report;

/// Run the unit tests of a project's scripts, in the engine that runs the scripts.
///
/// A file is one of tests if its name ends in .test.js, .test.mjs, .test.cjs, .test.ts, .test.mts or .test.cts, or if it is in a folder called
/// `test`. The tests import `node:test` and `node:assert`, as they would for Node.js, and the scripts by relative paths. Each file
/// has a sandbox of its own, without grants. The exit code is 1 if a test fails.
///
/// Example: bulkhead test --filter greets
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Run only these files [default: all files of tests in the project]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The project, or a folder in it
    #[arg(long, value_name = "DIR", default_value = ".")]
    project: PathBuf,
    /// Run only tests whose names contain this text; the names of the suites around a test belong to its name
    #[arg(long, short, value_name = "NAME", default_value = "")]
    filter: String,
    /// The time for all tests of a file
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = timeout)]
    timeout: Duration,
    /// An environment variable that the tests see. Without =VALUE, it has the value that it has here
    #[arg(long, alias = "env", value_name = "KEY=VALUE", value_parser = variable)]
    env_var: Vec<(String, String)>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Test {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let project = Project::find(&self.project)?;
        let files = files::find(&project, &self.files)?;
        let engine = build::engine_code(&project)?;
        let settings =
            run::Settings { filter: self.filter, timeout: self.timeout, environment: self.env_var };
        let progress = output::Progress::of("running the tests");
        let report = Report::new(run::all(&files, &engine, &settings)?);
        drop(progress);
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print_in_colour(&print::text(&report, &settings.filter))?;
        }
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
