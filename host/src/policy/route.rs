//! The route of an event: its handler, tenant and policy, and the owner of its limits.

use std::path::Path;
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
    /// For a tenant of the store.
    pub record: Option<RecordInUse>,
    /// The place of the entry of its script, if its handler runs one.
    pub script: Option<Arc<Path>>,
}

/// The record of the store under which an event is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordInUse {
    /// Another one for each record: a sandbox that is kept under one record serves no event under another.
    pub generation: u64,
    /// Whether the record is older than `refresh`, and the store could not be asked for a newer one.
    pub is_stale: bool,
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
    /// To a handler, for no tenant, and without a script.
    pub fn to(handler: usize, policy: Arc<Policy>) -> Self {
        Self { tenant_id: None, is_known: false, handler, policy, record: None, script: None }
    }

    /// The generation of the tenant's record, if it is one of the store.
    pub fn generation(&self) -> Option<u64> {
        self.record.map(|record| record.generation)
    }

    /// The owner of the limits that the event shares with others.
    pub fn owner(&self) -> Owner {
        match &self.tenant_id {
            Some(id) if self.is_known => Owner::Tenant(id.clone()),
            Some(_) | None => Owner::Handler(self.handler),
        }
    }
}
