//! `cargo xtask suites`: the engine of scripts against suites of others, test262 and web-platform-tests, from checkouts of them.
//!
//! The program that runs them is `tests/suites`, where the failures that are expected are listed. Nothing of the suites is kept here.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::bootstraps::quick;
use crate::compile::compile;
use crate::engine::{self, ENGINE};
use crate::steps::{self, Outcome, Rerun, Step};
use crate::toolchain::TOOLCHAIN;
use crate::workspace::{Profile, Workspace, run as call};

/// The options of `cargo xtask suites`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A checkout of test262
    #[arg(long, value_name = "DIR", required_unless_present = "wpt")]
    test262: Option<PathBuf>,
    /// A checkout of web-platform-tests
    #[arg(long, value_name = "DIR")]
    wpt: Option<PathBuf>,
    /// Run only the tests whose paths in the suite begin with this
    #[arg(long, value_name = "PATH")]
    only: Option<String>,
    /// Print why tests fail also if that is expected
    #[arg(long)]
    verbose: bool,
}

/// Builds the engine, the command, which compiles the engine, and the program that runs the suites.
const STEPS: [Step; 3] = [
    TOOLCHAIN,
    ENGINE,
    Step {
        name: "programs",
        title: "building `bulkhead` and the program that runs the suites (Wasmtime takes some minutes the first time)",
        needs: &[],
        inputs: None,
        run: |workspace| {
            compile(workspace, quick(workspace, "build").args(["--bin", "bulkhead", "--bin", "suites"]))?;
            Ok(Outcome::Done)
        },
    },
];

/// The `suites` command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run_changed(workspace, "suites", &STEPS, |_| Rerun::Changed)?;
    let component = engine::component(workspace);
    ensure!(component.is_file(), "there is no engine to test; see above why it was not built");
    let folder = workspace.target("suites");
    fs::create_dir_all(&folder)?;
    let code = folder.join("javascript.cwasm");
    let mut compiled = Command::new(workspace.command_line(Profile::Dev));
    call(compiled.arg("compile").arg(component).args(["--preinit", "--output"]).arg(&code))?;
    let mut suites = Command::new(workspace.suites());
    suites.arg("--engine").arg(code);
    for (option, folder) in [("--test262", &options.test262), ("--wpt", &options.wpt)] {
        if let Some(folder) = folder {
            suites.arg(option).arg(folder);
        }
    }
    if let Some(only) = &options.only {
        suites.arg("--only").arg(only);
    }
    if options.verbose {
        suites.arg("--verbose");
    }
    call(&mut suites)
}
