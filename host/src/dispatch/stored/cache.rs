//! What is known of the tenants of a store. All of it has limits; what was not used for the longest time goes first.
//!
//! Ages are by the system's clock: an environment that was frozen has not looked at the store either.

mod codes;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::fetch::{Fetched, FetchedTenant};
use super::{Absence, Found, StoredTenant};
use crate::policy::manifest::Store;
use crate::policy::{Policy, RecordInUse};
use crate::sandbox::component::Loaded;
use crate::store::{State, short};
use codes::Codes;
pub(super) use codes::{CodeOf, Runs};

/// Tenants whose records are kept.
const MOST_TENANTS: usize = 50_000;
/// The part of `cache` that records may take: one divided by this.
pub(super) const PART_OF_RECORDS: u64 = 4;
/// What a record takes beside its own text.
const RECORD: u64 = 512;
/// Ids that are remembered as unknown. A caller can make up any number.
const MOST_ABSENT: usize = 1_000;
/// Tenants whose versions are remembered, so that they do not go back: 64 bytes each.
const MOST_SEEN: usize = 200_000;
/// A store that could not be read is tried again after this time, or after `refresh` if that is shorter.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// The newest signed record of a tenant that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) version: u64,
    /// A part of the digest of its content. Two records of one version are a mistake or an attack.
    pub(super) content: u128,
    /// Whether the tenant has a handler: it is not the record of a removal.
    pub(super) has_handler: bool,
}

/// What is known before a fetch.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The state of the file of a record that is still valid.
    pub(super) state: Option<State>,
    /// The newest record.
    pub(super) seen: Option<Seen>,
}

/// What the cache says of a tenant.
#[derive(Debug)]
pub(super) enum Look {
    Fresh(Found),
    /// To be looked at again.
    Stale(Found),
    /// To be fetched.
    Missing,
}

pub(super) struct Cache {
    refresh: Duration,
    max_stale: Duration,
    most_bytes: u64,
    tenants: HashMap<Arc<str>, Kept>,
    /// The bytes of their records.
    record_bytes: u64,
    absent: HashMap<Arc<str>, Gone>,
    /// By a part of the digest of the tenant's id, which can be long.
    seen: HashMap<u128, (Seen, u64)>,
    policies: HashSet<Arc<Policy>>,
    codes: Codes,
    /// The handler that runs scripts.
    engine: usize,
    /// Counts records.
    generations: u64,
    /// Counts uses.
    uses: u64,
}

struct Kept {
    handler: usize,
    script: Option<Arc<Path>>,
    policy: Arc<Policy>,
    generation: u64,
    /// Also here, because versions of others may take the place of this one.
    seen: Seen,
    bytes: u64,
    expires: SystemTime,
    state: State,
    /// When the store last said that this is the record.
    checked: SystemTime,
    /// When the store was last asked.
    tried: SystemTime,
    used: u64,
}

struct Gone {
    absence: Absence,
    since: SystemTime,
    used: u64,
}

impl Kept {
    fn tenant(&self, is_stale: bool) -> StoredTenant {
        let record = RecordInUse { generation: self.generation, is_stale };
        let (policy, script) = (Arc::clone(&self.policy), self.script.clone());
        StoredTenant { handler: self.handler, script, policy, record }
    }
}

impl Cache {
    /// An empty cache. `handlers` is the number of handlers in the manifest.
    pub(super) fn new(settings: &Store, handlers: usize) -> Self {
        let first_handler = handlers + usize::from(settings.scripts);
        Self {
            refresh: settings.refresh,
            max_stale: settings.max_stale,
            most_bytes: settings.cache,
            tenants: HashMap::new(),
            record_bytes: 0,
            absent: HashMap::new(),
            seen: HashMap::new(),
            policies: HashSet::new(),
            codes: Codes::new(settings.refresh.min(RETRY), first_handler),
            engine: handlers,
            generations: 0,
            uses: 0,
        }
    }

