//! Everything that the engine asks of its host, as plain functions: on WASI, and for tests.

#[cfg(not(target_family = "wasm"))]
mod fake;
#[cfg(target_family = "wasm")]
mod wasi;

#[cfg(not(target_family = "wasm"))]
pub(crate) use fake::*;
#[cfg(target_family = "wasm")]
pub(crate) use wasi::*;

/// One file of a script.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    /// Its content.
    pub(crate) content: Vec<u8>,
    /// What this engine made of the content before.
    pub(crate) bytecode: Option<Vec<u8>>,
}
