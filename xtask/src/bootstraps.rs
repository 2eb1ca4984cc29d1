//! Builds the programs: both bootstraps, the `bulkhead` command, and the end-to-end tests that start them.
//!
//! Most of the time goes into Wasmtime, so the calls of cargo are chosen to compile it rarely. The quickly
//! compiled programs, for unit tests, end-to-end tests and the demo, are always built with the same
//! [selection of packages](quick), because cargo unites the features of the selected packages, and other
//! features mean another Wasmtime. The programs that ship are compiled for release: the bootstrap without the
//! compiler, and the command with it.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::auditable;
use crate::compile::{compile, products};
use crate::engine;
use crate::stamp::Inputs;
use crate::steps::{Outcome, Step};
use crate::training;
use crate::workspace::Workspace;

/// Builds the demo and the bootstrap that it starts, compiled quickly.
pub(crate) const DEMO: Step = Step {
    name: "bootstrap",
    title: "building the bootstrap and the demo (Wasmtime takes some minutes the first time)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        // `--examples` selects nothing, but makes cargo unite the features of the tests' dependencies, too.
        let mut build = quick(workspace, "build");
        compile(workspace, build.args(["--bin", "bootstrap", "--bin", "demo", "--examples"]))?;
        Ok(Outcome::Done)
    },
};

/// Builds the demo, and the bootstrap as it ships.
pub(crate) const DEMO_OF_RELEASE: Step = Step {
    name: "bootstrap",
    title: "building the bootstrap (release; Wasmtime takes several minutes the first time) and the demo",
    needs: &[],
    inputs: None,
    run: |workspace| {
        compile(workspace, &workspace.cargo(["build", "--release", "--package", "bulkhead-bootstrap"]))?;
        compile(workspace, &workspace.cargo(["build", "--package", "bulkhead-tests", "--bin", "demo"]))?;
        Ok(Outcome::Done)
    },
};

/// Builds the programs that the end-to-end tests start, compiled quickly.
pub(crate) const PROGRAMS: Step = Step {
    name: "programs",
    title: "building the bootstrap, `bulkhead` and the end-to-end tests (Wasmtime takes some minutes the first time)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        compile(workspace, &build(workspace))?;
        Ok(Outcome::Done)
    },
};

/// Builds the bootstrap that most functions ship.
pub(crate) const LEAN: Step = Step {
    name: "lean",
    title: "building the bootstrap without compiler (release; Wasmtime takes some minutes the first time)",
    needs: &[],
    inputs: Some(Inputs::files(&["bootstrap", "host", "schema", "wit"])),
    run: |workspace| {
        build_lean(workspace)?;
        Ok(Outcome::Made(vec![workspace.lean_bootstrap()]))
    },
};

/// Builds all programs that ship.
pub(crate) const SHIPPED: Step = Step {
    name: "programs",
    title: "building both bootstraps and `bulkhead` (release; Wasmtime takes several minutes the first time)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        build_lean(workspace)?;
        // In one call, because they link in parallel, and because the command uses the host's library with
        // the features of this call. `auditable.rs` lists the crates of this call.
        let packages = ["--package", "bulkhead-bootstrap", "--package", "bulkhead-cli"];
        compile(workspace, workspace.cargo(["build", "--release"]).args(packages))?;
        Ok(Outcome::Done)
    },
};

/// Checks the packages that `clippy` leaves out: the bootstrap without the compiler, and the command with
/// compilers for both processors.
pub(crate) const CLIPPY_OF_RELEASE: Step = Step {
    name: "clippy",
    title: "clippy on the bootstrap without compiler, and on the command with the compilers for both processors",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&["bootstrap", "cli", "host", "schema", "wit"])),
    run: |workspace| {
        let lean: &[&str] =
            &["--package", "bulkhead-bootstrap", "--package", "bulkhead-host", "--no-default-features"];
        for packages in [lean, &["--package", "bulkhead-cli", "--all-targets"]] {
            let mut clippy = workspace.cargo(["clippy"]);
            compile(workspace, clippy.args(packages).args(["--", "--deny", "warnings"]))?;
        }
        Ok(Outcome::Done)
    },
};

/// A call of cargo for this machine: all packages except those that are only ever components, without
/// compilers for other processors.
pub(crate) fn quick(workspace: &Workspace, command: &str) -> Command {
    let mut cargo = workspace.cargo([command, "--workspace"]);
    for directory in ["tests/guests", "bench/guests", engine::FOLDER] {
        for package in workspace.packages_below(directory) {
            cargo.args(["--exclude", &package.name]);
        }
    }
    cargo.args(["--no-default-features", "--features", "bulkhead-bootstrap/compiler"]);
    cargo
}

/// The path of the program with the end-to-end tests, from cargo's messages.
pub(crate) fn end_to_end_tests(workspace: &Workspace) -> Result<PathBuf> {
    let mut build = build(workspace);
    build.arg("--quiet");
    let mut program = None;
    products(workspace, &build, |message| {
        if message["target"]["name"] == "e2e" {
            program = message["executable"].as_str().map(PathBuf::from);
        }
    })?;
    program.context("cargo reports no program for the end-to-end tests")
}

fn build(workspace: &Workspace) -> Command {
    let mut build = quick(workspace, "build");
    build.args(["--bin", "bootstrap", "--bin", "bulkhead", "--bin", "suites", "--test", "e2e"]);
    build
}

fn build_lean(workspace: &Workspace) -> Result<()> {
    let mut build = workspace.cargo(["build", "--release", "--package", "bulkhead-bootstrap"]);
    build.arg("--no-default-features");
    let built = training::guide(&mut build, &workspace.source(training::PROFILE), &workspace.target(""))?;
    compile(workspace, &build)?;
    let built = workspace.target("").join(built).join("bootstrap");
    keep(workspace, &built, &workspace.lean_bootstrap(), ARCH)
}

/// Copies a bootstrap without the compiler, for this processor, to where cargo does not overwrite it, and writes the list of its crates
/// into the copy.
pub(crate) fn keep(workspace: &Workspace, built: &Path, kept: &Path, processor: &str) -> Result<()> {
    if let Some(directory) = kept.parent() {
        fs::create_dir_all(directory)?;
    }
    // A running program cannot be overwritten, but its file can be replaced.
    fs::remove_file(kept).ok();
    fs::copy(built, kept).with_context(|| format!("copying to {}", kept.display()))?;
    auditable::embed(workspace, auditable::LEAN, processor, kept)
}
