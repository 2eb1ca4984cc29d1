//! A component becomes a `.cwasm`: native code with a stamp behind it.

use super::explain;
use crate::engine::artifact::Stamp;
use crate::engine::{self, Target};
use crate::text::printable::told;

/// The engine's compiler refuses a component.
#[derive(Debug, thiserror::Error)]
#[error("not a valid component: {}", told(.0))]
pub struct CompileError(wasmtime::Error);

/// Compiles a component to the bytes of a `.cwasm`. The stamp names its `source`, which is what lies beside it: the
/// component itself, or the core module that it was made of.
///
/// # Errors
/// When the bytes are no valid component, or use a feature that is switched off.
pub fn compile(component: &[u8], source: &[u8], target: Target) -> Result<Vec<u8>, CompileError> {
    let image = native(component, target)?;
    let stamp = Stamp::new(&image, source, target);
    Ok(stamped(image, &stamp))
}

/// The same for a component whose init has been run.
///
/// # Errors
/// As for [`compile`].
pub fn compile_preinitialised(
    component: &[u8],
    source: &[u8],
    target: Target,
) -> Result<Vec<u8>, CompileError> {
    let image = native(component, target)?;
    let stamp = Stamp { preinitialised: true, ..Stamp::new(&image, source, target) };
    Ok(stamped(image, &stamp))
}

fn native(component: &[u8], target: Target) -> Result<Vec<u8>, CompileError> {
    engine::precompile(component, target).map_err(|error| CompileError(explain(component, error)))
}

fn stamped(mut image: Vec<u8>, stamp: &Stamp) -> Vec<u8> {
    image.extend_from_slice(&stamp.to_bytes());
    image
}
