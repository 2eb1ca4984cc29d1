//! The bootstrap for arm64, without compiler, built on a machine with another processor too: the target comes with rustup,
//! the linker and a C compiler from the distribution.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::bootstraps::keep;
use crate::compile::compile;
use crate::fetched::Fetched;
use crate::steps::Step;
use crate::toolchain;
use crate::workspace::{ARM64 as TARGET, Workspace, has};

/// The variable with which the tests find this bootstrap.
pub(crate) const VARIABLE: &str = "BULKHEAD_BOOTSTRAP_ARM64";

/// The linker, which also compiles the C and assembler code of `ring`. This is its name in Debian and most
/// other distributions.
const LINKER: &str = "aarch64-linux-gnu-gcc";

/// Builds the bootstrap for arm64.
pub(crate) const ARM64: Step = Step {
    name: "arm64",
    title: "building the bootstrap for arm64 (release; Wasmtime takes a few minutes the first time)",
    needs: &[],
    inputs: None,
    run: |workspace| {
        build(workspace)?.outcome("The bootstrap for arm64 is NOT built, and its tests will NOT run")
    },
};

/// The bootstrap for arm64, if it could be built.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    Some(workspace.arm64_bootstrap()).filter(|file| file.is_file())
}

fn build(workspace: &Workspace) -> Result<Fetched> {
    let is_native = env::consts::ARCH == "aarch64";
    if !is_native && !has(LINKER) {
        // Removed first, so that a failed build leaves no earlier one behind.
        std::fs::remove_file(workspace.arm64_bootstrap()).ok();
        let reason =
            format!("{LINKER} is not installed (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross)");
        return Ok(Fetched::Impossible(reason));
    }
    toolchain::bring_target(workspace, TARGET)?;
    let mut cargo = workspace.cargo(["build", "--release", "--package", "bulkhead-bootstrap"]);
    cargo.args(["--no-default-features", "--target", TARGET]);
    if !is_native {
        cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER);
    }
    compile(workspace, &cargo)?;
    let built = workspace.target(TARGET).join("release/bootstrap");
    keep(workspace, &built, &workspace.arm64_bootstrap(), "aarch64")?;
    Ok(Fetched::Ready)
}
