//! The report, both for people and as JSON.

use std::path::{Path, PathBuf};

use bulkhead_host::engine::Reset;
use bulkhead_host::sandbox::component::ComponentError;
use bulkhead_host::text::printable::Shown as _;
use bulkhead_host::wasm::{Description, Kind};
use serde::Serialize;

use super::imports::Import;
use crate::producers::Producer;

/// All findings about one file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) file: PathBuf,
    pub(super) form: Form,
    /// One of `handler`, `streaming`, `http`, `command`; `None` if the file is of no such kind.
    pub(super) kind: Option<&'static str>,
    pub(super) runs: bool,
    /// Why the file would not run, and what to do.
    pub(super) reason: Option<String>,
    /// Additional information about a file that would run.
    pub(super) note: Option<String>,
    /// The digest of the file; of native code, that of its `.wasm`.
    pub(super) digest: String,
    /// Empty if the code is for another processor.
    pub(super) exports: Vec<String>,
    pub(super) imports: Vec<Import>,
    pub(super) sizes: Sizes,
    /// What the reset of its memory costs for each event; `None` if the file is not WebAssembly.
    pub(super) reset: Option<Reset>,
    pub(super) producers: Vec<Producer>,
    pub(super) compiled: Option<Compiled>,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Form {
    Component,
    CoreModule,
    /// A `.cwasm`.
    Native,
    Unknown,
}

/// Sizes in bytes, and counts. The rest of the file, outside code, data and custom sections, is types, names
/// and the like.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sizes {
    pub(super) file: usize,
    pub(super) code: usize,
    pub(super) data: usize,
    pub(super) custom: usize,
    pub(super) core_modules: usize,
    pub(super) functions: usize,
    pub(super) memories: usize,
    /// The initial size of all memories.
    pub(super) initial_memory: u64,
    pub(super) tables: usize,
    /// The initial number of entries in all tables.
    pub(super) initial_table_entries: u64,
}

/// The stamp of a `.cwasm`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compiled {
    pub(super) target: String,
    pub(super) build: String,
    pub(super) preinitialised: bool,
}

impl Report {
    /// A report without any finding so far.
    pub(super) fn of(file: &Path, form: Form) -> Self {
        Self {
            file: file.to_owned(),
            form,
            kind: None,
            runs: true,
            reason: None,
            note: None,
            digest: String::new(),
            exports: Vec::new(),
            imports: Vec::new(),
            sizes: Sizes::default(),
            reset: None,
            producers: Vec::new(),
            compiled: None,
        }
    }

    /// Adds the kind, exports and imports of a component.
    pub(super) fn describe(&mut self, description: Option<Description>) {
        if let Some(Description { exports, imports }) = description {
            self.kind = Kind::of(&exports).ok().map(Kind::name);
            self.imports = imports.into_iter().map(Import::of).collect();
            self.exports = exports;
        }
    }

    /// Records why the file would not run. The path is removed from the message, since the report names it.
    pub(super) fn refused(&mut self, error: &ComponentError) {
        let text = error.to_string();
        let about = format!("{}: ", self.file.shown());
        self.runs = false;
        self.reason = Some(text.strip_prefix(&about).unwrap_or(&text).to_owned());
    }
}