    /// What is known of a tenant.
    pub(super) fn look(&mut self, id: &str, now: SystemTime) -> Look {
        self.uses += 1;
        if let Some(kept) = self.tenants.get_mut(id) {
            let old = age(kept.checked, now);
            if old > self.max_stale || now >= kept.expires {
                return Look::Missing;
            }
            kept.used = self.uses;
            // The last attempt failed, or else the record would be younger.
            let is_stale = old > self.refresh && kept.tried != kept.checked;
            let found = Ok(kept.tenant(is_stale));
            let is_fresh = old <= self.refresh || age(kept.tried, now) <= self.refresh;
            return if is_fresh { Look::Fresh(found) } else { Look::Stale(found) };
        }
        let Some(gone) = self.absent.get_mut(id) else { return Look::Missing };
        let lasts = match gone.absence {
            Absence::Unknown | Absence::Invalid(_) => self.refresh,
            Absence::Unavailable(_) => self.refresh.min(RETRY),
        };
        if age(gone.since, now) > lasts {
            return Look::Missing;
        }
        gone.used = self.uses;
        Look::Fresh(Err(gone.absence.clone()))
    }

    /// What is known of a tenant that is about to be fetched.
    pub(super) fn known(&self, id: &str, now: SystemTime) -> Known {
        let valid = self.tenants.get(id).filter(|kept| now < kept.expires);
        Known { state: valid.map(|kept| kept.state.clone()), seen: self.seen(id) }
    }

    /// The newest record of a tenant that was seen.
    fn seen(&self, id: &str) -> Option<Seen> {
        let kept = self.tenants.get(id).map(|kept| kept.seen);
        kept.or_else(|| self.seen.get(&short(id.as_bytes())).map(|(seen, _)| *seen))
    }

    /// Keeps what was fetched: the store was asked then, and now it is later. `None` if the record that has not changed is not
    /// here any more.
    pub(super) fn put(
        &mut self,
        id: &Arc<str>,
        fetched: Fetched,
        asked: SystemTime,
        now: SystemTime,
    ) -> Option<Found> {
        self.uses += 1;
        match fetched {
            Fetched::Unchanged => {
                let kept = self.tenants.get_mut(id).filter(|kept| now < kept.expires)?;
                (kept.checked, kept.tried, kept.used) = (asked, asked, self.uses);
                let (tenant, seen) = (kept.tenant(false), kept.seen);
                self.saw(id, seen);
                Some(Ok(tenant))
            }
            Fetched::Tenant(tenant) => Some(Ok(self.put_tenant(id, *tenant, asked))),
            Fetched::Absent(absence, seen) => {
                // Anyone who can write to the store can put an older record there, or something that nobody has signed.
                let before = self.seen(id).map_or(0, |before| before.version);
                let is_signed = seen.is_some_and(|seen| seen.version >= before);
                seen.into_iter().for_each(|seen| self.saw(id, seen));
                let kept = if is_signed { None } else { self.kept(id, asked, now) };
                Some(kept.map_or_else(|| self.put_absence(id, absence, asked), Ok))
            }
        }
    }

    /// A tenant whose record is still used although the store has nothing in its place that counts.
    fn kept(&mut self, id: &str, asked: SystemTime, now: SystemTime) -> Option<StoredTenant> {
        let kept = self.tenants.get_mut(id)?;
        kept.tried = asked;
        let old = age(kept.checked, now);
        (old <= self.max_stale && now < kept.expires).then(|| kept.tenant(old > self.refresh))
    }

    fn put_tenant(&mut self, id: &Arc<str>, fetched: FetchedTenant, now: SystemTime) -> StoredTenant {
        let FetchedTenant { seen, expires, policy, runs, state, bytes } = fetched;
        self.saw(id, seen);
        self.absent.remove(id);
        let (handler, script) = match runs {
            Runs::Code(code) => (self.codes.handler_of(code, self.uses), None),
            Runs::Script(place) => (self.engine, Some(place)),
        };
        let kept = Kept {
            handler,
            script,
            policy: self.shared(policy),
            generation: self.generation_of(id, seen),
            seen,
            bytes: bytes + RECORD,
            expires,
            state,
            checked: now,
            tried: now,
            used: self.uses,
        };
        let tenant = kept.tenant(false);
        self.record_bytes += kept.bytes;
        let before = self.tenants.insert(Arc::clone(id), kept);
        self.release(before);
        while self.tenants.len() > 1
            && (self.tenants.len() > MOST_TENANTS || self.record_bytes > self.most_bytes / PART_OF_RECORDS)
        {
            let oldest = oldest(&mut self.tenants, |kept| kept.used);
            self.release(oldest);
        }
        self.shrink();
        tenant
    }

