//! What one event has used of the credentials that the host has for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::policy::Credential;

/// The credentials that an event has used, and the one that could not be had.
#[derive(Debug, Default)]
pub(super) struct CredentialUse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// There are no more than its policy grants.
    counts: Vec<(Arc<Credential>, u32)>,
    missing: Option<MissingCredential>,
}

/// A credential that a request of the event needed, and that was not there.
#[derive(Debug, Clone)]
pub struct MissingCredential {
    /// The credential.
    pub credential: Arc<Credential>,
    /// Whether it was still waited for.
    pub is_awaited: bool,
}

impl CredentialUse {
    /// Counts a request that a credential was used for.
    pub(super) fn count(&self, credential: &Arc<Credential>) {
        let counts = &mut self.lock().counts;
        match counts.iter_mut().find(|(counted, _)| counted.name == credential.name) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counts.push((Arc::clone(credential), 1)),
        }
    }

    /// The number of requests by the name of their credential.
    pub(super) fn counts(&self) -> Vec<(Arc<Credential>, u32)> {
        self.lock().counts.clone()
    }

    /// A request waits for what it cannot be sent without.
    pub(super) fn awaits(&self, credential: &Arc<Credential>) {
        self.miss(credential, true);
    }

    /// What was waited for cannot be had.
    pub(super) fn lacks(&self, credential: &Arc<Credential>) {
        self.miss(credential, false);
    }

    /// What was waited for is there.
    pub(super) fn has(&self, credential: &Arc<Credential>) {
        self.lock().missing.take_if(|missing| missing.credential.name == credential.name);
    }

    /// The credential that could not be had.
    pub(super) fn missing(&self) -> Option<MissingCredential> {
        self.lock().missing.clone()
    }

    fn miss(&self, credential: &Arc<Credential>, is_awaited: bool) {
        self.lock().missing = Some(MissingCredential { credential: Arc::clone(credential), is_awaited });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
