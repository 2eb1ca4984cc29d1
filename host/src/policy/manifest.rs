//! `bulkhead.toml`: the handlers and tenants, and the policy of each.
//!
//! The file is read once, at init. Its limits and grants are resolved here into one [`Policy`] for each
//! handler and tenant; [`crate::dispatch::router`] chooses the policy of an event.

mod amounts;
mod apply;
mod bounds;
mod build;
mod credentials;
mod document;
mod environment;
mod grants;
mod key_line;
mod key_value;
mod network;
mod place;
mod placeholders;
mod plain;
mod reader;
mod resolve;
mod scripts;
mod secrets;
mod sections;
pub mod store;
mod syntax;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod unit;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use amounts::{Shown, shown};
pub use build::Build;
pub use credentials::Credentials;
pub use grants::MOST_DIRECTORIES;
pub use key_line::place_of;
pub use key_value::{DynamoDb, KeyValueKind, KeyValueStore};
pub use store::Store;
pub use syntax::not_toml;

use crate::policy::{Credential, Pointer, Policy, Secret, Vars};
use crate::text::printable::{Shown as _, line};

/// The name of the file, in the task root.
pub const FILE: &str = "bulkhead.toml";

/// The JSON schema of the file, for editors.
pub const SCHEMA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/bulkhead.schema.json"));

/// The content of `bulkhead.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// `[routing]`
    pub routing: Routing,
    /// `[handlers.…]`, sorted by name. `None` if the file only sets limits.
    pub handlers: Vec<Handler>,
    /// `[tenants.…]`
    pub tenants: Arc<HashMap<Box<str>, Tenant>>,
    /// `[stores.…]`: key-value stores, sorted by name.
    pub stores: Vec<KeyValueStore>,
    /// `[store]`: where further tenants are.
    pub store: Option<Store>,
    /// `[credentials.…]` and `[secrets.…]`
    pub credentials: Credentials,
    /// `[limits]` and no grants: the policy of a handler that the file does not name.
    pub default: Arc<Policy>,
    /// `[receipts]`
    pub receipts: Receipts,
    /// `[outbound] extra_ca_certificates`: files of the task root, relative to it.
    pub extra_ca_certificates: Vec<PathBuf>,
    /// `[build]`, which the bootstrap ignores.
    pub build: Option<Build>,
}

/// How the tenant of an event is found, and what happens if it cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// `tenant`
    pub tenant: TenantSource,
    /// `unknown_tenant`
    pub unknown_tenant: UnknownTenant,
    /// `mixed_batches`
    pub mixed_batches: MixedBatches,
    /// `invalid_handler`
    pub invalid_handler: InvalidHandler,
}

/// The place of an event's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TenantSource {
    /// `"lambda"`: Lambda's own tenant id.
    #[default]
    Lambda,
    /// `{ pointer = "/detail/tenant" }`: a place in the event.
    Pointer(Pointer),
    /// `{ header = "x-tenant" }`: a header of an HTTP event, in lower case.
    Header(String),
}

/// The treatment of an event whose tenant is not in `[tenants]`, or that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownTenant {
    /// `"reject"`: the event fails.
    #[default]
    Reject,
    /// This handler handles the event; an index into [`Manifest::handlers`].
    Handler(usize),
}

/// The treatment of an SQS batch whose records belong to several tenants. Such batches of other sources are
/// rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MixedBatches {
    /// `"reject"`: the batch fails.
    #[default]
    Reject,
    /// `"split"`: each tenant's records go into a sandbox of their own, and the partial failures are merged.
    /// `ReportBatchItemFailures` must be enabled in the event source mapping.
    Split,
}

/// The treatment of a handler whose component cannot run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InvalidHandler {
    /// `"fail_init"`: the function does not start.
    #[default]
    FailInit,
    /// `"fail_events"`: only its own events fail.
    FailEvents,
}

