//! Compiles components to native code.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Compiles a component to a `.cwasm` with the `bulkhead` command.
///
/// # Errors
/// If the command cannot be started, or fails.
pub fn compile(command: &Path, wasm: &Path, cwasm: &Path) -> Result<()> {
    let mut compile = Command::new(command);
    let output = compile.arg("compile").arg(wasm).arg("-o").arg(cwasm).output();
    let output = output.with_context(|| format!("starting {compile:?}"))?;
    ensure!(output.status.success(), "{compile:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
