//! What a fresh machine may lack: targets, rustfmt, clippy. Added with rustup, where there is one.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::steps::{Ending, Step};
use crate::workspace::{WASM, Workspace, run, works};

/// The target that guests are compiled for.
pub(crate) const TARGET: Step = Step {
    name: "target",
    title: "looking for the wasm32-wasip2 target",
    needs: &[],
    inputs: None,
    run: |workspace| {
        bring_target(workspace, WASM)?;
        Ok(Ending::Done)
    },
};

/// The target, and what checks source text.
pub(crate) const TOOLCHAIN: Step = Step {
    name: "toolchain",
    title: "looking for the wasm32-wasip2 target, rustfmt and clippy",
    needs: &[],
    inputs: None,
    run: |workspace| {
        (TARGET.run)(workspace)?;
        for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
            if !works(&mut workspace.cargo([subcommand, "--version"])) {
                add(workspace, "component", component)?;
            }
        }
        Ok(Ending::Done)
    },
};

/// Adds what compiles for a target, if it is not there yet.
pub(crate) fn bring_target(workspace: &Workspace, target: &str) -> Result<()> {
    if !has_target(target)? {
        add(workspace, "target", target)?;
        ensure!(has_target(target)?, "rustup reports success, but this toolchain still lacks {target}");
    }
    Ok(())
}

/// Asks the compiler and not rustup, which some toolchains come without.
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

fn add(workspace: &Workspace, kind: &str, name: &str) -> Result<()> {
    let channel = channel(workspace)?;
    let mut rustup = Command::new("rustup");
    rustup.args([kind, "add", name, "--toolchain", &channel]);
    if run(&mut rustup).is_err() {
        bail!(
            "the {kind} {name} is missing from the Rust toolchain {channel}, and rustup did not add it; \
             install it and try again (with rustup: `rustup {kind} add {name} --toolchain {channel}`)"
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
