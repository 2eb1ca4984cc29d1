//! What was found out, for people and as JSON alike.

use std::path::{Path, PathBuf};

use bulkhead_host::policy::manifest::Mistake;
use serde::Serialize;

use super::denied::Denial;
use super::inspect::Component;

/// Everything about one task root.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The `bulkhead.toml`, if there is one.
    pub(super) manifest: Option<PathBuf>,
    /// What the bootstrap would refuse.
    pub(super) mistakes: Vec<Finding>,
    /// What may be meant.
    pub(super) warnings: Vec<String>,
    pub(super) handlers: Vec<Handler>,
    /// How many there are.
    pub(super) tenants: usize,
}

impl Report {
    /// Adds a warning that may be there already.
    pub(super) fn warn_once(&mut self, text: String) {
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }
}

/// One mistake, and where it is, as far as that is known.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) file: Option<PathBuf>,
    pub(super) line: Option<usize>,
    pub(super) key: Option<String>,
    pub(super) text: String,
}

impl Finding {
    /// What a mistake in `bulkhead.toml` is.
    pub(super) fn at(file: &Path, Mistake { line, key, text }: Mistake) -> Self {
        Self { file: Some(file.to_owned()), line: Some(line), key: Some(key), text }
    }

    /// One whose text says where it is.
    pub(super) fn of(text: String) -> Self {
        Self { file: None, line: None, key: None, text }
    }
}

/// One handler.
#[derive(Debug, Serialize)]
pub(super) struct Handler {
    pub(super) name: String,
    /// None where it cannot be used, which is a mistake.
    pub(super) component: Option<Component>,
    /// The handler's own first, if any event is under it.
    pub(super) policies: Vec<Policy>,
}

/// A policy, and whose it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    /// Which events of no tenant of ours are under it.
    pub(super) events: Option<String>,
    pub(super) tenants: Vec<String>,
    pub(super) limits: Vec<Limit>,
    pub(super) grants: Vec<Grant>,
    pub(super) denied: Vec<Denial>,
}

/// A limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Limit {
    pub(super) key: &'static str,
    /// In its unit.
    pub(super) value: u64,
    pub(super) unit: &'static str,
    pub(super) text: String,
    pub(super) default: bool,
    /// What the handler has, where the tenant has something else.
    pub(super) change: Option<Change>,
}

/// What a tenant has in place of what its handler has.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Change {
    /// Less than this.
    Narrower(String),
    /// More than this.
    Wider(String),
}

/// A grant. A limit of its own, `tmp`, is among them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grant {
    pub(super) key: &'static str,
    /// Of variables only the names.
    pub(super) values: Vec<String>,
    /// What the handler has, where the tenant has something else.
    pub(super) in_place_of: Option<Vec<String>>,
}

/// How far a component could be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Checked {
    /// Loaded and linked, as for its first event.
    Loaded,
    /// It is for another processor.
    StampOnly {
        /// That processor.
        target: String,
    },
}
