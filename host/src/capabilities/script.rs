//! `bulkhead:lambda/script`: the script that an engine runs.
//!
//! It is in memory before the sandbox is made. What the engine reads is copied into its own memory, which is limited, on the
//! processor time of its event; nothing else of a script is copied. A path is compared, and never opened.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower, WasmStr};

use crate::script::{self, Script};

/// The name of the interface.
const INTERFACE: &str = "bulkhead:lambda/script@0.1.0";

/// A file for the engine.
#[derive(ComponentType, Lower)]
#[component(record)]
struct File {
    content: Arc<[u8]>,
    bytecode: Option<Arc<[u8]>>,
}

/// The component is an engine, and there is nothing for it to run.
#[derive(Debug, thiserror::Error)]
#[error(
    "the component is the engine of scripts, and its handler has no script; give the handler a script as its `source`, such as \
     \"index.js\""
)]
struct NoScript;

/// The script of a sandbox.
pub(super) type View<T> = fn(&T) -> Option<&Script>;

/// Links the interface. Its two functions are written by hand, because generated ones would copy each file twice.
///
/// # Errors
/// When it is there already, which would be a bug.
pub(super) fn add_to_linker<T: 'static>(linker: &mut Linker<T>, view: View<T>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("entry", move |store: StoreContextMut<'_, T>, (): ()| {
        let script = view(store.data()).ok_or(NoScript)?;
        Ok((script.entry.clone(),))
    })?;
    interface.func_wrap("read", move |store: StoreContextMut<'_, T>, (path,): (WasmStr,)| {
        let script = view(store.data()).ok_or(NoScript)?;
        let path = path.to_str(&store)?;
        let file = |file: &script::File| File {
            content: Arc::clone(&file.content),
            bytecode: script.bytecode(&path).cloned(),
        };
        Ok((script.file(&path).map(file),))
    })
}
