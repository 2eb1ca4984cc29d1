//! The route of an event: its handler, tenant and policy, and the owner of its limits.

use std::sync::Arc;

use super::Policy;

/// The handler, tenant and policy of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The tenant, if the event names one.
    pub tenant_id: Option<Arc<str>>,
    /// Whether the manifest contains the tenant. A caller may use any other id.
    pub is_known: bool,
    /// The handler; an index into the catalog.
    pub handler: usize,
    /// The limits and grants of its sandbox.
    pub policy: Arc<Policy>,
}

/// The owner of limits that several events share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A tenant of the manifest.
    Tenant(Arc<str>),
    /// A handler, by its index: for all ids that are not in the manifest, and for events without one. There
    /// can be as many ids as events, so a share for each would not be a limit.
    Handler(usize),
}

impl Route {
    /// The owner of the limits that the event shares with others.
    pub fn owner(&self) -> Owner {
        match &self.tenant_id {
            Some(id) if self.is_known => Owner::Tenant(id.clone()),
            Some(_) | None => Owner::Handler(self.handler),
        }
    }
}
