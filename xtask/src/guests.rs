//! `cargo xtask guests`: builds every example and every test guest as a component, named like its package or
//! binary.
//!
//! Examples are built one by one, each with exactly the features that it asks for, as their users would build
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::compile::products;
use crate::stamp::Inputs;
use crate::steps::{self, Outcome, Step};
use crate::table::Table;
use crate::toolchain;
use crate::workspace::{Package, WASM, Workspace};

/// The guest profile: what differs from the host's, in the way that `bulkhead build` sets it. A component does
/// not unwind, and keeps the names of its functions, so that a trap shows where it happened. Cargo has no
/// profile per target, so these are flags. The size of its stack is in `.cargo/config.toml`, for everyone who builds an
/// example.
pub(crate) const PROFILE: [&str; 2] =
    ["profile.release.strip=\"debuginfo\"", "profile.release.panic=\"abort\""];

/// Builds all guests.
pub(crate) const GUESTS: Step = Step {
    name: "guests",
    title: "building examples and test guests (release; wasm32-wasip2)",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&["examples", "guest-sdk", "tests/guests", "wit"])),
    run: |workspace| {
        let mut built = Vec::new();
        for package in workspace.packages_below("examples").chain(workspace.packages_below("tests/guests")) {
            built.extend(build(workspace, package)?);
        }
        print_sizes(built)
    },
};

/// Builds the guest that the demo and the benchmarks run.
pub(crate) const HELLO: Step = Step {
    name: "hello",
    title: "building the hello example (release; wasm32-wasip2)",
    needs: &["target"],
    inputs: None,
    run: |workspace| example(workspace, "hello"),
};

/// Builds the guests that only the benchmarks run.
pub(crate) const MEASURED: Step = Step {
    name: "measured",
    title: "building the benchmark's guests (release; wasm32-wasip2)",
    needs: &["target"],
    inputs: None,
    run: |workspace| {
        example(workspace, "scanner")?;
        below(workspace, "bench/guests")
    },
};

/// Builds the two handlers of `examples/tenants`.
pub(crate) const TENANTS: Step = Step {
    name: "tenants",
    title: "building the tenants example (release; wasm32-wasip2)",
    needs: &["target"],
    inputs: None,
    run: |workspace| example(workspace, "tenants"),
};

/// The `guests` command.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    steps::run(workspace, "guests", &[toolchain::TARGET, GUESTS])
}

/// Builds one example.
fn example(workspace: &Workspace, name: &str) -> Result<Outcome> {
    below(workspace, &format!("examples/{name}"))
}

/// Builds the package in a directory.
fn below(workspace: &Workspace, directory: &str) -> Result<Outcome> {
    let package = workspace.packages_below(directory).next();
    print_sizes(build(workspace, package.with_context(|| format!("there is no package in {directory}"))?)?)
}

/// Builds one package and returns its components.
fn build(workspace: &Workspace, package: &Package) -> Result<Vec<PathBuf>> {
    let mut command = workspace.cargo(["build", "--release", "--target", WASM, "--package", &package.name]);
    for line in PROFILE {
        command.args(["--config", line]);
    }
    let mut components = Vec::new();
    let mut failed = Ok(());
    products(workspace, &command, |message| match component(message, package) {
        Ok(found) => components.extend(found),
        Err(error) => failed = Err(error),
    })?;
    failed?;
    Ok(components)
}

/// The component in one of cargo's messages. A library's file is renamed, because cargo replaces dashes by
/// underscores.
fn component(message: &Value, package: &Package) -> Result<Option<PathBuf>> {
    let ours =
        message["manifest_path"].as_str().is_some_and(|path| Path::new(path).starts_with(&package.directory));
    let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut files = files.map(Path::new).filter(|file| file.extension().is_some_and(|end| end == "wasm"));
    let Some(file) = files.next().filter(|_| ours) else {
        return Ok(None);
    };
    let is_library =
        message["target"]["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"));
    let named = match is_library {
        true => file.with_file_name(format!("{}.wasm", package.name)),
        false => file.to_path_buf(),
    };
    if named != file {
        fs::copy(file, &named).with_context(|| format!("copying {}", file.display()))?;
    }
    Ok(Some(named))
}

fn print_sizes(components: Vec<PathBuf>) -> Result<Outcome> {
    ensure!(!components.is_empty(), "cargo did not build a component");
    let mut table = Table::new(["component", "bytes"]);
    for file in &components {
        let size = fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.len();
        table.row([&file.file_stem().unwrap_or_default().to_string_lossy(), &size.to_string()]);
    }
    println!("\n{table}");
    Ok(Outcome::Made(components))
}
