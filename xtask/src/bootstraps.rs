//! The programs that ship: both bootstraps and the `bulkhead` command.
//!
//! Wasmtime is most of the work, so the cargo calls are chosen to compile it once with its compiler and
//! once without. A bootstrap is built without the compiler first, because both have the same file name.

use std::fs;

use anyhow::{Context as _, Result};

use crate::steps::{Ending, Step};
use crate::workspace::{Workspace, run};

/// The bootstrap that compiles `.wasm` itself.
pub(crate) const BOOTSTRAP: Step = Step {
    name: "bootstrap",
    title: "building bootstrap (release; Wasmtime takes a few minutes the first time)",
    needs: &[],
    run: |workspace| {
        run(&mut workspace.cargo(["build", "--release", "--package", "bulkhead-bootstrap"]))?;
        Ok(Ending::Done)
    },
};

/// All that ships.
pub(crate) const PROGRAMS: Step = Step {
    name: "programs",
    title: "building both bootstraps and `bulkhead` (release; Wasmtime takes several minutes the first time)",
    needs: &[],
    run: |workspace| {
        build_lean(workspace)?;
        // Together, because they link side by side and the command takes the host's library as it is then.
        let packages = ["--package", "bulkhead-bootstrap", "--package", "bulkhead-cli"];
        run(workspace.cargo(["build", "--release"]).args(packages))?;
        Ok(Ending::Done)
    },
};

fn build_lean(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo([
        "build",
        "--release",
        "--package",
        "bulkhead-bootstrap",
        "--no-default-features",
    ]))?;
    let lean = workspace.lean_bootstrap();
    if let Some(directory) = lean.parent() {
        fs::create_dir_all(directory)?;
    }
    // A copy over a running program is refused; a new file is not.
    fs::remove_file(&lean).ok();
    fs::copy(workspace.bootstrap(), &lean).with_context(|| format!("copying to {}", lean.display()))?;
    Ok(())
}