/// One entry of `[handlers]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// Its name.
    pub name: String,
    /// `source`: its `.wasm` or `.cwasm`, relative to the task root. A `.cwasm` beside a `.wasm` of the same
    /// name is preferred. If the source is a script, this is the component of its engine.
    pub source: PathBuf,
    /// `source`, if that is a script: the place of its entry.
    pub script: Option<Arc<Path>>,
    /// `digest`: `sha256:…` of the `.wasm`, which must match.
    pub digest: Option<String>,
    /// The policy of events for which no tenant's policy applies.
    pub policy: Arc<Policy>,
}

/// One entry of `[tenants]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its handler; an index into [`Manifest::handlers`].
    pub handler: usize,
    /// Its policy. Tenants with the same policy share it.
    pub policy: Arc<Policy>,
    /// `script`: the place of the entry of its own script, or of its handler's. `None` if the handler runs no script.
    pub script: Option<Arc<Path>>,
}

/// `[receipts]`: whether the receipt of each event is written, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Receipts {
    /// `format = "json"`: one JSON line for each event.
    #[default]
    Json,
    /// `format = "emf"`: one JSON line, also readable as CloudWatch embedded metrics.
    Emf {
        /// `namespace`: the CloudWatch namespace of the metrics.
        namespace: String,
    },
    /// `format = "off"`: no receipts.
    Off,
}

/// One mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// The key, with the keys of the tables around it: `handlers.hello.limits.memory`.
    pub key: String,
    /// The mistake, and the expected value.
    pub text: String,
}

/// The file cannot be used. The text has a line for each mistake: `bulkhead.toml:12: limits.memory: …`.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("{}: {}", path.shown(), unreadable(error))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// Its content is not valid.
    #[error("{}", mistakes.iter().map(|mistake| format!("{}:{mistake}", path.shown())).collect::<Vec<_>>().join("\n"))]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// All mistakes, in the order of their lines.
        mistakes: Vec<Mistake>,
    },
}

/// Why the file cannot be read.
fn unreadable(error: &std::io::Error) -> String {
    match error.kind() == std::io::ErrorKind::InvalidData {
        true => "it is not UTF-8; save it as UTF-8".to_owned(),
        false => format!("it cannot be read: {error}"),
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.line, line(&self.key), line(&self.text))
    }
}

/// The settings without a `bulkhead.toml`.
impl Default for Manifest {
    fn default() -> Self {
        Self {
            routing: Routing::default(),
            handlers: Vec::new(),
            tenants: Arc::default(),
            stores: Vec::new(),
            store: None,
            credentials: Credentials::default(),
            default: Arc::new(Policy::default_for("")),
            receipts: Receipts::default(),
            extra_ca_certificates: Vec::new(),
            build: None,
        }
    }
}

