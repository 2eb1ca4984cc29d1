//! Determines the tenant of an event, and thereby its handler and policy.
//!
//! A tenant's id is data from outside: it is looked up, compared and logged, and never becomes part of a path
//! or a command. An event that can be read as belonging to two tenants is rejected; see
//! [`Pointer`](crate::policy::Pointer) for the cases. The tenants themselves are defined in
//! [`crate::policy::manifest`].

mod batch;
mod header;

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::path::Path;
use std::sync::Arc;

pub use batch::{Part, response as batch_response};
use serde_json::value::RawValue;

use super::stored::{Absence, Answers};
use crate::policy::manifest::{Manifest, MixedBatches, Routing, Tenant, TenantSource, UnknownTenant};
use crate::policy::pointer::{self, Found};
use crate::policy::{Policy, Route};
use crate::runtime_api::invocation::{Invocation, MAX_TENANT_ID};

/// The route of an event.
#[derive(Debug, PartialEq, Eq)]
pub enum Routed {
    /// To one handler.
    Whole(Route),
    /// In parts to several sandboxes, one after the other.
    Split(Vec<(Result<Route, RouteError>, Part)>),
}

/// What an event says of its tenants.
#[derive(Debug)]
pub(super) enum Named<'e> {
    /// It belongs to one tenant, or to none, or that is not clear.
    One(Found),
    /// It is a batch, whose records belong to several.
    Several {
        records: Vec<&'e RawValue>,
        /// The places of the records of each tenant.
        groups: Vec<(Found, Vec<usize>)>,
    },
}

/// An event that is rejected. The caller and the log get these texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// It names no tenant, and there is no handler for such events.
    #[error(
        "the event names no tenant ({place}); such events are rejected, unless `unknown_tenant` in [routing] \
         of bulkhead.toml names a handler for them"
    )]
    NoTenant {
        /// The place where the tenant should be.
        place: String,
    },
    /// It names a tenant that is not in the manifest, and there is no handler for such events.
    #[error("the tenant {tenant:?} is unknown; bulkhead.toml has no [tenants.{tenant:?}]")]
    Unknown {
        /// The id.
        tenant: Arc<str>,
    },
    /// It names a tenant that is neither in the manifest nor in the store, and there is no handler for such events.
    #[error("the tenant {tenant:?} is unknown: it is neither in [tenants] of bulkhead.toml nor in the store")]
    NotStored {
        /// The id.
        tenant: Arc<str>,
    },
    /// The record of its tenant in the store cannot be used.
    #[error("the record of the tenant {tenant:?} in the store cannot be used: {reason}")]
    InvalidRecord {
        /// The id.
        tenant: Arc<str>,
        /// The reason.
        reason: Arc<str>,
    },
    /// Its tenant cannot be looked up in the store.
    #[error("the tenant {tenant:?} is not available: {reason}; send this event again later")]
    Unavailable {
        /// The id.
        tenant: Arc<str>,
        /// The reason.
        reason: Arc<str>,
    },
    /// Its tenant is ambiguous, or cannot be read.
    #[error("the tenant of the event is not clear ({place}): {reason}")]
    Unclear {
        /// The place where the tenant should be.
        place: String,
        /// The reason.
        reason: String,
    },
    /// A batch of several tenants that may not, or cannot, be split.
    #[error("the batch from {origin} has records of {tenants} tenants: {advice}")]
    Mixed {
        /// The source of the batch.
        origin: String,
        /// How many tenants there are.
        tenants: usize,
        /// What to do about it.
        advice: &'static str,
    },
    /// An error of one tenant's records in a batch that the records of others share.
    #[error("{first}; the batch has records of {others} more with whom it is the same")]
    Several {
        /// The error of the first.
        first: Box<Self>,
        /// The number of others.
        others: usize,
    },
}

impl RouteError {
    /// The id of the one tenant that is unknown.
    pub fn tenant_id(&self) -> Option<&Arc<str>> {
        match self {
            Self::Unknown { tenant }
            | Self::NotStored { tenant }
            | Self::InvalidRecord { tenant, .. }
            | Self::Unavailable { tenant, .. } => Some(tenant),
            Self::NoTenant { .. } | Self::Unclear { .. } | Self::Mixed { .. } | Self::Several { .. } => None,
        }
    }

    /// Adds one more with the same error.
    fn and_another(&mut self) {
        if let Self::Several { others, .. } = self {
            *others += 1;
            return;
        }
        *self = Self::Several { first: Box::new(self.clone()), others: 1 };
    }
}

const MAY_SPLIT: &str = "set `mixed_batches = \"split\"` in [routing] of bulkhead.toml to give each tenant's \
                         records a sandbox of their own; ReportBatchItemFailures must be enabled in the \
                         event source mapping";
const CANNOT_SPLIT: &str = "only batches from SQS whose records have their own ids can be split; use a \
                            separate source for each tenant";

const TOO_MANY: &str = "a batch from SQS never has more than 10,000 records";

/// The limit of parts of a split batch: SQS sends no more records in one batch.
const MOST_PARTS: usize = 10_000;

