//! What is known of the tenants of a store. All of it has limits; what was not used for the longest time goes first.
//!
//! Ages are by the system's clock: an environment that was frozen has not looked at the store either.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::fetch::{Fetched, FetchedTenant};
use super::{Absence, Found, StoredTenant};
use crate::policy::Policy;
use crate::policy::manifest::Store;
use crate::sandbox::component::Loaded;
use crate::store::{Digest, Native, State};

/// Tenants whose records are kept, each with a few hundred bytes.
const MOST_TENANTS: usize = 50_000;
/// Ids that are remembered as unknown. A caller can make up any number.
const MOST_ABSENT: usize = 1_000;
/// Tenants whose versions are remembered, so that they do not go back.
const MOST_VERSIONS: usize = 200_000;
/// Components in memory. The image of a component's memory takes a file descriptor, of which Lambda grants 1024.
const MOST_LOADED: usize = 256;
/// A store that could not be read is tried again after this time, or after `refresh` if that is shorter.
const RETRY: Duration = Duration::from_secs(1);

/// The native code that a record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodeOf {
    pub(super) native: Native,
    pub(super) component: Digest,
    pub(super) kind: String,
}

/// What is known before a fetch.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The state of the file of a record that is still valid.
    pub(super) state: Option<State>,
    /// The highest version that was seen.
    pub(super) version: u64,
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
    absent: HashMap<Arc<str>, Gone>,
    versions: HashMap<Arc<str>, (u64, u64)>,
    policies: HashSet<Arc<Policy>>,
    codes: HashMap<usize, Code>,
    handlers: HashMap<Digest, usize>,
    /// The handlers whose code is in memory.
    loaded: Vec<usize>,
    bytes: u64,
    next_handler: usize,
    /// Counts uses.
    uses: u64,
}

struct Kept {
    tenant: StoredTenant,
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

struct Code {
    of: Arc<CodeOf>,
    /// Tenants that have it.
    tenants: usize,
    result: Option<Result<Loaded, (Absence, SystemTime)>>,
    used: u64,
}

impl Cache {
    pub(super) fn new(settings: &Store, first_handler: usize) -> Self {
        Self {
            refresh: settings.refresh,
            max_stale: settings.max_stale,
            most_bytes: settings.cache,
            tenants: HashMap::new(),
            absent: HashMap::new(),
            versions: HashMap::new(),
            policies: HashSet::new(),
            codes: HashMap::new(),
            handlers: HashMap::new(),
            loaded: Vec::new(),
            bytes: 0,
            next_handler: first_handler,
            uses: 0,
        }
    }

