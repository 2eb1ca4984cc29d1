//! Changes a tenant: writes its next record.
//!
//! Four steps: the code that the record names; the record in the history, under a version that only one writer can have;
//! the same record in the place of the current one; and the code once more, if `gc` has removed it meanwhile. So a writer
//! may die at any step, and the store serves the old version or the new one. The next writer puts a version into effect
//! that a dead one has left in the history, and goes on from there. Of two writers at the same time, the second one does
//! the same with what the first one has signed.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::key::SigningKey;
use bulkhead_host::store::layout::{Key, MAX_VERSION};
use bulkhead_host::store::{Handler, MAX_ENVELOPE, Record};

use super::code::Code;
use super::files::Files;
use super::history::{Signed, Standing, current, newest, version, versions};
use super::named;
use crate::output::tell;

/// The number of times that a writer starts again because another one was faster.
const ATTEMPTS: usize = 10;

/// Somebody else has changed the tenant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Conflict(pub(super) String);

/// Writes records of one store.
#[derive(Debug)]
pub(super) struct Publisher<'a, F> {
    pub(super) files: &'a F,
    pub(super) store: &'a Store,
    pub(super) key: &'a SigningKey,
    pub(super) now: SystemTime,
    /// `None`: as long as the record before.
    pub(super) valid_for: Option<Duration>,
}

/// What a change makes of a tenant.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// `None` removes the tenant.
    pub(super) handler: Option<Handler>,
    /// The files that have to be in the store, and may not be yet.
    pub(super) code: Rc<Code>,
}

/// A record that is not written yet.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) current: Option<Signed>,
    pub(super) next: Record,
    code: Rc<Code>,
}

