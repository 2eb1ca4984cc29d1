//! The end-to-end tests, and where they find what they start.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Result;

use crate::bootstraps;
use crate::stamp::Inputs;
use crate::steps::{Ending, Step};
use crate::workspace::{Profile, Workspace, run, within};
use crate::{arm64, axe, cyclonedx, deploy, dist, emulator, moto, slowest};

/// Tests of what only a release has: the bootstrap for arm64, the archive, and the figures of optimised programs.
const OF_A_RELEASE: &str = "release::";

/// Runs all that need no release, with programs that were compiled quickly.
pub(crate) const E2E: Step = Step {
    name: "e2e",
    title: "end-to-end tests: the real bootstrap against our Runtime API server and the official emulator",
    needs: &["axe", "emulator", "cyclonedx", "moto", "deploy", "guests", "languages", "programs", "lean"],
    inputs: Some(INPUTS),
    run: |workspace| {
        let mut tests = tests(workspace, Profile::Dev)?;
        tests.args(["--skip", OF_A_RELEASE]);
        all(tests)
    },
};

/// Runs all of them, with the programs that ship.
pub(crate) const E2E_OF_RELEASE: Step = Step {
    name: "e2e",
    title: "all end-to-end tests, with the programs that ship",
    needs: &[
        "axe",
        "emulator",
        "cyclonedx",
        "moto",
        "deploy",
        "guests",
        "languages",
        "programs",
        "arm64",
        "dist",
    ],
    inputs: Some(INPUTS),
    run: |workspace| all(tests(workspace, Profile::Release)?),
};

/// All of the checkout, and what this machine has of what it may lack.
const INPUTS: Inputs = Inputs {
    paths: &[""],
    also: |workspace| {
        let mut found = OPTIONAL.iter().map(|(_, find)| find(workspace).is_some());
        found.any(|found| !found).to_string()
    },
};

/// What this machine may lack: the variable by which the tests find it, and where it is.
type Optional = (&'static str, fn(&Workspace) -> Option<PathBuf>);

const OPTIONAL: [Optional; 6] = [
    (arm64::VARIABLE, arm64::find),
    (axe::VARIABLE, axe::find),
    (cyclonedx::VARIABLE, cyclonedx::find),
    (deploy::VARIABLE, deploy::find),
    (emulator::VARIABLE, emulator::find),
    (moto::VARIABLE, moto::find),
];

fn all(mut tests: Command) -> Result<Ending> {
    // Half of what they do is to wait for something to time out.
    let threads = 2 * available_parallelism().map_or(1, NonZero::get);
    tests.arg(format!("--test-threads={threads}"));
    // Every wait in them has an end; should one have none, the rest of the run is not lost with it.
    slowest::run(&mut within("30m", &tests))?;
    Ok(Ending::Done)
}

/// Runs those whose names hold `filter`, with programs that were compiled quickly.
pub(crate) fn matching(workspace: &Workspace, filter: &str) -> Result<()> {
    run(tests(workspace, Profile::Dev)?.arg(filter))
}

/// The program that they are, and how it finds what it starts; a filter can be added.
pub(crate) fn tests(workspace: &Workspace, profile: Profile) -> Result<Command> {
    let mut tests = Command::new(bootstraps::end_to_end_tests(workspace)?);
    tests.current_dir(workspace.source("tests"));
    tests.env("BULKHEAD_BOOTSTRAP", workspace.bootstrap(profile));
    tests.env("BULKHEAD_BOOTSTRAP_LEAN", workspace.lean_bootstrap());
    tests.env("BULKHEAD_CLI", workspace.command_line(profile));
    tests.env("BULKHEAD_GUESTS", workspace.guests());
    tests.env(dist::VARIABLE, dist::archive(workspace));
    for (variable, find) in OPTIONAL {
        if let Some(file) = find(workspace) {
            tests.env(variable, file);
        }
    }
    Ok(tests)
}