/// Chooses the handler and policy of each event.
#[derive(Debug)]
pub struct Router {
    routing: Routing,
    tenants: Arc<HashMap<Box<str>, Tenant>>,
    /// The policies of the handlers themselves.
    policies: Vec<Arc<Policy>>,
    /// The scripts of the handlers themselves, of those that have one.
    scripts: Vec<Option<Arc<Path>>>,
    /// The handler of events that belong to no known tenant.
    fallback: Option<usize>,
    /// Whether an event may belong to a tenant of a store.
    has_store: bool,
}

impl Router {
    /// Routes by the manifest. `main` is the function's own handler, which gets every event if there are no
    /// tenants.
    pub fn new(manifest: &Manifest, policies: Vec<Arc<Policy>>, main: Option<usize>) -> Self {
        let fallback = match manifest.routing.unknown_tenant {
            UnknownTenant::Handler(handler) => Some(handler),
            UnknownTenant::Reject => main.filter(|_| !manifest.has_tenants()),
        };
        // The only handler of a manifest that names none is a component.
        let mut scripts: Vec<_> = manifest.handlers.iter().map(|handler| handler.script.clone()).collect();
        scripts.resize(policies.len(), None);
        Self {
            routing: manifest.routing.clone(),
            tenants: Arc::clone(&manifest.tenants),
            policies,
            scripts,
            fallback,
            has_store: manifest.store.is_some(),
        }
    }

    /// The route of the first event, as far as it is known in advance.
    pub fn likely(&self) -> Option<Route> {
        self.fallback
            .filter(|_| self.tenants.is_empty() && !self.has_store)
            .and_then(|handler| self.to_handler(None, handler))
    }

    /// Whether the manifest contains this tenant. A caller may use any other id.
    pub fn knows(&self, tenant_id: &str) -> bool {
        self.tenants.contains_key(tenant_id)
    }

    /// Routes an event of a function without a store.
    ///
    /// # Errors
    /// The reason why it is rejected.
    pub fn route(&self, invocation: &Invocation) -> Result<Routed, RouteError> {
        self.resolve(self.named(invocation), None)
    }

    /// What an event says of its tenants.
    pub(super) fn named<'e>(&self, invocation: &'e Invocation) -> Named<'e> {
        let found = match &self.routing.tenant {
            TenantSource::Lambda => invocation.tenant_id.clone().map_or(Found::Nothing, Found::Text),
            TenantSource::Header(name) => {
                text(&invocation.event).map_or(Found::Nothing, |event| header::find(event, name))
            }
            TenantSource::Pointer(pointer) => {
                let event = text(&invocation.event).unwrap_or_default();
                match pointer.within_records().map(|(key, within)| (pointer::records(event, key), within)) {
                    Some((Ok(Some(records)), within)) => return Named::of_records(records, within),
                    Some((Ok(None), _)) => Found::Nothing,
                    Some((Err(reason), _)) => Found::Unclear(reason),
                    None => pointer.find(event),
                }
            }
        };
        Named::One(found)
    }

    /// The tenants that the manifest does not contain, each once.
    pub(super) fn strangers(&self, named: &Named<'_>) -> Vec<Arc<str>> {
        let found = match named {
            Named::One(found) => vec![found],
            Named::Several { groups, .. } => groups.iter().map(|(found, _)| found).collect(),
        };
        let stranger = |found: &Found| match found {
            Found::Text(id) if (1..=MAX_TENANT_ID).contains(&id.len()) && !self.knows(id) => {
                Some(Arc::clone(id))
            }
            Found::Text(_) | Found::Nothing | Found::Unclear(_) => None,
        };
        found.into_iter().filter_map(stranger).collect()
    }

    /// The route of an event that names these tenants. `stored` is what the store says of those that the manifest does
    /// not contain, if there is a store.
    ///
    /// # Errors
    /// The reason why the event is rejected.
    pub(super) fn resolve(&self, named: Named<'_>, stored: Option<&Answers>) -> Result<Routed, RouteError> {
        match named {
            Named::One(found) => self.resolve_one(found, stored).map(Routed::Whole),
            Named::Several { records, groups } => self.batch(&records, groups, stored),
        }
    }

    /// A batch of several tenants.
    fn batch(
        &self,
        records: &[&RawValue],
        groups: Vec<(Found, Vec<usize>)>,
        stored: Option<&Answers>,
    ) -> Result<Routed, RouteError> {
        let tenants = groups.len();
        let refused =
            |advice| RouteError::Mixed { origin: batch::origin(records).into_owned(), tenants, advice };
        let own = batch::sqs_records(records).ok_or_else(|| refused(CANNOT_SPLIT))?;
        if self.routing.mixed_batches == MixedBatches::Reject {
            return Err(refused(MAY_SPLIT));
        }
        let groups = groups.into_iter().map(|(found, own)| (self.resolve_one(found, stored), own));
        let parts = with_one_nowhere(groups);
        if parts.len() > MOST_PARTS {
            return Err(refused(TOO_MANY));
        }
        let parts = parts.into_iter().map(|(route, places)| {
            let own: Vec<_> = places.into_iter().filter_map(|index| own.get(index)).collect();
            (route, Part::of(&own))
        });
        Ok(Routed::Split(parts.collect()))
    }

    fn resolve_one(&self, found: Found, stored: Option<&Answers>) -> Result<Route, RouteError> {
        let unclear = |reason| RouteError::Unclear { place: self.place(), reason };
        let tenant_id = match found {
            Found::Text(id) if id.len() > MAX_TENANT_ID => {
                return Err(unclear(format!(
                    "the id has {} bytes; a tenant id has at most {MAX_TENANT_ID}",
                    id.len()
                )));
            }
            Found::Unclear(reason) => return Err(unclear(reason.to_owned())),
            Found::Text(id) if !id.is_empty() => Some(id),
            Found::Text(_) | Found::Nothing => None,
        };
        if let Some(id) = &tenant_id
            && let Some(tenant) = self.tenants.get(&**id)
        {
            let route = Route::to(tenant.handler, Arc::clone(&tenant.policy));
            return Ok(Route { tenant_id, is_known: true, script: tenant.script.clone(), ..route });
        }
        if let (Some(id), Some(stored)) = (&tenant_id, stored)
            && let Some(route) = route_of(id, stored)
        {
            return route;
        }
        match (self.fallback, tenant_id) {
            (Some(handler), tenant_id) => self
                .to_handler(tenant_id, handler)
                .ok_or_else(|| RouteError::NoTenant { place: self.place() }),
            (None, Some(tenant)) if stored.is_some() => Err(RouteError::NotStored { tenant }),
            (None, Some(tenant)) => Err(RouteError::Unknown { tenant }),
            (None, None) => Err(RouteError::NoTenant { place: self.place() }),
        }
    }

    fn to_handler(&self, tenant_id: Option<Arc<str>>, handler: usize) -> Option<Route> {
        let policy = Arc::clone(self.policies.get(handler)?);
        let script = self.scripts.get(handler)?.clone();
        Some(Route { tenant_id, script, ..Route::to(handler, policy) })
    }

    /// The place of the tenant's id, for people.
    fn place(&self) -> String {
        match &self.routing.tenant {
            TenantSource::Lambda => "Lambda's tenant id".to_owned(),
            TenantSource::Pointer(pointer) => format!("at {pointer}"),
            TenantSource::Header(name) => format!("in the header {name}"),
        }
    }
}

