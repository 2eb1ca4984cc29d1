//! The history of a tenant: every record that was ever signed for it, under its version.
//!
//! A record is in the history before it takes effect, and no file of the history is replaced by another record. So the record
//! of a tenant is the newest one in its history, or the one before that while a writer is at work, or after a writer has
//! died. If it is an older one, somebody has put that back who can write to the store but has no key.

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::policy::PublicKey;
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::envelope::claim;
use bulkhead_host::store::layout::{Key, history_of};
use bulkhead_host::store::{MAX_ENVELOPE, Record, RecordError};
use bulkhead_host::text::printable::name;

use super::files::Files;
use super::named;

/// A signed record, and its file.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) file: Vec<u8>,
    pub(super) record: Record,
}

/// How the record of a tenant compares with the newest one in its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is that one; or there is neither.
    Newest,
    /// The history does not have it: another program has written it, or the history was removed.
    NotInHistory,
    /// The history has the next version. A writer is at work, or has died; or somebody has put the record back.
    NextIsSigned,
    /// Only somebody without a key leaves this, or a backup that was restored.
    Wrong(String),
}

/// A record that was signed with a key that is not trusted, or not any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is signed with the key {0}, which is not in `public_keys` of [store]; if you trust that key, put it back, and run \
     `bulkhead tenants resign` with the key that is to replace it"
)]
pub(super) struct Foreign(PublicKey);

/// The key that has signed a file, whether it is trusted or not.
fn signer(file: &[u8]) -> Option<PublicKey> {
    claim(file)?.keys.into_iter().next()
}

/// The record in a file. Its signatures are not checked: it only says which files are kept.
pub(super) fn unverified(file: &[u8]) -> Option<Record> {
    Record::of_payload(&claim(file)?.payload).ok()
}

