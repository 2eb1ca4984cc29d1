//! Makes components from core modules for WASI preview 1: those of C, Zig, TinyGo, and of Rust before
//! wasm32-wasip2.
//!
//! The adapter is the official one, from the release of Wasmtime that is built in: a second core module that
//! exports preview 1's functions and imports those of WASI 0.2. In a program it gets a memory of its own,
//! through [`own_memory`]. [`error`] explains why a module cannot be adapted; an adapted module is a
//! component like any other for [`crate::sandbox::component`].

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

/// Makes a component from an untrusted core module.
///
/// A module with a description of its own world is rejected: the library that reads such descriptions was
/// written for toolchains, and packages that depend on each other in a circle overflow its stack, which ends
/// the process with all of its tenants.
///
/// # Errors
/// If it is not for WASI preview 1, or exports nothing to call, or needs [`adapt_with_world`].
pub fn adapt(module: &[u8]) -> Result<Vec<u8>, AdaptError> {
    match Module::read(module) {
        Ok(read) if read.has_world => Err(AdaptError::World),
        Ok(_) | Err(_) => adapt_with_world(module),
    }
}

/// Makes a component from a core module, even with a description of its world: for a process that may crash.
///
/// A module with `_start` becomes a `wasi:cli/run`, in addition to the contents of its world; a module
/// without it becomes only the latter.
///
/// # Errors
/// If it is not for WASI preview 1, or exports nothing to call.
pub fn adapt_with_world(module: &[u8]) -> Result<Vec<u8>, AdaptError> {
    let adapted = check(module).and_then(|adapter| {
        // A panic here is the fault of one module, and must not affect others.
        let encoded = catch_unwind(AssertUnwindSafe(|| encode(module, &adapter)));
        encoded.unwrap_or_else(|_| Err(AdaptError::Encoder("it panicked, which is a bug".to_owned())))
    });
    // For a module that needs threads, the first error would otherwise be the import of a shared memory.
    adapted.map_err(|error| features::missing(module).map_or(error, AdaptError::Feature))
}

/// An adapter, and how a module uses it.
struct Adapter {
    wasm: &'static [u8],
    /// Whether it gets a memory of its own. An adapter beside a world shares the module's memory, and
    /// allocates through the module: data for other interfaces is in that memory, and is not copied.
    has_own_memory: bool,
}

/// The adapter for the module.
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
