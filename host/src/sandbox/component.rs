//! A component, loaded and ready to be instantiated: from `.wasm` or `.cwasm`, with its kind checked.
//!
//! This is the only place that maps native code. [`crate::dispatch::catalog`] decides which file belongs to
//! which handler.

mod entry;
mod error;
mod missing_import;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Component;

use crate::capabilities::Imports;
use crate::engine::artifact::{ArtifactError, Stamp, digest};
use crate::engine::pool_usage::Footprint;
use crate::engine::{Engine, LoadError};
use crate::script::Script;
#[cfg(feature = "compiler")]
use crate::wasm::explain;
use crate::wasm::{self, Description, Kind, Worlds};

pub(crate) use entry::Entry;
pub use error::ComponentError;

/// A component that the host can call.
#[derive(Clone)]
pub struct Loaded {
    /// Instantiated once per event.
    pub(crate) entry: Entry,
    /// The digest of its `.wasm`, `sha256:…`.
    pub digest: Arc<str>,
    /// The part of the pool that each of its sandboxes takes.
    pub(crate) footprint: Footprint,
    /// The script that it runs, if it is the engine of a handler whose source is a script. Each script has a copy of this.
    pub script: Option<Arc<Script>>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").finish_non_exhaustive()
    }
}

impl Loaded {
    /// Its exports and imports.
    pub fn describe(&self) -> Description {
        let component = self.entry.pre().component();
        Description::of(component.engine(), component)
    }

    /// It with the script that it runs.
    #[must_use]
    pub fn with_script(self, script: Arc<Script>) -> Self {
        let script = script.for_engine(&self.digest);
        Self { script: Some(script), ..self }
    }

    /// The number of memories of each of its sandboxes.
    pub fn memories(&self) -> u64 {
        self.footprint.memories().into()
    }

    /// Whether it is an engine, which runs nothing without a script.
    pub fn needs_script(&self) -> bool {
        self.kind() == Kind::Engine
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.entry.kind()
    }
}

/// The digest of the source of a `.cwasm`, if mapping it later is expected to succeed: its stamp fits this
/// program and the source, if that is available.
pub fn peek(cwasm: &Path, wasm: &Path) -> Option<String> {
    let stamp = Stamp::peek(cwasm).ok()?;
    let fits = !wasm.is_file() || read(wasm).is_ok_and(|source| digest(&source) == stamp.source);
    fits.then_some(stamp.source)
}

/// Maps a `.cwasm` whose stamp fits this program and its source, if that is available.
///
/// # Errors
/// If it is stale, foreign or damaged, or of a kind that does not run.
pub fn map(
    engine: &Engine,
    imports: &Imports,
    path: &Path,
    source: Option<&Path>,
) -> Result<Loaded, ComponentError> {
    let artifact_error = |error| ComponentError::Artifact { path: path.to_owned(), error };
    let stamp = Stamp::check(path).map_err(artifact_error)?;
    if let Some(source) = source
        && digest(&read(source)?) != stamp.source
    {
        return Err(artifact_error(ArtifactError::Stale));
    }
    let component = engine.load(|engine| deserialize(engine, path));
    load(imports, &component.map_err(|error| not_mapped(error, path))?, path, &stamp.source)
}

/// Loads the content of a `.cwasm` whose digest is in a signed record. It is copied, so that nobody who can write to the
/// store can change it any more. `path` is its name in errors.
///
/// # Errors
/// If it is foreign or damaged, was not compiled from the component with this digest, or is of a kind that does not
/// run.
pub fn map_bytes(
    engine: &Engine,
    imports: &Imports,
    cwasm: &[u8],
    source: &str,
    path: &Path,
) -> Result<Loaded, ComponentError> {
    let artifact_error = |error| ComponentError::Artifact { path: path.to_owned(), error };
    let stamp = Stamp::check_bytes(cwasm).map_err(artifact_error)?;
    if stamp.source != source {
        return Err(artifact_error(ArtifactError::Stale));
    }
    let component = engine.load(|engine| deserialize_bytes(engine, cwasm));
    load(imports, &component.map_err(|error| not_mapped(error, path))?, path, &stamp.source)
}

fn not_mapped(error: LoadError, path: &Path) -> ComponentError {
    match error {
        LoadError::Share(error) => ComponentError::Share { path: path.to_owned(), error },
        LoadError::Other(error) => {
            ComponentError::Artifact { path: path.to_owned(), error: ArtifactError::Engine(error) }
        }
    }
}

