//! `cargo xtask bench`: builds what is compared, and hands it to the `bulkhead-bench` program, which measures.

use std::process::Command;

use anyhow::Result;

use crate::bootstraps::PROGRAMS;
use crate::guests::HELLO;
use crate::steps::{self, Ending, Step};
use crate::toolchain::TARGET;
use crate::workspace::{Workspace, run as call};

/// What `cargo xtask bench` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Measure functions with many tenants and many components instead
    #[arg(long)]
    scale: bool,
    /// Measure the steps of a sandbox's life in process, for each way to allocate it
    #[arg(long, conflicts_with = "scale")]
    steps: bool,
    /// Passed on to `bulkhead-bench`, e.g. `-- --rounds 3 --events 500`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The `bench` command.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.scale {
        return scale(workspace, options);
    }
    if options.steps {
        return life(workspace, options);
    }
    steps::run(workspace, "bench", &[TARGET, PROGRAMS, HELLO, COMPILED, RIVAL])?;
    let mut bench = Command::new(workspace.target("release/bulkhead-bench"));
    for (name, file) in [
        ("--native", workspace.target("release/native-hello")),
        ("--native-one-thread", workspace.target("release/native-hello-one-thread")),
        ("--lean", workspace.lean_bootstrap()),
        ("--cwasm", workspace.target(CWASM)),
        ("--full", workspace.bootstrap()),
        ("--wasm", workspace.guest("hello")),
        ("--json", workspace.target("bench/results.json")),
    ] {
        bench.arg(name).arg(file);
    }
    println!();
    call(bench.args(&options.arguments))
}

fn scale(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --scale", &[TARGET, PROGRAMS, HELLO, RIVAL])?;
    let mut scale = Command::new(workspace.target("release/scale"));
    for (name, file) in [
        ("--lean", workspace.lean_bootstrap()),
        ("--command", workspace.command_line()),
        ("--wasm", workspace.guest("hello")),
        ("--json", workspace.target("bench/scale.json")),
    ] {
        scale.arg(name).arg(file);
    }
    println!();
    call(scale.args(&options.arguments))
}

fn life(workspace: &Workspace, options: &Options) -> Result<()> {
    steps::run(workspace, "bench --steps", &[TARGET, PROGRAMS, HELLO, COMPILED, RIVAL])?;
    let mut life = Command::new(workspace.target("release/steps"));
    life.arg("--cwasm").arg(workspace.target(CWASM)).arg("--json").arg(workspace.target("bench/steps.json"));
    println!();
    call(life.args(&options.arguments))
}

/// What the bootstrap without compiler runs.
const CWASM: &str = "bench/hello.cwasm";

const COMPILED: Step = Step {
    name: "compile",
    title: "compiling hello.wasm to hello.cwasm",
    needs: &["hello", "programs"],
    run: |workspace| {
        let compiled = workspace.target(CWASM);
        if let Some(directory) = compiled.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut bulkhead = Command::new(workspace.command_line());
        call(bulkhead.arg("compile").arg(workspace.guest("hello")).arg("-o").arg(&compiled))?;
        Ok(Ending::Done)
    },
};

const RIVAL: Step = Step {
    name: "rival",
    title: "building the same handler on lambda_runtime, and the bench itself (release)",
    needs: &[],
    run: |workspace| {
        call(&mut workspace.cargo(["build", "--release", "--package", "bulkhead-bench"]))?;
        Ok(Ending::Done)
    },
};
