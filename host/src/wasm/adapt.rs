//! Core modules for WASI preview 1 become components: those of C, Zig, TinyGo, and of Rust before it had wasm32-wasip2.
//!
//! The adapter is the official one, of the release of Wasmtime that is built in: a second core module that has preview
//! 1's functions and imports those of WASI 0.2. In a program it gets a memory of its own, by [`own_memory`]. What cannot be
//! adapted is told why in [`error`]; what was adapted is a component like any other for [`crate::sandbox::component`].

mod error;
mod module;
mod own_memory;

use std::panic::{AssertUnwindSafe, catch_unwind};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wit_component::ComponentEncoder;

pub use error::AdaptError;
use module::Module;

use crate::wasm::features;

/// Makes a component of a core module that anyone may have handed in.
///
/// One that carries a description of its own world is refused: what reads these was written for toolchains, and one whose
/// packages depend on each other in a circle ends it with an overflow of its stack, and so the process with all of its
/// tenants.
///
/// # Errors
/// When it is for no host of WASI preview 1, or there is nothing in it to call, or it is for [`adapt_with_world`].
pub fn adapt(module: &[u8]) -> Result<Vec<u8>, AdaptError> {
    match Module::read(module) {
        Ok(read) if read.has_world => Err(AdaptError::World),
        Ok(_) | Err(_) => adapt_with_world(module),
    }
}

/// The same, whether or not it carries a description of its world: for a process that may end.
///
/// One with `_start` becomes a `wasi:cli/run`, and whatever else its world says; one without becomes what that says.
///
/// # Errors
/// When it is for no host of WASI preview 1, or there is nothing in it to call.
pub fn adapt_with_world(module: &[u8]) -> Result<Vec<u8>, AdaptError> {
    let adapted = check(module).and_then(|adapter| {
        // Whatever it stumbles over is one module's fault, and costs that alone.
        let encoded = catch_unwind(AssertUnwindSafe(|| encode(module, &adapter)));
        encoded.unwrap_or_else(|_| Err(AdaptError::Encoder("it stumbled over it, which is a bug".to_owned())))
    });
    // Of a module that wants threads, the import of a shared memory would be what is wrong first.
    adapted.map_err(|error| features::missing(module).map_or(error, AdaptError::Feature))
}

/// An adapter, and how a module gets it.
struct Adapter {
    wasm: &'static [u8],
    /// Whether it gets a memory of its own. One that is beside a world shares the module's, which asks for memory for it:
    /// what is handed to other interfaces is in there, and nobody copies that.
    has_own_memory: bool,
}

/// The adapter that fits a module.
fn check(wasm: &[u8]) -> Result<Adapter, AdaptError> {
    let module = Module::read(wasm).map_err(AdaptError::Malformed)?;
    let adapter = if module.is_command() { COMMAND } else { REACTOR };
    let there = Module::read(adapter).map_err(AdaptError::Malformed)?;
    for import in &module.imports {
        if import.module == PREVIEW1 {
            if !there.exports.contains(&import.name) {
                return Err(AdaptError::Function { name: import.name.to_owned() });
            }
        } else if !module.has_world || !import.may_be_of_a_world() {
            return Err(AdaptError::import(import.module, import.name));
        }
    }
    if module.is_command() || module.has_world {
        Ok(Adapter { wasm: adapter, has_own_memory: !module.has_world })
    } else {
        Err(AdaptError::no_entry(&module.exports))
    }
}

fn encode(module: &[u8], adapter: &Adapter) -> Result<Vec<u8>, AdaptError> {
    let rewritten = if adapter.has_own_memory { own_memory::rewrite(module)? } else { None };
    let encoder = ComponentEncoder::default().module(rewritten.as_deref().unwrap_or(module));
    let encoder = encoder.and_then(|encoder| encoder.adapter(PREVIEW1, adapter.wasm));
    let encoded = encoder.and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| AdaptError::Encoder(format!("{error:#}")))
}

#[cfg(test)]
mod tests;
