//! The report, both for people and as JSON.

use std::path::{Path, PathBuf};

use bulkhead_host::engine::Reset;
use bulkhead_host::policy::manifest::Mistake;
use bulkhead_host::wasm::Kind;
use serde::Serialize;

use super::credentials::Credential;
use super::denied::Denial;

/// All findings about one task root.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The `bulkhead.toml`, if there is one.
    pub(super) manifest: Option<PathBuf>,
    /// Findings for which the bootstrap would reject the task root.
    pub(super) mistakes: Vec<Finding>,
    /// Findings that may be intended.
    pub(super) warnings: Vec<String>,
    pub(super) handlers: Vec<Handler>,
    /// The number of tenants.
    pub(super) tenants: usize,
    /// Where further tenants are.
    pub(super) store: Option<Store>,
    /// The credentials that a handler or a tenant has.
    pub(super) credentials: Vec<Credential>,
}

/// The store of a manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Store {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) directory: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bucket: Option<String>,
    pub(super) public_keys: Vec<String>,
    /// Whether its tenants may be scripts.
    pub(super) scripts: bool,
    /// Those that a tenant may have.
    pub(super) credentials: Vec<String>,
    /// What a tenant may have at most.
    pub(super) limits: Vec<Limit>,
}

impl Report {
    /// Adds a warning, unless it was added before.
    pub(super) fn warn_once(&mut self, text: String) {
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }
}

/// One mistake, with its place if that is known.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) file: Option<PathBuf>,
    pub(super) line: Option<usize>,
    pub(super) key: Option<String>,
    pub(super) text: String,
}

impl Finding {
    /// A mistake in `bulkhead.toml`.
    pub(super) fn at(file: &Path, Mistake { line, key, text }: Mistake) -> Self {
        Self { file: Some(file.to_owned()), line: Some(line), key: Some(key), text }
    }

    /// A mistake whose text contains its place.
    pub(super) fn of(text: String) -> Self {
        Self { file: None, line: None, key: None, text }
    }
}

/// One handler.
#[derive(Debug, Serialize)]
pub(super) struct Handler {
    pub(super) name: String,
    /// The script that the component runs, if it is an engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) script: Option<PathBuf>,
    /// `None` if the component cannot be used, which is a mistake.
    pub(super) component: Option<Component>,
    /// The handler's own policy first, if any event is under it.
    pub(super) policies: Vec<Policy>,
}

/// A policy and the events under it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    /// Describes the events under this policy that have no known tenant.
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
    /// In the unit of the limit.
    pub(super) value: u64,
    pub(super) unit: &'static str,
    pub(super) text: String,
    pub(super) default: bool,
    /// The handler's value, if the tenant's differs.
    pub(super) change: Option<Change>,
}

/// A tenant's value, compared with the handler's.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Change {
    /// The tenant's value is lower.
    Narrower(String),
    /// The tenant's value is higher.
    Wider(String),
}

/// A grant. `tmp` is among them, although it is a limit too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grant {
    pub(super) key: &'static str,
    /// Variables are listed by name only.
    pub(super) values: Vec<String>,
    /// The handler's value, if the tenant's differs.
    pub(super) in_place_of: Option<Vec<String>>,
}

/// A component that can be used.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    pub(super) file: PathBuf,
    /// The digest of its `.wasm`.
    pub(super) digest: String,
    /// `None` if the code is for another processor.
    #[serde(serialize_with = "name_of_kind")]
    pub(super) kind: Option<Kind>,
    /// Whether the init function was run when the component was compiled.
    pub(super) preinitialised: bool,
    /// What the reset of its memory costs for each event.
    pub(super) reset: Reset,
    /// The interfaces. Empty if the code is for another processor.
    pub(super) exports: Vec<String>,
    pub(super) imports: Vec<String>,
    pub(super) checked: Checked,
    #[serde(skip)]
    pub(super) warnings: Vec<String>,
}

fn name_of_kind<S: serde::Serializer>(kind: &Option<Kind>, to: S) -> Result<S::Ok, S::Error> {
    kind.map(Kind::name).serialize(to)
}

/// How far a component could be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Checked {
    /// Loaded and linked, as for its first event.
    Loaded,
    /// The code is for another processor.
    StampOnly {
        /// That processor.
        target: String,
    },
}
