//! The compilation target of guests, which a fresh toolchain does not have.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use bulkhead_host::text::printable::Shown as _;

use crate::output;

pub(crate) const WASM: &str = "wasm32-wasip2";

/// Adds the target if it is missing.
pub(super) fn ensure(folder: &Path) -> anyhow::Result<()> {
    if installed(folder)? {
        return Ok(());
    }
    output::tell(&format!("the Rust target {WASM} is not installed; adding it with rustup"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", WASM]).current_dir(folder).stdin(Stdio::null()).stdout(std::io::stderr());
    let added = rustup.status().is_ok_and(|status| status.success());
    ensure!(
        added && installed(folder)?,
        "the Rust target {WASM} is not installed for the toolchain of {}, and rustup could not add it; install the \
         target (with rustup: `rustup target add {WASM}`) and try again",
        folder.shown()
    );
    Ok(())
}

/// Whether the folder's toolchain has the target. This asks the compiler, because not every toolchain comes
/// with rustup.
pub(crate) fn installed(folder: &Path) -> anyhow::Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", WASM]).current_dir(folder).stdin(Stdio::null());
    let output =
        rustc.output().context("there is no `rustc` on the PATH; install Rust from https://rustup.rs")?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success() && libraries.is_dir())
}
