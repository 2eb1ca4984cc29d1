//! Runs the end-to-end tests, and tells them where to find the programs that they start.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Result;

use crate::bootstraps;
use crate::stamp::Inputs;
use crate::steps::{Outcome, Step};
use crate::workspace::{Profile, Workspace, run, within};
use crate::{arm64, axe, cyclonedx, deploy, dist, emulator, engine, moto, sdk, slowest};

/// Tests of parts that only a release has: the bootstrap for arm64, the archive, and the performance of
/// optimised programs.
const OF_A_RELEASE: &str = "release::";

/// Runs all tests that need no release, with quickly compiled programs.
pub(crate) const E2E: Step = Step {
    name: "e2e",
    title: "end-to-end tests: the real bootstrap against our Runtime API server and the official emulator",
    needs: &[
        "axe",
        "emulator",
        "cyclonedx",
        "moto",
        "sdk",
        "deploy",
        "guests",
        "engine",
        "languages",
        "programs",
        "lean",
    ],
    inputs: Some(INPUTS),
    run: |workspace| {
        let mut tests = tests(workspace, Profile::Dev)?;
        tests.args(["--skip", OF_A_RELEASE]);
        all(tests)
    },
};

/// Runs all tests, with the programs that ship.
pub(crate) const E2E_OF_RELEASE: Step = Step {
    name: "e2e",
    title: "all end-to-end tests, with the programs that ship",
    needs: &[
        "axe",
        "emulator",
        "cyclonedx",
        "moto",
        "sdk",
        "deploy",
        "guests",
        "engine",
        "languages",
        "programs",
        "arm64",
        "dist",
    ],
    inputs: Some(INPUTS),
    run: |workspace| all(tests(workspace, Profile::Release)?),
};

/// The whole checkout, and the optional tools that this machine has.
const INPUTS: Inputs = Inputs {
    paths: &[""],
    also: |workspace| {
        let mut found = OPTIONAL.iter().map(|(_, find)| find(workspace).is_some());
        found.any(|found| !found).to_string()
    },
};

/// The optional tools: the variable with which the tests find each one, and its path.
type Optional = (&'static str, fn(&Workspace) -> Option<PathBuf>);

const OPTIONAL: [Optional; 8] = [
    (arm64::VARIABLE, arm64::find),
    (axe::VARIABLE, axe::find),
    (cyclonedx::VARIABLE, cyclonedx::find),
    (deploy::VARIABLE, deploy::find),
    (emulator::VARIABLE, emulator::find),
    (engine::VARIABLE, engine::find),
    (moto::VARIABLE, moto::find),
    (sdk::VARIABLE, sdk::find),
];

fn all(mut tests: Command) -> Result<Outcome> {
    // Half of the tests spend their time waiting for timeouts.
    let threads = 2 * available_parallelism().map_or(1, NonZero::get);
    tests.arg(format!("--test-threads={threads}"));
    // Every wait in the tests has a time limit. If one is missing, the rest of the run is not lost.
    slowest::run(&mut within("45m", &tests))?;
    Ok(Outcome::Done)
}

/// Runs the tests whose names contain `filter` and do not contain `skip`, with quickly compiled programs.
pub(crate) fn matching(workspace: &Workspace, filter: Option<&str>, skip: Option<&str>) -> Result<()> {
    let mut tests = tests(workspace, Profile::Dev)?;
    if let Some(skip) = skip {
        tests.args(["--skip", skip]);
    }
    match filter {
        Some(filter) => run(tests.arg(filter)),
        None => {
            tests.args(["--skip", OF_A_RELEASE]);
            all(tests).map(drop)
        }
    }
}

/// The program with the tests, with the variables for the programs that it starts.
pub(crate) fn tests(workspace: &Workspace, profile: Profile) -> Result<Command> {
    let mut tests = Command::new(bootstraps::end_to_end_tests(workspace)?);
    tests.current_dir(workspace.source("tests"));
    tests.env("BULKHEAD_BOOTSTRAP", workspace.bootstrap(profile));
    tests.env("BULKHEAD_BOOTSTRAP_LEAN", workspace.lean_bootstrap());
    tests.env("BULKHEAD_CLI", workspace.command_line(profile));
    tests.env("BULKHEAD_GUESTS", workspace.guests());
    tests.env("BULKHEAD_SUITES", workspace.suites());
    tests.env(dist::VARIABLE, dist::archive(workspace));
    for (variable, find) in OPTIONAL {
        if let Some(file) = find(workspace) {
            tests.env(variable, file);
        }
    }
    Ok(tests)
}
