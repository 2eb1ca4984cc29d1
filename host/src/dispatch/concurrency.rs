//! Limits the number of events of one tenant at a time, so that no tenant occupies the whole of an
//! environment that handles several events. Unknown tenants of a handler count as one.
//!
//! An event over the limit is rejected immediately, as Lambda throttles a caller: an event that waited would
//! occupy the environment, which the limit is to prevent.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::policy::{Limits, Owner, Route};

/// The number of each tenant's events in flight, and the limit.
#[derive(Debug)]
pub struct Concurrency {
    /// The number of events that the environment handles at a time.
    total: usize,
    /// The limit of a tenant without a limit of its own.
    share: usize,
    in_flight: Mutex<HashMap<Owner, usize>>,
}

/// An event that counts as in flight as long as this lives.
#[derive(Debug)]
pub struct InFlight<'a> {
    concurrency: &'a Concurrency,
    /// `None` if nothing has to be counted.
    owner: Option<Owner>,
}

/// A tenant has reached its limit of events in flight. The caller and the log get this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{guest} has {allowed} events in flight, the limit set by its `concurrency` in one environment; send \
     this event again later, or raise the `concurrency` in bulkhead.toml"
)]
pub struct ConcurrencyExceeded {
    /// The tenant.
    pub guest: String,
    /// The limit.
    pub allowed: usize,
}

impl Concurrency {
    /// For an environment that handles this many events at a time. If several tenants share it, each may have
    /// half of them, unless its limits say otherwise.
    pub fn new(total: usize, is_shared: bool) -> Self {
        let share = if is_shared { total.div_ceil(2) } else { total };
        Self { total, share, in_flight: Mutex::default() }
    }

    /// Counts an event as in flight.
    ///
    /// # Errors
    /// If its tenant has reached the limit.
    pub fn start(&self, route: &Route) -> Result<InFlight<'_>, ConcurrencyExceeded> {
        let allowed = self.allowed(&route.policy.limits);
        if allowed >= self.total {
            return Ok(InFlight { concurrency: self, owner: None });
        }
        let owner = route.owner();
        let mut in_flight = self.lock();
        let count = in_flight.entry(owner.clone()).or_default();
        if *count >= allowed {
            return Err(exceeded(route, &owner, allowed));
        }
        *count += 1;
        Ok(InFlight { concurrency: self, owner: Some(owner) })
    }

    fn allowed(&self, limits: &Limits) -> usize {
        limits.concurrency.map_or(self.share, |own| own.get().into())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, usize>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exceeded(route: &Route, owner: &Owner, allowed: usize) -> ConcurrencyExceeded {
    let handler = &route.policy.handler;
    let guest = match (owner, &route.tenant_id) {
        (Owner::Tenant(id), _) => format!("the tenant {id:?}"),
        (Owner::Handler(_), None) => format!("the handler {handler}"),
        (Owner::Handler(_), Some(_)) => {
            format!("the handler {handler}, for all tenants that bulkhead.toml does not name,")
        }
    };
    ConcurrencyExceeded { guest, allowed }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let Some(owner) = &self.owner else { return };
        let mut in_flight = self.concurrency.lock();
        if let Some(count) = in_flight.get_mut(owner) {
            *count -= 1;
            // Only tenants with events in flight are kept.
            if *count == 0 {
                in_flight.remove(owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;
    use std::sync::Arc;

    use super::*;
    use crate::policy::Policy;

    fn route(tenant_id: Option<&str>, concurrency: Option<u16>) -> Route {
        let mut policy = Policy::default_for("hello");
        policy.limits.concurrency = concurrency.and_then(NonZeroU16::new);
        let is_known = tenant_id.is_some();
        Route { tenant_id: tenant_id.map(Arc::from), is_known, ..Route::to(0, Arc::new(policy)) }
    }

    #[test]
    fn a_tenant_has_as_many_as_its_limit_and_no_more() {
        let concurrency = Concurrency::new(8, true);
        let (acme, beta) = (route(Some("acme"), Some(2)), route(Some("beta"), Some(2)));
        let one = concurrency.start(&acme).unwrap();
        let _two = concurrency.start(&acme).unwrap();
        let _other = concurrency.start(&beta).unwrap();
        let refused = concurrency.start(&acme).unwrap_err();
        assert_eq!(refused.allowed, 2);
        let text = refused.to_string();
        assert!(
            text.starts_with(
                "the tenant \"acme\" has 2 events in flight, the limit set by its `concurrency`"
            ),
            "{text}"
        );
        assert!(text.contains("raise the `concurrency` in bulkhead.toml"), "{text}");
        drop(one);
        let _again = concurrency.start(&acme).unwrap();
    }

    #[test]
    fn half_of_them_are_a_tenant_s_where_nothing_is_said() {
        for (count, is_shared, allowed) in [(8, true, 4), (5, true, 3), (1, true, 1), (8, false, 8)] {
            let concurrency = Concurrency::new(count, is_shared);
            let route = route(Some("acme"), None);
            let started: Vec<_> = (0..count).map_while(|_| concurrency.start(&route).ok()).collect();
            assert_eq!(started.len(), allowed, "of {count}");
        }
    }

    #[test]
    fn events_without_a_tenant_are_counted_by_their_handler() {
        let concurrency = Concurrency::new(8, false);
        let _one = concurrency.start(&route(None, Some(1))).unwrap();
        let text = concurrency.start(&route(None, Some(1))).unwrap_err().to_string();
        assert!(text.starts_with("the handler hello has 1 events"), "{text}");
        concurrency.start(&Route { handler: 1, ..route(None, Some(1)) }).unwrap();
    }

    #[test]
    fn strangers_share_the_limit_of_one_tenant() {
        let concurrency = Concurrency::new(8, true);
        let stranger = |id: usize| Route { is_known: false, ..route(Some(&id.to_string()), None) };
        let started: Vec<_> = (0..100).map_while(|id| concurrency.start(&stranger(id)).ok()).collect();
        assert_eq!(started.len(), 4);
        let text = concurrency.start(&stranger(100)).unwrap_err().to_string();
        assert!(
            text.starts_with("the handler hello, for all tenants that bulkhead.toml does not name, has 4"),
            "{text}"
        );
        // Whoever has a name has its own.
        let _known = concurrency.start(&route(Some("0"), None)).unwrap();
    }

    #[test]
    fn nothing_is_kept_of_whoever_has_no_event_in_flight() {
        let concurrency = Concurrency::new(8, true);
        for tenant in 0..100 {
            drop(concurrency.start(&route(Some(&tenant.to_string()), None)).unwrap());
        }
        assert!(concurrency.lock().is_empty());
        // Not even counted, where a tenant may have all of them.
        let _one = concurrency.start(&route(None, Some(8))).unwrap();
        assert!(concurrency.lock().is_empty());
    }
}
