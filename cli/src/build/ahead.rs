//! What is built is compiled for this machine at once, so that no start of a bootstrap has to: not `invoke`'s, not `dev`'s.
//!
//! The native code lies beside the component, where the bootstrap looks for it first, and `bulkhead package` too. Where it does
//! not fit any more, both take the component.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use bulkhead_host::engine::Target;
use bulkhead_host::text::printable::Shown as _;

use crate::compile;
use crate::output::tell;
use crate::package::fits;

/// From this size on it takes so long that it is told: there is an interpreter in it.
const LARGE: u64 = 4 * 1024 * 1024;

/// Whether native code is that of the component beside it.
pub(super) fn is_made(native: &Path) -> bool {
    Target::host().is_some_and(|target| fits(native, &native.with_extension("wasm"), target))
}

/// Makes it, unless it is there.
pub(super) fn make(native: &Path, shown: &Path) -> anyhow::Result<()> {
    let Some(target) = Target::host().filter(|_| !is_made(native)) else { return Ok(()) };
    let component = native.with_extension("wasm");
    let started = Instant::now();
    let is_large = std::fs::metadata(&component).is_ok_and(|file| file.len() >= LARGE);
    if is_large {
        tell(&format!("compiling {}, so that no start of it has to", shown.shown()));
    }
    compile::native(&component, native, target)
        .with_context(|| format!("{} cannot be compiled", shown.shown()))?;
    if is_large {
        tell(&format!("compiled it in {:.1?}", started.elapsed()));
    }
    Ok(())
}
