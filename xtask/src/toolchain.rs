//! Adds parts of the Rust toolchain that a fresh machine may lack: targets, rustfmt, clippy. This uses
//! rustup, if it is installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::steps::{Outcome, Step};
use crate::workspace::{WASM, Workspace, run, works};

/// The target that guests are compiled for.
pub(crate) const TARGET: Step = Step {
    name: "target",
    title: "checking for the wasm32-wasip2 target",
    needs: &[],
    inputs: None,
    run: |workspace| {
        bring_target(workspace, WASM)?;
        Ok(Outcome::Done)
    },
};

/// The target, rustfmt and clippy.
pub(crate) const TOOLCHAIN: Step = Step {
    name: "toolchain",
    title: "checking for the wasm32-wasip2 target, rustfmt and clippy",
    needs: &[],
    inputs: None,
    run: |workspace| {
        (TARGET.run)(workspace)?;
        for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
            if !works(&mut workspace.cargo([subcommand, "--version"])) {
                add(workspace, "component", component)?;
            }
        }
        Ok(Outcome::Done)
    },
};

/// Adds a target, if it is not installed.
pub(crate) fn bring_target(workspace: &Workspace, target: &str) -> Result<()> {
    if !has_target(target)? {
        add(workspace, "target", target)?;
        ensure!(has_target(target)?, "rustup reports success, but the target {target} is still missing");
    }
    Ok(())
}

/// This asks the compiler, because not every toolchain comes with rustup.
fn has_target(target: &str) -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .stdin(Stdio::null())
        .output()
        .context("running rustc")?;
    let directory = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(directory.trim()).is_dir())
}

/// A program of LLVM, of the compiler's own version.
pub(crate) fn llvm_tool(workspace: &Workspace, name: &str, target: &str) -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(workspace.source(""))
        .stdin(Stdio::null())
        .output()
        .context("running rustc")?;
    let sysroot = String::from_utf8(output.stdout).context("rustc prints a path")?;
    let tool = Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("bin").join(name);
    if !tool.is_file() {
        add(workspace, "component", "llvm-tools")?;
    }
    Ok(tool)
}

fn add(workspace: &Workspace, kind: &str, name: &str) -> Result<()> {
    let channel = channel(workspace)?;
    let mut rustup = Command::new("rustup");
    rustup.args([kind, "add", name, "--toolchain", &channel]);
    if run(&mut rustup).is_err() {
        bail!(
            "the {kind} {name} is not installed for the Rust toolchain {channel}, and rustup could not add \
             it; install it (with rustup: `rustup {kind} add {name} --toolchain {channel}`) and try again"
        );
    }
    Ok(())
}

/// The toolchain that `rust-toolchain.toml` names.
fn channel(workspace: &Workspace) -> Result<String> {
    let file = workspace.source("rust-toolchain.toml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let quoted =
        text.lines().find_map(|line| line.strip_prefix("channel")).and_then(|rest| rest.split('"').nth(1));
    quoted.map(str::to_owned).context("rust-toolchain.toml has no channel")
}
