//! Compiles a component to a `.cwasm`: native code, followed by a stamp.

use super::{explain, reset, reset_of_snapshot};
use crate::engine::artifact::Stamp;
use crate::engine::{self, Target};
use crate::text::printable::told;

/// The engine's compiler rejects a component.
#[derive(Debug, thiserror::Error)]
#[error("not a valid component: {}", told(.0))]
pub struct CompileError(wasmtime::Error);

/// Compiles a component to the bytes of a `.cwasm`. The stamp refers to its `source`, the file beside it: the
/// component itself, or the core module that it was made from.
///
/// # Errors
/// If the bytes are not a valid component, or use a disabled feature.
pub fn compile(component: &[u8], source: &[u8], target: Target) -> Result<Vec<u8>, CompileError> {
    let image = native(component, target)?;
    let stamp = Stamp::new(&image, source, target, reset(component));
    Ok(stamped(image, &stamp))
}

/// Compiles a component whose init function has been run.
///
/// # Errors
/// See [`compile`].
pub fn compile_preinitialised(
    component: &[u8],
    source: &[u8],
    target: Target,
) -> Result<Vec<u8>, CompileError> {
    let image = native(component, target)?;
    let reset = reset_of_snapshot(component, source);
    let stamp = Stamp { preinitialised: true, ..Stamp::new(&image, source, target, reset) };
    Ok(stamped(image, &stamp))
}

fn native(component: &[u8], target: Target) -> Result<Vec<u8>, CompileError> {
    engine::precompile(component, target).map_err(|error| CompileError(explain(component, error)))
}

fn stamped(mut image: Vec<u8>, stamp: &Stamp) -> Vec<u8> {
    image.extend_from_slice(&stamp.to_bytes());
    image
}
