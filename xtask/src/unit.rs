//! Unit tests, compiled like the programs of the end-to-end tests, so that an edit of the host recompiles
//! only the host.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::bootstraps::quick;
use crate::compile::{compile, products};
use crate::engine;
use crate::stamp::Inputs;
use crate::steps::{Outcome, Step};
use crate::workspace::{Package, Workspace, run};

/// Runs the unit tests of all packages, and the tests of the SDK's macros.
pub(crate) const UNIT: Step = Step {
    name: "unit",
    title: "unit and compile-fail tests (Wasmtime takes some minutes the first time)",
    needs: &["toolchain"],
    inputs: Some(RUST),
    run: |workspace| {
        let kinds = ["--lib", "--bins", "--test", "compile"];
        compile(workspace, quick(workspace, "test").args(kinds).arg("--no-run"))?;
        run(quick(workspace, "test").args(kinds).arg("--no-fail-fast"))?;
        Ok(Outcome::Done)
    },
};

/// Runs the benchmark itself, briefly.
pub(crate) const BENCH: Step = Step {
    name: "bench",
    title: "running the benchmark briefly, to see that it works",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&["bench", "tests"])),
    run: |workspace| {
        let run_only = ["--test", "run"];
        compile(workspace, quick(workspace, "test").args(run_only).arg("--no-run"))?;
        run(quick(workspace, "test").args(run_only))?;
        Ok(Outcome::Done)
    },
};

/// Runs the tests that [`UNIT`] leaves out, because it is compiled without compilers for other processors.
pub(crate) const UNIT_OF_RELEASE: Step = Step {
    name: "unit",
    title: "unit tests of the host and the command, with the compilers for both processors",
    needs: &["toolchain"],
    inputs: Some(RUST),
    run: |workspace| {
        let what = ["--package", "bulkhead-host", "--package", "bulkhead-cli", "--lib", "--bins"];
        compile(workspace, workspace.cargo(["test", "--no-run"]).args(what))?;
        run(workspace.cargo(["test"]).args(what))?;
        Ok(Outcome::Done)
    },
};

/// All Rust sources, and the files that their tests read.
pub(crate) const RUST: Inputs = Inputs::files(&[
    ".ci",
    ".devcontainer",
    ".github",
    "RELEASING.md",
    "bench",
    "bootstrap",
    "cli",
    "docs",
    "examples",
    "guest-sdk",
    "host",
    "schema",
    "tests",
    "wit",
]);

/// Runs the unit tests of one package whose names contain `filter`.
pub(crate) fn of(workspace: &Workspace, package: &str, filter: Option<&str>) -> Result<()> {
    let package = workspace.package(package)?;
    if package.directory.starts_with(workspace.source(engine::FOLDER)) {
        return run(engine::tests(workspace).args(filter));
    }
    let mut build = quick(workspace, "test");
    // `--lib` alone does not link the programs of the package.
    build.arg(if package.directory.join("src/lib.rs").is_file() { "--lib" } else { "--bins" });
    build.arg("--no-run");
    for program in programs(workspace, &build, package)? {
        run(Command::new(program).args(filter).current_dir(&package.directory))?;
    }
    Ok(())
}

/// The test programs of a package, from the messages of the call of cargo that builds them.
fn programs(workspace: &Workspace, build: &Command, package: &Package) -> Result<Vec<PathBuf>> {
    let mut programs = Vec::new();
    products(workspace, build, |message| {
        let manifest = message["manifest_path"].as_str().map(Path::new);
        if message["profile"]["test"] == true
            && manifest.is_some_and(|path| path.starts_with(&package.directory))
        {
            programs.extend(message["executable"].as_str().map(PathBuf::from));
        }
    })?;
    ensure!(!programs.is_empty(), "{} has no unit tests", package.name);
    Ok(programs)
}
