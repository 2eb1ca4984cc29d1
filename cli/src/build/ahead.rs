//! Large components are compiled as soon as they are built, for this machine: each start of a bootstrap would take as long.
//!
//! The native code lies beside the component, where the bootstrap looks for it first, and `bulkhead package` too.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use bulkhead_host::engine::Target;

use crate::compile;
use crate::output::tell;
use crate::package::fits;

/// From this size on it takes some seconds: there is an interpreter in it.
const LARGE: u64 = 4 * 1024 * 1024;

/// Where the native code of a component goes, if it is large.
pub(super) fn place(component: &Path, size: u64) -> Option<PathBuf> {
    (size >= LARGE).then(|| component.with_extension("cwasm"))
}

/// Whether there is native code that need not be made again.
pub(super) fn is_made(native: &Path) -> bool {
    Target::host().is_some_and(|target| fits(native, &native.with_extension("wasm"), target))
}

/// Makes it, unless it is there.
pub(super) fn make(native: &Path, shown: &Path) -> anyhow::Result<()> {
    let Some(target) = Target::host().filter(|_| !is_made(native)) else { return Ok(()) };
    tell(&format!("compiling {}, so that no start of it has to", shown.display()));
    let started = Instant::now();
    compile::native(&native.with_extension("wasm"), native, target)
        .with_context(|| format!("{} cannot be compiled", shown.display()))?;
    tell(&format!("compiled it in {:.1?}", started.elapsed()));
    Ok(())
}
