//! Completions from the project: the names of its handlers and tenants.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::text::printable::is_printable;
use clap_complete::CompletionCandidate;

use crate::{local, samples};

/// The handlers of the task root here: those of `bulkhead.toml`, or else the components.
pub(crate) fn handlers() -> Vec<CompletionCandidate> {
    of_here(|root, manifest| {
        if manifest.handlers.is_empty() {
            return components(root);
        }
        manifest.handlers.into_iter().map(|handler| handler.name).collect()
    })
}

/// The tenants of `bulkhead.toml`.
pub(crate) fn tenants() -> Vec<CompletionCandidate> {
    of_here(|_, manifest| manifest.tenants.keys().map(|id| String::from(&**id)).collect())
}

/// The sample events.
pub(crate) fn samples() -> Vec<CompletionCandidate> {
    samples::names().into_iter().map(CompletionCandidate::new).collect()
}

/// Mistakes are reported by the commands, not while completing.
fn of_here(names: impl FnOnce(&Path, Manifest) -> BTreeSet<String>) -> Vec<CompletionCandidate> {
    // In a project that is not built yet, its bulkhead.toml has the names.
    let root = local::task_root(None).unwrap_or_else(|_| PathBuf::from("."));
    let manifest = Manifest::read(&root).ok().flatten().unwrap_or_default();
    // Shells show these names unescaped.
    let shown = names(&root, manifest).into_iter().filter(|name| name.chars().all(is_printable));
    shown.map(CompletionCandidate::new).collect()
}

fn components(root: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(root).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let components =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "wasm" || kind == "cwasm"));
    components.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}
