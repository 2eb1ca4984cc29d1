//! Changes a tenant: writes its next record.
//!
//! The record is the last file that is written, after the code that it names. Before it replaces the current record,
//! that one is copied to the history. So a writer may die at any step, and the store serves the old version or the new
//! one. Of two writers at the same time, the second one reads what the first one has written, and continues from there.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::key::SigningKey;
use bulkhead_host::store::layout::{Key, MAX_VERSION, history_of};
use bulkhead_host::store::{Handler, MAX_ENVELOPE, Record};

use super::files::Files;
use super::named;

/// The number of times that a writer starts again because another one was faster.
const ATTEMPTS: usize = 10;

/// Somebody else has changed the tenant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Conflict(String);

/// Writes records of one store.
#[derive(Debug)]
pub(super) struct Publisher<'a, F> {
    pub(super) files: &'a F,
    pub(super) store: &'a Store,
    pub(super) key: &'a SigningKey,
    pub(super) now: SystemTime,
    pub(super) valid_for: Duration,
}

/// The current record of a tenant, and its file.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) file: Vec<u8>,
    pub(super) record: Record,
}

/// The current record of a tenant, whether it is valid now or not.
pub(super) fn current(files: &impl Files, store: &Store, tenant: &str) -> anyhow::Result<Option<Current>> {
    let key = Key::record(tenant);
    let Some(file) = files.read(&key, MAX_ENVELOPE)? else { return Ok(None) };
    let record = read(&file, store).and_then(|record| {
        anyhow::ensure!(record.tenant == tenant, "it is the record of {}", named(&record.tenant));
        Ok(record)
    });
    let broken = || {
        format!("{key}: this is not a record of {}; remove the file, and put the tenant again", named(tenant))
    };
    Ok(Some(Current { record: record.with_context(broken)?, file }))
}

/// A record of this store, of whatever tenant, whether it is valid now or not.
pub(super) fn read(file: &[u8], store: &Store) -> anyhow::Result<Record> {
    let record = Record::of_file(file, &store.public_keys)?;
    if record.store != store.name {
        bail!("it was written for the store {:?}, and this store is {:?}", record.store, store.name);
    }
    Ok(record)
}

/// The versions in the history of a tenant, in order.
pub(super) fn versions(files: &impl Files, tenant: &str) -> anyhow::Result<Vec<u64>> {
    let found = files.list(&history_of(tenant))?;
    Ok(found.iter().filter_map(|found| found.name().strip_suffix(".json")?.parse().ok()).collect())
}

impl<F: Files> Publisher<'_, F> {
    /// Writes the next record of a tenant, with the handler that `change` makes of the current record.
    pub(super) fn publish(
        &self,
        tenant: &str,
        expected: Option<u64>,
        change: impl Fn(Option<&Record>) -> anyhow::Result<Option<Handler>>,
    ) -> anyhow::Result<Record> {
        for _ in 0..ATTEMPTS {
            let current = current(self.files, self.store, tenant)?;
            let version = current.as_ref().map_or(0, |current| current.record.version);
            if let Some(expected) = expected.filter(|expected| *expected != version) {
                let text = format!("{} has version {version}, and not {expected}", named(tenant));
                return Err(Conflict(text).into());
            }
            let handler = change(current.as_ref().map(|current| &current.record))?;
            if let Some(Current { file, .. }) = &current {
                // It may be there already: from a writer that died, or that is at work now.
                self.files.create(&Key::earlier(tenant, version), file)?;
            }
            let next = version.max(self.highest(tenant)?) + 1;
            anyhow::ensure!(next <= MAX_VERSION, "{} has had its last version, {MAX_VERSION}", named(tenant));
            let mut record = self.record(tenant, next, handler);
            if record.handler.is_none() {
                // No earlier record becomes valid again when the removal has expired, and is gone.
                let valid = current.as_ref().map(|current| current.record.expires);
                record.expires = record.expires.max(valid.unwrap_or(self.now));
            }
            let before = current.as_ref().map(|current| current.file.as_slice());
            let file = record.seal(self.key)?;
            anyhow::ensure!(
                u64::try_from(file.len()).is_ok_and(|length| length <= MAX_ENVELOPE),
                "the record of {} would have {} bytes, and a record has at most {MAX_ENVELOPE}; shorten its settings",
                named(tenant),
                file.len()
            );
            if self.files.replace(&Key::record(tenant), &file, before)? {
                return Ok(record);
            }
        }
        Err(Conflict(format!("{} is changed by others all the time; try again", named(tenant))).into())
    }

    /// The highest version in the history of a tenant. Nobody has signed the name of a file, so its record counts.
    fn highest(&self, tenant: &str) -> anyhow::Result<u64> {
        let mut versions = versions(self.files, tenant)?;
        versions.sort_unstable();
        let is_signed = |version: &u64| {
            let file = self.files.read(&Key::earlier(tenant, *version), MAX_ENVELOPE).ok().flatten();
            let record = file.and_then(|file| read(&file, self.store).ok());
            record.is_some_and(|record| record.tenant == tenant && record.version == *version)
        };
        Ok(versions.into_iter().rev().find(is_signed).unwrap_or_default())
    }

    fn record(&self, tenant: &str, version: u64, handler: Option<Handler>) -> Record {
        Record {
            tenant: tenant.to_owned(),
            store: self.store.name.clone(),
            version,
            not_before: self.now,
            expires: self.now.checked_add(self.valid_for).unwrap_or(self.now + Duration::from_secs(1)),
            handler,
        }
    }
}

#[cfg(test)]
mod tests;
