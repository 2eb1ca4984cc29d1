//! Compiles the components of a build for this machine, so that `invoke` and `dev` start without a
//! compilation.
//!
//! The native code is written beside the component, where the bootstrap and `bulkhead package` look for it
//! first. Both fall back to the component if the native code no longer fits.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use bulkhead_host::engine::Target;
use bulkhead_host::text::printable::Shown as _;

use crate::compile;
use crate::output::tell;
use crate::package::fits;

/// Components of this size contain an interpreter and take long to compile, so a message says what is going
/// on.
const LARGE: u64 = 4 * 1024 * 1024;

/// Whether native code was compiled from the component beside it, for this machine.
pub(super) fn is_made(native: &Path) -> bool {
    Target::host().is_some_and(|target| fits(native, &native.with_extension("wasm"), target))
}

/// Compiles a component, unless its native code is up to date.
pub(super) fn make(native: &Path, shown: &Path) -> anyhow::Result<()> {
    let Some(target) = Target::host().filter(|_| !is_made(native)) else { return Ok(()) };
    let component = native.with_extension("wasm");
    let started = Instant::now();
    let is_large = std::fs::metadata(&component).is_ok_and(|file| file.len() >= LARGE);
    if is_large {
        tell(&format!("compiling {} for this machine, so that it starts faster", shown.shown()));
    }
    compile::native(&component, native, target)
        .with_context(|| format!("{} cannot be compiled", shown.shown()))?;
    if is_large {
        tell(&format!("compiled in {:.1?}", started.elapsed()));
    }
    Ok(())
}
