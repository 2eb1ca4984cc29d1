//! What other commands ask of a store: its tenants, and the policy of one.

use bulkhead_host::policy::Policy;
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::record::shown;
use serde::Serialize;

use super::contents::{Entry, State, found, read_all};
use super::files_of;
use super::history::current;

/// The tenants of a store, or the first ones of them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    /// The number of records.
    pub(crate) count: usize,
    pub(crate) tenants: Vec<Tenant>,
}

/// A tenant of a store.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tenant {
    /// Its id, or the file of its record if that cannot be read.
    pub(crate) id: String,
    pub(crate) version: Option<u64>,
    kind: Option<String>,
    component: Option<String>,
    state: State,
    until: Option<String>,
    problem: Option<String>,
}

/// The tenants of a store, without those that were removed. No more than `most` records are read.
pub(crate) fn listed(store: &Store, most: usize) -> anyhow::Result<Listed> {
    let files = files_of(store, &store.url, None)?;
    let mut found = found(&files)?;
    let count = found.len();
    found.truncate(most);
    let entries = read_all(&files, store, found)?;
    let tenants = entries.into_iter().map(Tenant::of).filter(|tenant| tenant.state != State::Removed);
    Ok(Listed { count, tenants: tenants.collect() })
}

/// The policy of a tenant of a store, as its record is now.
pub(crate) fn policy_of(store: &Store, tenant: &str) -> Option<Policy> {
    let files = files_of(store, &store.url, None).ok()?;
    let handler = current(&files, store, tenant).ok()??.record.handler?;
    store.policy(&handler.settings).ok()
}

impl Tenant {
    fn of(entry: Entry) -> Self {
        let state = State::of_entry(&entry);
        match entry.record {
            Ok(record) => {
                let handler = record.handler.as_ref();
                Self {
                    version: Some(record.version),
                    kind: handler.map(|handler| handler.kind.clone()),
                    component: handler.map(|handler| handler.component.to_string()),
                    until: Some(shown(record.expires)),
                    id: record.tenant,
                    state,
                    problem: None,
                }
            }
            Err(problem) => Self {
                id: entry.key.to_string(),
                version: None,
                kind: None,
                component: None,
                state,
                until: None,
                problem: Some(problem),
            },
        }
    }
}
