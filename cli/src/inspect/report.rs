//! What was found out, for people and as JSON alike.

use std::path::{Path, PathBuf};

use bulkhead_host::sandbox::component::ComponentError;
use bulkhead_host::text::printable::Shown as _;
use serde::Serialize;

use super::imports::Import;

/// Everything about one file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) file: PathBuf,
    pub(super) form: Form,
    /// One of `handler`, `streaming`, `http`, `command`, if it is of a kind at all.
    pub(super) kind: Option<&'static str>,
    pub(super) runs: bool,
    /// Why it does not run, and what to do.
    pub(super) reason: Option<String>,
    /// What is good to know although it runs.
    pub(super) note: Option<String>,
    /// Of the file; of native code, that of its `.wasm`.
    pub(super) digest: String,
    /// None are known of code for another processor.
    pub(super) exports: Vec<String>,
    pub(super) imports: Vec<Import>,
    pub(super) sizes: Sizes,
    pub(super) producers: Vec<Producer>,
    pub(super) compiled: Option<Compiled>,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Form {
    Component,
    CoreModule,
    /// A `.cwasm`.
    Native,
    Unknown,
}

/// In bytes, or how many there are. What is none of code, data and custom sections is types, names and the like.
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
    /// What all memories start with.
    pub(super) initial_memory: u64,
    pub(super) tables: usize,
    /// What all tables start with.
    pub(super) initial_table_entries: u64,
}

/// A language or tool that says it had a part in it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub(super) field: String,
    pub(super) name: String,
    pub(super) version: String,
}

/// What the stamp of a `.cwasm` says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compiled {
    pub(super) target: String,
    pub(super) build: String,
    pub(super) preinitialised: bool,
}

impl Report {
    /// Of a file of which nothing is known yet that would keep it from running.
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
            producers: Vec::new(),
            compiled: None,
        }
    }

    /// Notes why it does not run. That the file is this one is known here.
    pub(super) fn refused(&mut self, error: &ComponentError) {
        let text = error.to_string();
        let about = format!("{}: ", self.file.shown());
        self.runs = false;
        self.reason = Some(text.strip_prefix(&about).unwrap_or(&text).to_owned());
    }
}
