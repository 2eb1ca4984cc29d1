//! The target that guests are compiled for, which a fresh toolchain lacks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use bulkhead_host::text::printable::Shown as _;

use crate::output;

pub(crate) const WASM: &str = "wasm32-wasip2";

/// Adds the target where it is missing.
pub(super) fn ensure(folder: &Path) -> anyhow::Result<()> {
    if installed(folder)? {
        return Ok(());
    }
    output::tell(&format!("the Rust toolchain lacks {WASM}; adding it with rustup"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", WASM]).current_dir(folder).stdin(Stdio::null()).stdout(std::io::stderr());
    let added = rustup.status().is_ok_and(|status| status.success());
    ensure!(
        added && installed(folder)?,
        "the target {WASM} is missing from the Rust toolchain of {}, and rustup did not add it; install it and try again \
         (with rustup: `rustup target add {WASM}`)",
        folder.shown()
    );
    Ok(())
}

/// Whether the toolchain of a folder has it. The compiler is asked and not rustup, which some toolchains come without.
pub(crate) fn installed(folder: &Path) -> anyhow::Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", WASM]).current_dir(folder).stdin(Stdio::null());
    let output =
        rustc.output().context("there is no `rustc` on the PATH; install Rust from https://rustup.rs")?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success() && libraries.is_dir())
}
