//! Whether the SDK breaks code that was written for the last release without saying so by its version.
//! cargo-semver-checks compares the two, and is installed once, at one version, into the target directory.
//!
//! Nothing has been published yet, so it compares with the tag of the last release. Before the first one
//! there is nothing to compare with.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::compile::compile_untimed;
use crate::fetched::Fetched;
use crate::steps::{Ending, Step};
use crate::workspace::Workspace;

/// Of cargo-semver-checks. Each reads the documentation of a few versions of Rust only.
const VERSION: &str = "0.50.0";

/// Compares.
pub(crate) const SEMVER: Step = Step {
    name: "semver",
    title: "comparing the SDK with that of the last release (cargo-semver-checks is compiled the first time)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        let Some(release) = last_release(workspace)? else {
            return Ok(Ending::Skipped("there is no release before this one to compare with".to_owned()));
        };
        let installed = install(workspace)?;
        if matches!(installed, Fetched::Ready) {
            compare(workspace, &release)?;
        }
        installed.ending("The SDK was NOT compared with the last release")
    },
};

/// The tag of the release before this commit, which may be a release itself.
fn last_release(workspace: &Workspace) -> Result<Option<String>> {
    let mut git = Command::new("git");
    git.args(["describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^"]);
    git.current_dir(workspace.source("")).stdin(Stdio::null());
    let output = git.output().context("running git")?;
    let tag = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Some(tag).filter(|tag| output.status.success() && !tag.is_empty()))
}

fn install(workspace: &Workspace) -> Result<Fetched> {
    let found = Command::new(program(workspace)).arg("--version").stdin(Stdio::null()).output();
    if found.is_ok_and(|found| String::from_utf8_lossy(&found.stdout).trim().ends_with(VERSION)) {
        return Ok(Fetched::Ready);
    }
    let place = workspace.target("semver-checks");
    let mut cargo = workspace.cargo(["install", "cargo-semver-checks", "--quiet", "--locked", "--debug"]);
    cargo.args(["--version", VERSION, "--force", "--root"]).arg(&place);
    // Of its own, and not kept: what it compiles there is of no use to anything else.
    let compiled = place.join("target");
    if let Err(error) = compile_untimed(workspace, cargo.arg("--target-dir").arg(&compiled)) {
        return Ok(Fetched::Impossible(format!("cargo-semver-checks comes from crates.io, and {error:#}")));
    }
    fs::remove_dir_all(&compiled).with_context(|| format!("removing {}", compiled.display()))?;
    Ok(Fetched::Ready)
}

fn program(workspace: &Workspace) -> PathBuf {
    workspace.target("semver-checks/bin/cargo-semver-checks")
}

fn compare(workspace: &Workspace, release: &str) -> Result<()> {
    let mut check = Command::new(program(workspace));
    check.args(["semver-checks", "--package", "bulkhead-sdk", "--all-features", "--baseline-rev", release]);
    compile_untimed(workspace, check.current_dir(workspace.source("")))
}