impl<F: Files> Publisher<'_, F> {
    /// Writes the next record of a tenant, as `change` makes it of the current one.
    pub(super) fn publish(
        &self,
        tenant: &str,
        expected: Option<u64>,
        change: impl Fn(Option<&Record>) -> anyhow::Result<Draft>,
    ) -> anyhow::Result<Record> {
        for _ in 0..ATTEMPTS {
            let prepared = self.prepare(tenant, expected, &change)?;
            prepared.code.write(self.files)?;
            if self.put(&prepared)? {
                prepared.code.write(self.files)?;
                return Ok(prepared.next);
            }
        }
        Err(Conflict(format!("{} is changed by others all the time; try again", named(tenant))).into())
    }

    /// The next record of a tenant, which is not written.
    pub(super) fn prepare(
        &self,
        tenant: &str,
        expected: Option<u64>,
        change: impl Fn(Option<&Record>) -> anyhow::Result<Draft>,
    ) -> anyhow::Result<Prepared> {
        let current = self.settled(tenant)?;
        let version = current.as_ref().map_or(0, |current| current.record.version);
        if let Some(expected) = expected.filter(|expected| *expected != version) {
            let text = format!("{} has version {version}, and not {expected}", named(tenant));
            return Err(Conflict(text).into());
        }
        ensure!(version < MAX_VERSION, "{} has had its last version, {MAX_VERSION}", named(tenant));
        let Draft { handler, code } = change(current.as_ref().map(|current| &current.record))?;
        let expires = self.expires(tenant, current.as_ref(), handler.is_none())?;
        let next = Record {
            tenant: tenant.to_owned(),
            store: self.store.name.clone(),
            version: version + 1,
            not_before: self.now,
            expires,
            handler,
        };
        Ok(Prepared { current, next, code })
    }

    /// The current record of a tenant. It is the newest one in the history, and the history has it.
    pub(super) fn settled(&self, tenant: &str) -> anyhow::Result<Option<Signed>> {
        for _ in 0..ATTEMPTS {
            // The history comes first: a version is in the history before it takes effect, so what is read afterwards
            // is no more than one version behind, however many writers there are.
            let newest = newest(self.files, self.store, tenant)?;
            let current = current(self.files, self.store, tenant)?;
            let standing = Standing::of(
                tenant,
                current.as_ref().map(|current| &current.record),
                newest.as_ref().map(|newest| &newest.record),
            );
            match (standing, newest) {
                (Standing::Wrong(text), _) => bail!(text),
                (Standing::NextIsSigned, Some(next)) => self.finish(current.as_ref(), &next)?,
                (Standing::NotInHistory, _) => {
                    if let Some(Signed { file, record }) = &current {
                        // Another writer may put it there at the same time.
                        self.files.create(&Key::earlier(tenant, record.version), file)?;
                    }
                    return Ok(current);
                }
                (Standing::Newest | Standing::NextIsSigned, _) => return Ok(current),
            }
        }
        Err(Conflict(format!("{} is changed by others all the time; try again", named(tenant))).into())
    }

    /// Puts a version into effect that a writer has left in the history.
    fn finish(&self, current: Option<&Signed>, next: &Signed) -> anyhow::Result<()> {
        let before = current.map(|current| current.file.as_slice());
        let Record { tenant, version, .. } = &next.record;
        if self.files.replace(&Key::record(tenant), &next.file, before)? {
            tell(&format!(
                "version {version} of {} was in the history and had not taken effect; now it has",
                named(tenant)
            ));
        }
        Ok(())
    }

    /// Writes a record into the history, and then in the place of the current one. Returns whether no other writer was
    /// faster.
    fn put(&self, prepared: &Prepared) -> anyhow::Result<bool> {
        let Prepared { current: before, next, .. } = prepared;
        let Record { tenant, version: number, .. } = next;
        let file = next.seal(self.key)?;
        ensure!(
            u64::try_from(file.len()).is_ok_and(|length| length <= MAX_ENVELOPE),
            "the record of {} would have {} bytes, and a record has at most {MAX_ENVELOPE}; shorten its settings",
            named(tenant),
            file.len()
        );
        let in_history = Key::earlier(tenant, *number);
        if !self.files.create(&in_history, &file)? {
            // Of another writer, unless it is no record at all.
            version(self.files, self.store, tenant, *number).with_context(|| {
                format!("{in_history} is in the way of the next version; remove this file")
            })?;
            return Ok(false);
        }
        let mut before = before.clone();
        for _ in 0..ATTEMPTS {
            let known = before.as_ref().map(|before| before.file.as_slice());
            let replaced = self.files.replace(&Key::record(tenant), &file, known);
            let is_replaced = replaced.with_context(|| {
                format!(
                    "version {number} of {} is in the history, but has not taken effect; the next change, or `bulkhead \
                     tenants repair`, puts it into effect",
                    named(tenant)
                )
            })?;
            if is_replaced {
                return Ok(true);
            }
            // Another writer may have put it into effect, and gone on from there.
            let current = current(self.files, self.store, tenant)?;
            let version = current.as_ref().map_or(0, |current| current.record.version);
            if version >= *number {
                return Ok(true);
            }
            let record = |signed: &Option<Signed>| signed.as_ref().map(|signed| signed.record.clone());
            if record(&current) != record(&before) {
                let text = format!("the record of {} was replaced by its version {version}", named(tenant));
                return Err(Conflict(text).into());
            }
            // It was only signed with another key.
            before = current;
        }
        Err(Conflict(format!("the record of {} is signed again all the time; try again", named(tenant)))
            .into())
    }

    /// How long the next record is valid. No earlier record may become valid again when a removal has expired, and is
    /// gone.
    fn expires(&self, tenant: &str, current: Option<&Signed>, removes: bool) -> anyhow::Result<SystemTime> {
        let before = current.map(|current| current.record.expires);
        let expires = match self.valid_for {
            Some(time) => self.now.checked_add(time).unwrap_or(self.now + Duration::from_secs(1)),
            None => before.unwrap_or(self.now),
        };
        ensure!(expires > self.now, "{} has expired; put it again", named(tenant));
        if !removes {
            return Ok(expires);
        }
        let earlier = versions(self.files, tenant)?.into_iter();
        let signed =
            earlier.filter_map(|number| version(self.files, self.store, tenant, number).ok().flatten());
        Ok(signed.map(|signed| signed.record.expires).chain(before).fold(expires, SystemTime::max))
    }
}

#[cfg(test)]
mod tests;