impl<'e> Named<'e> {
    /// A batch goes to one tenant if all of its records do.
    fn of_records(records: Vec<&'e RawValue>, within: &[String]) -> Self {
        let mut groups = by_tenant(records.iter().map(|record| pointer::find(record.get(), within)));
        match groups.len() {
            0 | 1 => Self::One(groups.pop().map_or(Found::Nothing, |(found, _)| found)),
            _ => Self::Several { records, groups },
        }
    }
}

/// The route to a tenant of the store; `None` if the store does not have it.
fn route_of(id: &Arc<str>, stored: &Answers) -> Option<Result<Route, RouteError>> {
    let tenant = || Arc::clone(id);
    Some(match stored.get(id)? {
        Ok(stored) => Ok(stored.route(tenant())),
        Err(Absence::Unknown) => return None,
        Err(Absence::Invalid(reason)) => {
            Err(RouteError::InvalidRecord { tenant: tenant(), reason: Arc::clone(reason) })
        }
        Err(Absence::Unavailable(reason)) => {
            Err(RouteError::Unavailable { tenant: tenant(), reason: Arc::clone(reason) })
        }
    })
}

/// Groups the records by tenant, in the order of their first records.
fn by_tenant(found: impl Iterator<Item = Found>) -> Vec<(Found, Vec<usize>)> {
    let mut places: HashMap<Found, usize> = HashMap::new();
    let mut groups: Vec<(Found, Vec<usize>)> = Vec::new();
    for (index, found) in found.enumerate() {
        let place = *places.entry(found).or_insert_with_key(|found| {
            groups.push((found.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(index);
    }
    groups
}

/// Merges the groups of records that are rejected for the same reason. An event has room for many unknown
/// ids, and each part has a record in the log and a receipt.
fn with_one_nowhere(
    groups: impl Iterator<Item = (Result<Route, RouteError>, Vec<usize>)>,
) -> Vec<(Result<Route, RouteError>, Vec<usize>)> {
    let mut places: HashMap<Discriminant<RouteError>, usize> = HashMap::new();
    let mut joined: Vec<(Result<Route, RouteError>, Vec<usize>)> = Vec::new();
    for (route, mut own) in groups {
        let place =
            route.as_ref().err().map(|error| *places.entry(discriminant(error)).or_insert(joined.len()));
        match place.and_then(|place| joined.get_mut(place)) {
            Some((Err(first), all)) => {
                first.and_another();
                all.append(&mut own);
            }
            Some((Ok(_), _)) | None => joined.push((route, own)),
        }
    }
    joined
}

/// The event as text. An event that is not text is not JSON, and contains no tenant.
fn text(event: &[u8]) -> Option<&str> {
    std::str::from_utf8(event).ok()
}

#[cfg(test)]
mod tests;
