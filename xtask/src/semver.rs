//! Checks that the SDK does not break code that was written for the last release, unless its version says so.
//! cargo-semver-checks compares both. One pinned version of it is installed once, into the target directory.
//!
//! Nothing has been published yet, so the check uses the tag of the last release. Before the first release it
//! is skipped.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::compile::compile_untimed;
use crate::fetched::Fetched;
use crate::steps::{Outcome, Step};
use crate::tool::Tool;
use crate::workspace::{Workspace, shown};

/// Each version of it can read the documentation of only a few versions of Rust.
const SEMVER_CHECKS: Tool = Tool { name: "cargo-semver-checks", version: "0.50.0", arguments: &[] };

/// The tags of releases.
const RELEASES: &str = "v[0-9]*";

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
    let is_shallow = git(workspace, &["rev-parse", "--is-shallow-repository"])?;
    ensure!(
        is_shallow == "false",
        "this clone has no history to look for a release in: `git fetch --unshallow --tags`"
    );
    // The commit itself, and the one before it if there is one.
    let commits = git(workspace, &["rev-list", "--max-count=2", "--first-parent", "HEAD"])?;
    let Some(parent) = commits.lines().nth(1) else { return Ok(None) };
    // `git describe` fails alike if there is no tag and if something is wrong.
    if git(workspace, &["tag", "--list", RELEASES, "--merged", parent])?.is_empty() {
        return Ok(None);
    }
    git(workspace, &["describe", "--tags", "--abbrev=0", "--match", RELEASES, parent]).map(Some)
}

/// What git prints.
fn git(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    git.args(arguments).current_dir(workspace.source("")).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = git.output().context("running git")?;
    ensure!(output.status.success(), "`{}` failed", shown(&git));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn compare(workspace: &Workspace, release: &str) -> Result<()> {
    let mut check = Command::new(SEMVER_CHECKS.program(workspace));
    check.args(["semver-checks", "--package", "bulkhead-sdk", "--all-features", "--baseline-rev", release]);
    compile_untimed(workspace, check.current_dir(workspace.source("")))
}
