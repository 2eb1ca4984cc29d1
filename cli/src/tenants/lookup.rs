//! What other commands ask of a store: its tenants, and the policy of one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bulkhead_host::policy::Policy;
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::Code;
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::record::shown;
use bulkhead_host::tls::ExtraRoots;
use serde::Serialize;

use super::contents::{Entry, State, found, read_all};
use super::files::Found;
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
    script: Option<String>,
    state: State,
    until: Option<String>,
    problem: Option<String>,
}

/// A file that was written so shortly before it was read may be written again at the same time: a bucket counts seconds.
const TICK: Duration = Duration::from_secs(2);

/// Lists the tenants of a store again and again. Only records that were written since are read again.
#[derive(Debug, Default)]
pub(crate) struct Lister(Mutex<Readings>);

#[derive(Debug, Default)]
struct Readings {
    store: Option<Store>,
    by_key: BTreeMap<Key, Reading>,
}

/// A record that was read.
#[derive(Debug)]
struct Reading {
    found: Found,
    read: SystemTime,
    entry: Entry,
}

impl Reading {
    /// Whether this file is still the one that was read.
    fn is_of(&self, found: &Found) -> bool {
        self.found == *found && found.written.checked_add(TICK).is_some_and(|settled| settled < self.read)
    }
}

impl Lister {
    /// The tenants of a store, without those that were removed. No more than `most` records are listed.
    pub(crate) fn list(&self, store: &Store, roots: ExtraRoots, most: usize) -> anyhow::Result<Listed> {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.store.as_ref() != Some(store) {
            *readings = Readings { store: Some(store.clone()), by_key: BTreeMap::new() };
        }
        let files = files_of(store, &store.url, None, roots)?;
        let mut found = found(&files)?;
        let count = found.len();
        found.truncate(most);
        let mut before = std::mem::take(&mut readings.by_key);
        let read = SystemTime::now();
        for found in found {
            let known = before.remove(&found.key).filter(|known| known.is_of(&found));
            let reading = match known {
                Some(known) => Some(known),
                None => {
                    let entry = read_all(&files, store, vec![found.clone()])?.pop();
                    entry.map(|entry| Reading { found: found.clone(), read, entry })
                }
            };
            readings.by_key.extend(reading.map(|reading| (found.key, reading)));
        }
        let entries = readings.by_key.values().map(|reading| reading.entry.clone());
        let tenants = entries.map(Tenant::of).filter(|tenant| tenant.state != State::Removed);
        let mut tenants: Vec<Tenant> = tenants.collect();
        tenants.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(Listed { count, tenants })
    }
}

/// The policy of a tenant of a store, as its record is now.
pub(crate) fn policy_of(store: &Store, roots: ExtraRoots, tenant: &str) -> Option<Policy> {
    let files = files_of(store, &store.url, None, roots).ok()?;
    let handler = current(&files, store, tenant).ok()??.record.handler?;
    store.policy(&handler.settings).ok()
}

impl Tenant {
    fn of(entry: Entry) -> Self {
        let state = State::of_entry(&entry);
        match entry.record {
            Ok(record) => {
                let code = record.handler.as_ref().map(|handler| &handler.code);
                let digest = code.map(|code| code.digest().to_string());
                let is_script = matches!(code, Some(Code::Script(_)));
                Self {
                    version: Some(record.version),
                    kind: code.map(|code| code.kind().to_owned()),
                    component: digest.clone().filter(|_| !is_script),
                    script: digest.filter(|_| is_script),
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
                script: None,
                state,
                until: None,
                problem: Some(problem),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::tenants::files::{Files as _, Folder};
    use crate::tenants::fixture::{key, store};
    use crate::tenants::publish::{Draft, Publisher};

    #[test]
    fn only_records_that_were_written_since_are_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let (folder, store) = (Folder::new(directory.path().to_owned()), store(directory.path()));
        let key = key();
        for tenant in ["acme", "globex"] {
            let valid_for = Some(Duration::from_secs(60));
            let now = crate::tenants::now();
            let publisher = Publisher { files: &folder, store: &store, key: &key, now, valid_for };
            publisher.publish(tenant, None, |_| Ok(Draft::default())).unwrap();
        }
        let lister = Lister::default();
        let states = || -> Vec<State> {
            lister
                .list(&store, ExtraRoots::default(), 9)
                .unwrap()
                .tenants
                .into_iter()
                .map(|tenant| tenant.state)
                .collect()
        };
        assert_eq!(states(), [] as [State; 0], "both are removed");
        let old = SystemTime::now() - Duration::from_secs(60);
        let write = |tenant: &str, time: SystemTime| {
            let path = directory.path().join(Key::record(tenant).as_str());
            fs::write(&path, b"{}").unwrap();
            File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        };
        write("acme", old);
        assert_eq!(states(), [State::Invalid]);
        // It is not read again: it has the same size and time.
        let known = folder.list("tenants").unwrap();
        let path = directory.path().join(Key::record("acme").as_str());
        fs::write(&path, b"[]").unwrap();
        File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        assert_eq!(folder.list("tenants").unwrap(), known);
        let before = lister.list(&store, ExtraRoots::default(), 9).unwrap();
        assert!(
            before.tenants[0].problem.as_ref().is_some_and(|text| text.contains("missing field")),
            "{before:?}"
        );
        // Another time, or a time of a moment ago, says that it may have changed.
        write("globex", SystemTime::now());
        assert_eq!(states(), [State::Invalid, State::Invalid]);
        assert_eq!(lister.list(&store, ExtraRoots::default(), 1).unwrap().tenants.len(), 1);
        assert_eq!(lister.list(&store, ExtraRoots::default(), 1).unwrap().count, 2);
    }
}
