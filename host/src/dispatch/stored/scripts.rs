//! The scripts of tenants of the store: fetches one, and remembers for a moment that it cannot be had.
//!
//! A signed record names the digest of a script. What is kept in memory is in the hands of
//! [`Scripts`](crate::dispatch::scripts::Scripts), like the scripts of the task root.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::fetch::{Fetcher, invalid, unreadable};
use super::queue::{Job, Lane};
use super::{Absence, StoredTenants, unavailable};
use crate::script::Script;
use crate::script::object::{self, MOST_OBJECT};
use crate::store::bucket::ATTEMPTS;
use crate::store::layout::Key;
use crate::store::{Digest, Reading};

/// Scripts that could not be had are remembered up to this number, the last ones. A signed record names each.
const MOST_FAILED: usize = 64;

/// The scripts that could not be had a moment ago.
#[derive(Default)]
pub(super) struct Failed(Mutex<Vec<(Arc<Path>, Absence, SystemTime)>>);

impl StoredTenants {
    /// Reads the script of a tenant from the store, unless that failed a moment ago. This blocks.
    pub(in crate::dispatch) fn script(&self, place: &Arc<Path>) -> Result<Script, Absence> {
        let retry = self.settings.refresh.min(super::cache::RETRY);
        if let Some(absence) = self.failed_scripts.get(place, retry, SystemTime::now()) {
            return Err(absence);
        }
        let script = self.fetcher.script(place);
        if let Err(absence) = &script {
            if let Absence::Unavailable(reason) = absence {
                self.warn(&mut self.lock(), reason);
            }
            self.failed_scripts.put(place, absence, SystemTime::now());
        }
        script
    }

    /// Does this on a thread that reads the store for known tenants, or lets it wait for one.
    pub(in crate::dispatch) fn run(self: &Arc<Self>, job: Job) -> Result<(), Absence> {
        self.start(&mut self.lock(), Lane::Known, job)
    }
}

impl Failed {
    fn get(&self, place: &Path, lasts: Duration, now: SystemTime) -> Option<Absence> {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, absence, since) = failed.iter().rfind(|(failed, ..)| **failed == *place)?;
        (super::cache::age(*since, now) <= lasts).then(|| absence.clone())
    }

    fn put(&self, place: &Arc<Path>, absence: &Absence, now: SystemTime) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= MOST_FAILED {
            failed.remove(0);
        }
        failed.push((Arc::clone(place), absence.clone(), now));
    }

    #[cfg(test)]
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Fetcher {
    /// Fetches a script. What runs are the bytes whose digest was compared.
    fn script(&self, place: &Path) -> Result<Script, Absence> {
        let digest = object::digest_of(place).and_then(|digest| digest.parse::<Digest>().ok());
        let digest = digest.ok_or_else(|| invalid("its script is not one of the store"))?;
        let key = Key::script(&digest);
        let most = u64::try_from(MOST_OBJECT).unwrap_or(u64::MAX);
        let read = self.reader.read(&key, most, None, ATTEMPTS).map_err(|error| unreadable(&error))?;
        let Reading::Found(_, bytes) = read else {
            return Err(unavailable(&format!("{key}: the file is not in the store")));
        };
        if Digest::of(&bytes) != digest {
            return Err(invalid(format_args!("{key}: the file has another digest")));
        }
        object::read(digest.as_str(), &bytes)
            .map_err(|error| invalid(format_args!("{key}: this is not a script: {error}")))
    }
}