#[expect(unsafe_code, reason = "loading native code is what a .cwasm is for")]
fn deserialize_bytes(engine: &wasmtime::Engine, cwasm: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must be the output of the engine's compiler. The caller has compared their digest with that in a
    // record that was signed by a key that `bulkhead.toml` trusts. Anyone who has this key can run native code here, like
    // anyone who can replace `bootstrap`.
    unsafe { Component::deserialize(engine, cwasm) }
}

#[expect(unsafe_code, reason = "mapping native code is what a .cwasm is for")]
fn deserialize(engine: &wasmtime::Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file must contain the output of the engine's compiler and must not change while it is
    // mapped. Its stamp confirms the first, except for malice, and anyone who can replace this file can
    // replace `bootstrap`; the task root is read-only on Lambda, and elsewhere files are replaced by
    // renaming.
    unsafe { Component::deserialize_file(engine, path) }
}

/// The component in the bytes of a `.wasm`, made ready by [`wasm::ready()`].
///
/// # Errors
/// If the bytes cannot be made into a component that a compiler may see.
pub fn ready<'a>(wasm: &'a [u8], worlds: Worlds, path: &Path) -> Result<Cow<'a, [u8]>, ComponentError> {
    wasm::ready(wasm, worlds).map_err(|error| ComponentError::of_bytes(error, path))
}

/// Compiles a `.wasm` for this machine.
///
/// # Errors
/// If they cannot be made into a component, or it is of a kind that does not run, or needs imports that the
/// host does not have.
#[cfg(feature = "compiler")]
pub fn compile(engine: &Engine, imports: &Imports, path: &Path) -> Result<Loaded, ComponentError> {
    let wasm = read(path)?;
    compile_ready(engine, imports, &ready(&wasm, Worlds::Refused, path)?, &wasm, path)
}

/// Compiles a prepared component, made from the bytes in `source`, for this machine.
///
/// # Errors
/// If it is not valid, of a kind that does not run, or needs imports that the host does not have.
#[cfg(feature = "compiler")]
pub fn compile_ready(
    engine: &Engine,
    imports: &Imports,
    ready: &[u8],
    source: &[u8],
    path: &Path,
) -> Result<Loaded, ComponentError> {
    let component = engine.load(|engine| Component::from_binary(engine, ready));
    let component = component.map_err(|error| match error {
        LoadError::Share(error) => ComponentError::Share { path: path.to_owned(), error },
        LoadError::Other(error) => {
            ComponentError::Invalid { path: path.to_owned(), error: explain(ready, error) }
        }
    })?;
    load(imports, &component, path, &digest(source))
}

/// Fails, because this build has no compiler.
///
/// # Errors
/// Always.
#[cfg(not(feature = "compiler"))]
pub fn compile(_: &Engine, _: &Imports, path: &Path) -> Result<Loaded, ComponentError> {
    ready(&read(path)?, Worlds::Refused, path)?;
    Err(ComponentError::NoCompiler { path: path.to_owned() })
}

/// Reads a file. The error names the file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, ComponentError> {
    std::fs::read(path).map_err(|error| ComponentError::Read { path: path.to_owned(), error })
}

fn load(
    imports: &Imports,
    component: &Component,
    path: &Path,
    digest: &str,
) -> Result<Loaded, ComponentError> {
    let names = Description::of(component.engine(), component);
    let wrong = |reason| ComponentError::Kind { path: path.to_owned(), reason };
    let kind = Kind::of(&names.exports).map_err(|error| wrong(error.to_string()))?;
    let import_error = |error| ComponentError::Import {
        path: path.to_owned(),
        error,
        advice: missing_import::advice(&names.imports),
    };
    let pre = imports.instantiate_pre(component).map_err(import_error)?;
    let export = names.exports.iter().find(|name| kind.is_exported_as(name));
    if let Some(mistake) = export.and_then(|export| entry::mistake(kind, export, component)) {
        return Err(wrong(mistake));
    }
    let entry = Entry::of(kind, pre).map_err(import_error)?;
    Ok(Loaded { entry, digest: digest.into(), footprint: Footprint::of(component), script: None })
}

#[cfg(all(test, feature = "compiler"))]
mod tests;
