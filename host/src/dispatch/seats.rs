//! How many events of one tenant are handled at a time, so that no tenant takes the whole of an environment that
//! handles several. Tenants that the manifest does not have count as one, by their handler.
//!
//! An event over the limit is refused at once, as Lambda throttles a caller: one that waited would hold a place of
//! the environment, which is what the limit is to prevent.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::policy::{Limits, Owner, Route};

/// The seats that there are, and who has taken them.
#[derive(Debug)]
pub struct Seats {
    /// All of them.
    count: usize,
    /// What a tenant may take that has no limit of its own.
    share: usize,
    taken: Mutex<HashMap<Owner, usize>>,
}

/// A seat that is taken, for as long as this lives.
#[derive(Debug)]
pub struct Seat<'a> {
    seats: &'a Seats,
    /// None where nobody counts.
    owner: Option<Owner>,
}

/// All of a tenant's seats are taken. The text is what the caller and the log get to see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{guest} has {allowed} events in flight already, which is its `concurrency` in one environment; send this one again \
     later, or raise its `concurrency` in bulkhead.toml"
)]
pub struct NoSeat {
    /// Whose event it is.
    pub guest: String,
    /// How many it may have.
    pub allowed: usize,
}

impl Seats {
    /// So many seats. Where several tenants share them, each may take half unless its limits say something else.
    pub fn new(count: usize, is_shared: bool) -> Self {
        let share = if is_shared { count.div_ceil(2) } else { count };
        Self { count, share, taken: Mutex::default() }
    }

    /// Takes a seat for an event.
    ///
    /// # Errors
    /// When all that its tenant may have are taken.
    pub fn take(&self, route: &Route) -> Result<Seat<'_>, NoSeat> {
        let allowed = self.allowed(&route.policy.limits);
        if allowed >= self.count {
            return Ok(Seat { seats: self, owner: None });
        }
        let owner = route.owner();
        let mut taken = self.lock();
        let count = taken.entry(owner.clone()).or_default();
        if *count >= allowed {
            return Err(no_seat(route, &owner, allowed));
        }
        *count += 1;
        Ok(Seat { seats: self, owner: Some(owner) })
    }

    fn allowed(&self, limits: &Limits) -> usize {
        limits.concurrency.map_or(self.share, |own| own.get().into())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_seat(route: &Route, owner: &Owner, allowed: usize) -> NoSeat {
    let handler = &route.policy.handler;
    let guest = match (owner, &route.tenant_id) {
        (Owner::Tenant(id), _) => format!("the tenant {id:?}"),
        (Owner::Handler(_), None) => format!("the handler {handler}"),
        (Owner::Handler(_), Some(_)) => {
            format!("the handler {handler}, for all tenants that bulkhead.toml does not name,")
        }
    };
    NoSeat { guest, allowed }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let Some(owner) = &self.owner else { return };
        let mut taken = self.seats.lock();
        if let Some(count) = taken.get_mut(owner) {
            *count -= 1;
            // Tenants come and go, and only those with events in flight are kept.
            if *count == 0 {
                taken.remove(owner);
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
        Route { tenant_id: tenant_id.map(str::to_owned), is_known, handler: 0, policy: Arc::new(policy) }
    }

    #[test]
    fn a_tenant_has_its_own_seats_and_no_more() {
        let seats = Seats::new(8, true);
        let (acme, beta) = (route(Some("acme"), Some(2)), route(Some("beta"), Some(2)));
        let one = seats.take(&acme).unwrap();
        let _two = seats.take(&acme).unwrap();
        let _other = seats.take(&beta).unwrap();
        let refused = seats.take(&acme).unwrap_err();
        assert_eq!(refused.allowed, 2);
        let text = refused.to_string();
        assert!(text.starts_with("the tenant \"acme\" has 2 events in flight already"), "{text}");
        assert!(text.contains("raise its `concurrency` in bulkhead.toml"), "{text}");
        drop(one);
        let _again = seats.take(&acme).unwrap();
    }

    #[test]
    fn half_of_them_are_a_tenant_s_where_nothing_is_said() {
        for (count, is_shared, allowed) in [(8, true, 4), (5, true, 3), (1, true, 1), (8, false, 8)] {
            let seats = Seats::new(count, is_shared);
            let route = route(Some("acme"), None);
            let taken: Vec<_> = (0..count).map_while(|_| seats.take(&route).ok()).collect();
            assert_eq!(taken.len(), allowed, "of {count}");
        }
    }

    #[test]
    fn events_without_a_tenant_are_counted_by_their_handler() {
        let seats = Seats::new(8, false);
        let _one = seats.take(&route(None, Some(1))).unwrap();
        let text = seats.take(&route(None, Some(1))).unwrap_err().to_string();
        assert!(text.starts_with("the handler hello has 1 events"), "{text}");
        seats.take(&Route { handler: 1, ..route(None, Some(1)) }).unwrap();
    }

    #[test]
    fn strangers_share_the_seats_of_one() {
        let seats = Seats::new(8, true);
        let stranger = |id: usize| Route { is_known: false, ..route(Some(&id.to_string()), None) };
        let taken: Vec<_> = (0..100).map_while(|id| seats.take(&stranger(id)).ok()).collect();
        assert_eq!(taken.len(), 4);
        let text = seats.take(&stranger(100)).unwrap_err().to_string();
        assert!(
            text.starts_with("the handler hello, for all tenants that bulkhead.toml does not name, has 4"),
            "{text}"
        );
        // Whoever has a name has its own.
        let _known = seats.take(&route(Some("0"), None)).unwrap();
    }

    #[test]
    fn nothing_is_kept_of_whoever_has_no_event_in_flight() {
        let seats = Seats::new(8, true);
        for tenant in 0..100 {
            drop(seats.take(&route(Some(&tenant.to_string()), None)).unwrap());
        }
        assert!(seats.lock().is_empty());
        // Not even counted, where every seat may be taken.
        let _one = seats.take(&route(None, Some(8))).unwrap();
        assert!(seats.lock().is_empty());
    }
}