/// A record of this store, of whatever tenant, whether it is valid now or not.
pub(super) fn read(file: &[u8], store: &Store) -> anyhow::Result<Record> {
    let record = match Record::of_file(file, &store.public_keys) {
        Ok(record) => record,
        Err(RecordError::Signature) => {
            return Err(match signer(file) {
                Some(key) => Foreign(key).into(),
                None => RecordError::Signature.into(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    if record.store != store.name {
        bail!("it was written for the store {:?}, and this store is {:?}", record.store, store.name);
    }
    Ok(record)
}

/// The current record of a tenant, whether it is valid now or not.
pub(super) fn current(files: &impl Files, store: &Store, tenant: &str) -> anyhow::Result<Option<Signed>> {
    let key = Key::record(tenant);
    let Some(file) = files.read(&key, MAX_ENVELOPE)? else { return Ok(None) };
    let record = read(&file, store).and_then(|record| {
        ensure!(record.tenant == tenant, "it is the record of {}", named(&record.tenant));
        Ok(record)
    });
    let broken = || format!("{key}: this is not a record of {}; {}", named(tenant), repair(tenant));
    Ok(Some(Signed { record: record.with_context(broken)?, file }))
}

/// The versions in the history of a tenant, in order.
pub(super) fn versions(files: &impl Files, tenant: &str) -> anyhow::Result<Vec<u64>> {
    let found = files.list(&history_of(tenant))?;
    let mut versions: Vec<u64> =
        found.iter().filter_map(|found| found.name().strip_suffix(".json")?.parse().ok()).collect();
    versions.sort_unstable();
    Ok(versions)
}

/// A version in the history of a tenant.
pub(super) fn version(
    files: &impl Files,
    store: &Store,
    tenant: &str,
    version: u64,
) -> anyhow::Result<Option<Signed>> {
    let key = Key::earlier(tenant, version);
    let Some(file) = files.read(&key, MAX_ENVELOPE)? else { return Ok(None) };
    let record = read(&file, store).with_context(|| key.to_string())?;
    ensure!(record.tenant == tenant && record.version == version, "{key}: this is another record");
    Ok(Some(Signed { file, record }))
}

/// The newest version in the history of a tenant. Nobody has signed the name of a file, so only its record counts.
pub(super) fn newest(files: &impl Files, store: &Store, tenant: &str) -> anyhow::Result<Option<Signed>> {
    let signed = |number: u64| version(files, store, tenant, number).ok().flatten();
    Ok(versions(files, tenant)?.into_iter().rev().find_map(signed))
}

impl Standing {
    /// Of the record of a tenant, in comparison with the newest one in its history.
    pub(super) fn of(tenant: &str, current: Option<&Record>, newest: Option<&Record>) -> Self {
        let Some(newest) = newest else {
            return if current.is_none() { Self::Newest } else { Self::NotInHistory };
        };
        let (version, signed) = (current.map_or(0, |current| current.version), newest.version);
        if version > signed {
            return Self::NotInHistory;
        }
        if Some(newest) == current {
            return Self::Newest;
        }
        if version + 1 == signed {
            return Self::NextIsSigned;
        }
        let found = match current {
            None => format!("{} has no record, but version {signed} is in its history", named(tenant)),
            Some(_) if version == signed => format!(
                "the record of {} and its history have different records that are both signed as version {signed}",
                named(tenant)
            ),
            Some(_) => format!(
                "the record of {} has version {version}, but version {signed} is in its history; somebody who has no \
                 key has put an older record back, or a backup was restored",
                named(tenant)
            ),
        };
        Self::Wrong(format!("{found}; {}", repair(tenant)))
    }

    /// What has to be looked into.
    pub(super) fn problem(&self, tenant: &str) -> Option<String> {
        match self {
            Self::Newest => None,
            Self::NotInHistory => {
                Some("this version is not in its history; the next change puts it there".to_owned())
            }
            Self::NextIsSigned => Some(format!(
                "the next version is in its history, but has not taken effect: a writer has died, or somebody has put \
                 this record back; {}",
                repair(tenant)
            )),
            Self::Wrong(text) => Some(text.clone()),
        }
    }
}

/// What to do if the record of a tenant is not the newest one.
fn repair(tenant: &str) -> String {
    format!(
        "`bulkhead tenants repair \"{}\"` puts the newest version of its history into effect",
        name(tenant)
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn record(version: u64, seconds: u64) -> Record {
        let not_before = SystemTime::UNIX_EPOCH;
        let expires = not_before + Duration::from_secs(seconds);
        Record { tenant: "acme".into(), store: "prod".into(), version, not_before, expires, handler: None }
    }

    #[test]
    fn only_the_newest_record_and_the_one_before_it_are_in_order() {
        let of = |current: Option<Record>, newest: Option<Record>| {
            Standing::of("acme", current.as_ref(), newest.as_ref())
        };
        let three = || Some(record(3, 1));
        assert_eq!(of(None, None), Standing::Newest);
        assert_eq!(of(three(), three()), Standing::Newest);
        assert_eq!(of(three(), None), Standing::NotInHistory);
        assert_eq!(of(three(), Some(record(2, 1))), Standing::NotInHistory);
        assert_eq!(of(three(), Some(record(4, 1))), Standing::NextIsSigned);
        assert_eq!(of(None, Some(record(1, 1))), Standing::NextIsSigned);
        for (current, newest, expected) in [
            (three(), record(5, 1), "has version 3, but version 5 is in its history"),
            (three(), record(3, 2), "different records that are both signed as version 3"),
            (None, record(2, 1), "has no record, but version 2 is in its history"),
        ] {
            let Standing::Wrong(text) = of(current, Some(newest)) else { panic!("{expected}") };
            let is_told = text.contains(expected) && text.contains("`bulkhead tenants repair \"acme\"`");
            assert!(is_told, "{text}");
        }
        assert!(Standing::Newest.problem("acme").is_none());
        assert!(Standing::NextIsSigned.problem("acme").is_some_and(|text| text.contains("repair")));
    }
}