    /// The generation of a record. A file that was written again has another state, and the same record.
    fn generation_of(&mut self, id: &str, seen: Seen) -> u64 {
        if let Some(same) = self.tenants.get(id).filter(|kept| kept.seen == seen) {
            return same.generation;
        }
        self.generations += 1;
        self.generations
    }

    fn release(&mut self, kept: impl IntoIterator<Item = Kept>) {
        for kept in kept {
            self.record_bytes -= kept.bytes;
            if kept.script.is_none() {
                self.codes.release(kept.handler);
            }
        }
    }

    fn put_absence(&mut self, id: &Arc<str>, absence: Absence, now: SystemTime) -> Found {
        let before = self.tenants.remove(id);
        self.release(before);
        let gone = Gone { absence: absence.clone(), since: now, used: self.uses };
        self.absent.insert(Arc::clone(id), gone);
        if self.absent.len() > MOST_ABSENT {
            oldest(&mut self.absent, |gone| gone.used);
        }
        Err(absence)
    }

    /// Remembers a signed record.
    fn saw(&mut self, id: &str, new: Seen) {
        let (seen, used) = self.seen.entry(short(id.as_bytes())).or_insert((new, 0));
        *used = self.uses;
        if new.version > seen.version {
            *seen = new;
        }
        if self.seen.len() > MOST_SEEN {
            oldest(&mut self.seen, |(_, used)| *used);
        }
    }

    /// The policy that equal ones share, so that tenants share the sandboxes that are made in advance.
    fn shared(&mut self, policy: Policy) -> Arc<Policy> {
        if let Some(same) = self.policies.get(&policy) {
            return Arc::clone(same);
        }
        if self.policies.len() >= self.policies.capacity() {
            self.policies.retain(|policy| Arc::strong_count(policy) > 1);
        }
        let policy = Arc::new(policy);
        self.policies.insert(Arc::clone(&policy));
        policy
    }

    /// Whether the component of a handler is in memory.
    pub(super) fn is_loaded(&self, handler: usize) -> bool {
        self.codes.is_loaded(handler)
    }

    /// The component of a handler, if it is in memory.
    pub(super) fn loaded(&mut self, handler: usize) -> Option<Loaded> {
        self.uses += 1;
        self.codes.loaded(handler, self.uses)
    }

    /// The component of a handler or why there is none, or else the code to be fetched.
    pub(super) fn code(
        &mut self,
        handler: usize,
        now: SystemTime,
    ) -> Result<Result<Loaded, Absence>, Option<Arc<CodeOf>>> {
        self.uses += 1;
        self.codes.find(handler, now, self.uses)
    }

    /// Keeps a component that was fetched, or why it could not be.
    pub(super) fn put_code(&mut self, handler: usize, result: &Result<Loaded, Absence>, now: SystemTime) {
        self.codes.put(handler, result, now);
        self.shrink();
    }

    /// Records and code have the same bytes together.
    fn shrink(&mut self) {
        self.codes.shrink(self.most_bytes.saturating_sub(self.record_bytes));
    }

    /// The number of components that have left the memory.
    pub(super) fn unloads(&self) -> u64 {
        self.codes.unloads()
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 5] {
        let [codes, loaded] = self.codes.sizes();
        [self.tenants.len(), self.absent.len(), codes, loaded, self.policies.len()]
    }
}

/// A time in the future is as old as can be: the clock was set.
pub(super) fn age(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or(Duration::MAX)
}

/// Removes an eighth: those that were not used for the longest time.
fn oldest<K: Eq + Hash, V>(map: &mut HashMap<K, V>, used: impl Fn(&V) -> u64) -> Vec<V> {
    let mut uses: Vec<u64> = map.values().map(&used).collect();
    let at = uses.len() / 8;
    if uses.is_empty() {
        return Vec::new();
    }
    let (_, last, _) = uses.select_nth_unstable(at);
    let last = *last;
    map.extract_if(|_, value| used(value) <= last).map(|(_, value)| value).collect()
}
