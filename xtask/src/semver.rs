//! Checks that the SDK does not break code that was written for the last release, unless its version says so.
//! cargo-semver-checks compares both. One pinned version of it is installed once, into the target directory.
//!
//! Nothing has been published yet, so the check uses the tag of the last release. Before the first release it
//! is skipped.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::compile::compile_untimed;
use crate::fetched::Fetched;
use crate::steps::{Outcome, Step};
use crate::tool::Tool;
use crate::workspace::Workspace;

/// Each version of it can read the documentation of only a few versions of Rust.
const SEMVER_CHECKS: Tool = Tool { name: "cargo-semver-checks", version: "0.50.0", arguments: &[] };

/// Compares the SDK with its last release.
pub(crate) const SEMVER: Step = Step {
    name: "semver",
    title: "comparing the SDK with that of the last release (cargo-semver-checks is compiled the first time)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        let Some(release) = last_release(workspace)? else {
            return Ok(Outcome::Skipped("there is no earlier release to compare with".to_owned()));
        };
        let installed = SEMVER_CHECKS.install(workspace)?;
        if matches!(installed, Fetched::Ready) {
            compare(workspace, &release)?;
        }
        installed.outcome("The SDK was NOT compared with the last release")
    },
};

/// The tag of the last release before this commit. The commit itself may be a release.
fn last_release(workspace: &Workspace) -> Result<Option<String>> {
    let mut git = Command::new("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^"]);
    git.current_dir(workspace.source("")).stdin(Stdio::null());
    let output = git.output().context("running git")?;
    let tag = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Some(tag).filter(|tag| output.status.success() && !tag.is_empty()))
}

fn compare(workspace: &Workspace, release: &str) -> Result<()> {
    let mut check = Command::new(SEMVER_CHECKS.program(workspace));
    check.args(["semver-checks", "--package", "bulkhead-sdk", "--all-features", "--baseline-rev", release]);
    compile_untimed(workspace, check.current_dir(workspace.source("")))
}