impl Manifest {
    /// Reads `bulkhead.toml` of a task root. `None` if there is no such file.
    ///
    /// # Errors
    /// If the file cannot be read, or with every mistake in it.
    pub fn read(task_root: &Path) -> Result<Option<Self>, ManifestError> {
        let path = task_root.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                Self::parse(&text).map(Some).map_err(|mistakes| ManifestError::Mistakes { path, mistakes })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ManifestError::Read { path, error }),
        }
    }

    /// Parses the text of the file.
    ///
    /// # Errors
    /// Every mistake in it, in the order of their lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let (document, tree) = document::read(text);
        let said = sections::sections(&document.root(&tree));
        // Tables are compared only if all of them were read.
        let manifest = document.is_whole().then(|| resolve::manifest(&document, said));
        let mistakes = document.into_mistakes();
        manifest.filter(|_| mistakes.is_empty()).ok_or(mistakes)
    }

    /// Whether its events may belong to several tenants. With Lambda's tenant ids, each tenant has its own
    /// environment, unless other tenants have a handler.
    pub fn serves_several(&self) -> bool {
        let takes_strangers = self.routing.unknown_tenant != UnknownTenant::Reject;
        let named_by_events = self.routing.tenant != TenantSource::Lambda;
        self.store.is_some()
            || self.tenants.len() > 1
            || (takes_strangers && (named_by_events || !self.tenants.is_empty()))
    }

    /// Whether it says which tenants there are, itself or by a store.
    pub fn has_tenants(&self) -> bool {
        self.store.is_some() || !self.tenants.is_empty()
    }

    /// Whether its function has the only component of the task root as its handler, because the file names neither
    /// handlers nor a store.
    pub fn has_only_handler(&self) -> bool {
        self.handlers.is_empty() && self.store.is_none()
    }

    /// The policy of a handler that the file does not name.
    pub fn default_policy(&self, handler: &str) -> Policy {
        Policy { limits: self.default.limits.clone(), ..Policy::default_for(handler) }
    }

    /// The path of the table of a tenant, such as `tenants.acme`.
    pub fn table_of(tenant: &str) -> String {
        document::path("tenants", tenant)
    }

    /// The number of components that its handlers have: one if it names none, and several handlers may share one.
    pub fn components(&self) -> usize {
        let named = self.handlers.iter().map(|handler| handler.source.clone()).chain(self.engine_of_store());
        let named = named.map(|source| source.with_extension(""));
        // Each tenant of a store may have its own.
        (named.collect::<BTreeSet<_>>().len() + 2 * usize::from(self.store.is_some())).max(1)
    }

    /// The component that runs the scripts of tenants of the store, in the task root; `None` if they may not be scripts.
    pub fn engine_of_store(&self) -> Option<PathBuf> {
        self.store.as_ref().filter(|store| store.scripts).map(|_| scripts::engine())
    }

    /// The places of the entries of all scripts; those that are shared come more than once.
    pub fn scripts(&self) -> impl Iterator<Item = &Arc<Path>> {
        let handlers = self.handlers.iter().filter_map(|handler| handler.script.as_ref());
        handlers.chain(self.tenants.values().filter_map(|tenant| tenant.script.as_ref()))
    }

    /// The policies of all handlers and tenants; those that are shared come more than once.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        let handlers = self.handlers.iter().map(|handler| &*handler.policy);
        handlers.chain(self.tenants.values().map(|tenant| &*tenant.policy))
    }

    /// The credentials that a handler or a tenant has, or a tenant of the store may have, by name.
    pub fn granted_credentials(&self) -> BTreeMap<Box<str>, Arc<Credential>> {
        let own = self.policies().flat_map(|policy| policy.grants.credentials.iter().cloned());
        let of_store = self.store.iter().flat_map(Store::credentials);
        own.chain(of_store).map(|credential| (credential.name.clone(), credential)).collect()
    }

    /// The secrets of these credentials, by name.
    pub fn secrets(&self) -> BTreeMap<Box<str>, Arc<Secret>> {
        let granted = self.granted_credentials();
        let secrets = granted.values().flat_map(|credential| credential.secrets());
        secrets.map(|secret| (secret.name.clone(), Arc::clone(secret))).collect()
    }

    /// Adds the inherited variables to the environments that inherit them, and those that SDKs of AWS need where the
    /// host signs their requests. Returns the names of variables that the process does not have.
    pub fn inherit(&mut self, vars: &impl Vars) -> Vec<String> {
        let mut absent = BTreeSet::new();
        let mut value = |name: &str| {
            let value = vars.get(name);
            if value.is_none() {
                absent.insert(name.to_owned());
            }
            value
        };
        let mut changed: HashMap<Arc<Policy>, Arc<Policy>> = HashMap::new();
        let handlers = self.handlers.iter_mut().map(|handler| &mut handler.policy);
        for policy in
            handlers.chain(Arc::make_mut(&mut self.tenants).values_mut().map(|tenant| &mut tenant.policy))
        {
            if resolve::inherits(policy) {
                // Policies that were shared stay shared.
                let new = changed.entry(Arc::clone(policy));
                let new = new.or_insert_with_key(|old| Arc::new(resolve::inherit(old, &mut value)));
                *policy = Arc::clone(new);
            }
        }
        absent.into_iter().collect()
    }
}
