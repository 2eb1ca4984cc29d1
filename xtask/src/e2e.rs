//! The end-to-end tests, and where they find what they start.

use std::path::PathBuf;
use std::process::Command;

use crate::steps::{Ending, Step};
use crate::workspace::{Workspace, run, within};
use crate::{arm64, axe, cyclonedx, deploy, dist, emulator, moto};

/// Runs all of them.
pub(crate) const E2E: Step = Step {
    name: "e2e",
    title: "end-to-end tests: the real bootstrap against our Runtime API server and the official emulator",
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
    run: |workspace| {
        // Every wait in them has an end; should one have none, the rest of the run is not lost with it.
        run(&mut within("30m", &tests(workspace)))?;
        Ok(Ending::Done)
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

/// The command that runs them; a filter can be added.
pub(crate) fn tests(workspace: &Workspace) -> Command {
    let mut tests = workspace.cargo(["test", "--package", "bulkhead-tests"]);
    tests.env("BULKHEAD_BOOTSTRAP", workspace.bootstrap());
    tests.env("BULKHEAD_BOOTSTRAP_LEAN", workspace.lean_bootstrap());
    tests.env("BULKHEAD_CLI", workspace.command_line());
    tests.env("BULKHEAD_GUESTS", workspace.guests());
    tests.env(dist::VARIABLE, dist::archive(workspace));
    for (variable, find) in OPTIONAL {
        if let Some(file) = find(workspace) {
            tests.env(variable, file);
        }
    }
    tests
}