    /// What is known of a tenant.
    pub(super) fn look(&mut self, id: &str, now: SystemTime) -> Look {
        self.uses += 1;
        if let Some(kept) = self.tenants.get_mut(id) {
            if age(kept.checked, now) > self.max_stale || now >= kept.expires {
                return Look::Missing;
            }
            kept.used = self.uses;
            let found = Ok(kept.tenant.clone());
            let is_fresh = age(kept.checked, now) <= self.refresh || age(kept.tried, now) <= self.refresh;
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
        let version = self.versions.get(id).map_or(0, |(version, _)| *version);
        Known { state: valid.map(|kept| kept.state.clone()), version }
    }

    /// Keeps what was fetched.
    pub(super) fn put(&mut self, id: &Arc<str>, fetched: Fetched, now: SystemTime) -> Found {
        self.uses += 1;
        match fetched {
            Fetched::Unchanged => match self.tenants.get_mut(id) {
                Some(kept) => {
                    (kept.checked, kept.tried) = (now, now);
                    Ok(kept.tenant.clone())
                }
                None => Err(Absence::Unavailable("it was changed while the event waited".into())),
            },
            Fetched::Tenant(tenant) => Ok(self.put_tenant(id, *tenant, now)),
            Fetched::Absent(absence, version) => {
                self.saw(id, version);
                self.put_absence(id, absence, now)
            }
        }
    }

    fn put_tenant(&mut self, id: &Arc<str>, fetched: FetchedTenant, now: SystemTime) -> StoredTenant {
        let FetchedTenant { version, expires, policy, code, state } = fetched;
        self.saw(id, Some(version));
        self.absent.remove(id);
        let handler = self.handler_of(code);
        let tenant = StoredTenant { handler, policy: self.shared(policy) };
        let kept = Kept { tenant: tenant.clone(), expires, state, checked: now, tried: now, used: self.uses };
        let before = self.tenants.insert(Arc::clone(id), kept);
        before.into_iter().for_each(|kept| self.release(kept.tenant.handler));
        for kept in shrink(&mut self.tenants, MOST_TENANTS, |kept| kept.used) {
            self.release(kept.tenant.handler);
        }
        tenant
    }

    fn put_absence(&mut self, id: &Arc<str>, absence: Absence, now: SystemTime) -> Found {
        if let Absence::Unavailable(_) = &absence
            && let Some(kept) = self.tenants.get_mut(id)
        {
            kept.tried = now;
            if age(kept.checked, now) <= self.max_stale && now < kept.expires {
                return Ok(kept.tenant.clone());
            }
        }
        if let Some(kept) = self.tenants.remove(id) {
            self.release(kept.tenant.handler);
        }
        let gone = Gone { absence: absence.clone(), since: now, used: self.uses };
        self.absent.insert(Arc::clone(id), gone);
        shrink(&mut self.absent, MOST_ABSENT, |gone| gone.used);
        Err(absence)
    }

    /// Remembers the version of a record that was signed.
    fn saw(&mut self, id: &Arc<str>, version: Option<u64>) {
        if let Some(version) = version {
            let seen = self.versions.entry(Arc::clone(id)).or_default();
            *seen = (version.max(seen.0), self.uses);
            shrink(&mut self.versions, MOST_VERSIONS, |(_, used)| *used);
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

    /// The handler of native code, of which one more tenant has it.
    fn handler_of(&mut self, of: CodeOf) -> usize {
        let known = self.handlers.get(&of.native.digest).copied();
        // A digest determines its bytes; what a record says of them may differ.
        let known = known.filter(|handler| self.codes.get(handler).is_some_and(|code| *code.of == of));
        let handler = known.unwrap_or_else(|| {
            let handler = self.next_handler;
            self.next_handler += 1;
            self.handlers.insert(of.native.digest.clone(), handler);
            let code = Code { of: Arc::new(of), tenants: 0, result: None, used: self.uses };
            self.codes.insert(handler, code);
            handler
        });
        if let Some(code) = self.codes.get_mut(&handler) {
            code.tenants += 1;
        }
        handler
    }

    /// One tenant less has this code.
    fn release(&mut self, handler: usize) {
        let Some(code) = self.codes.get_mut(&handler) else { return };
        code.tenants -= 1;
        if code.tenants == 0 {
            self.unload(handler);
            if let Some(code) = self.codes.remove(&handler)
                && self.handlers.get(&code.of.native.digest) == Some(&handler)
            {
                self.handlers.remove(&code.of.native.digest);
            }
        }
    }

    /// The component of a handler, if it is in memory.
    pub(super) fn loaded(&mut self, handler: usize) -> Option<Loaded> {
        self.uses += 1;
        let code = self.codes.get_mut(&handler)?;
        code.used = self.uses;
        code.result.as_ref()?.as_ref().ok().cloned()
    }

    /// The component of a handler or why there is none, or else the code to be fetched.
    pub(super) fn code(
        &mut self,
        handler: usize,
        now: SystemTime,
    ) -> Result<Result<Loaded, Absence>, Option<Arc<CodeOf>>> {
        self.uses += 1;
        let Some(code) = self.codes.get_mut(&handler) else { return Err(None) };
        code.used = self.uses;
        match &code.result {
            Some(Ok(loaded)) => Ok(Ok(loaded.clone())),
            Some(Err((absence, since))) if age(*since, now) <= self.refresh.min(RETRY) => {
                Ok(Err(absence.clone()))
            }
            Some(Err(_)) | None => Err(Some(Arc::clone(&code.of))),
        }
    }

    /// Keeps a component that was fetched, or why it could not be.
    pub(super) fn put_code(&mut self, handler: usize, result: &Result<Loaded, Absence>, now: SystemTime) {
        self.uses += 1;
        let Some(code) = self.codes.get_mut(&handler) else { return };
        code.used = self.uses;
        code.result = Some(result.clone().map_err(|absence| (absence, now)));
        if result.is_ok() {
            self.bytes += code.of.native.bytes;
            self.loaded.push(handler);
        }
        while self.loaded.len() > 1 && (self.bytes > self.most_bytes || self.loaded.len() > MOST_LOADED) {
            let used = |handler: &&usize| self.codes.get(handler).map_or(0, |code| code.used);
            let Some(oldest) = self.loaded.iter().min_by_key(used).copied() else { return };
            self.unload(oldest);
        }
    }

    /// Drops a component. Events that are in its sandboxes keep it.
    fn unload(&mut self, handler: usize) {
        let Some(at) = self.loaded.iter().position(|loaded| *loaded == handler) else { return };
        self.loaded.swap_remove(at);
        if let Some(code) = self.codes.get_mut(&handler) {
            code.result = None;
            self.bytes -= code.of.native.bytes;
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 5] {
        [self.tenants.len(), self.absent.len(), self.codes.len(), self.loaded.len(), self.policies.len()]
    }
}

/// A time in the future is as old as can be: the clock was set.
fn age(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or(Duration::MAX)
}

/// If there are too many, removes an eighth of them: those that were not used for the longest time.
fn shrink<V>(map: &mut HashMap<Arc<str>, V>, most: usize, used: impl Fn(&V) -> u64) -> Vec<V> {
    if map.len() <= most {
        return Vec::new();
    }
    let mut uses: Vec<u64> = map.values().map(&used).collect();
    let at = uses.len() / 8;
    let (_, last, _) = uses.select_nth_unstable(at);
    let last = *last;
    map.extract_if(|_, value| used(value) <= last).map(|(_, value)| value).collect()
}
