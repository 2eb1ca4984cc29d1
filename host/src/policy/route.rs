//! Where an event goes: which handler, for which tenant, under which policy; and with whom it shares limits.

use std::sync::Arc;

use super::Policy;

/// Who handles an event, for whom, and under which policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The tenant, if the event names one.
    pub tenant_id: Option<String>,
    /// Whether the manifest has that tenant. Other ids are whatever a stranger thinks up.
    pub is_known: bool,
    /// The handler; an index into the catalog.
    pub handler: usize,
    /// What its sandbox may use and reach.
    pub policy: Arc<Policy>,
}

/// Whose limits an event shares with other events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A tenant of the manifest.
    Tenant(String),
    /// A handler, by its index: all whose ids the manifest does not have, and events without one. There can be as many ids
    /// as events, so a share for each would be no limit.
    Handler(usize),
}

impl Route {
    /// Whose limits the event shares with others.
    pub fn owner(&self) -> Owner {
        match &self.tenant_id {
            Some(id) if self.is_known => Owner::Tenant(id.clone()),
            Some(_) | None => Owner::Handler(self.handler),
        }
    }
}
