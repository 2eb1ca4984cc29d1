//! Room for sandboxes: who has what there is of it, and whether a sandbox could not be made for lack of it.
//!
//! The pool has room for every sandbox that there may be, and a component takes no more of it than one sandbox's share
//! ([`crate::engine::Share`]). So room is short only where sandboxes are allocated on demand, or by a mistake of ours; and
//! whoever looks into that has to know who had it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::Component;
use wasmtime::{OutOfMemory, PoolConcurrencyLimitError, WasmBacktrace};

use crate::policy::Policy;

/// So many of those that have sandboxes are named, those that take most first.
const NAMED: usize = 8;

/// What one sandbox takes of the pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Takes {
    memories: u32,
    tables: u32,
}

impl Takes {
    /// What each sandbox of this component takes.
    pub(crate) fn of(component: &Component) -> Self {
        // Only a component that imports modules does not say, and there are none to import.
        component.resources_required().map_or_else(Self::default, |required| Self {
            memories: required.num_memories,
            tables: required.num_tables,
        })
    }
}

/// Who has a sandbox at the moment.
#[derive(Debug, Default)]
pub struct Room(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    all: Vec<Place>,
    free: Vec<usize>,
}

#[derive(Debug, Default)]
struct Place {
    /// None while it is free.
    policy: Option<Arc<Policy>>,
    takes: Takes,
    /// Whether it has had an event.
    has_begun: bool,
    /// Whose event, then. Until then it is what the last one left, whose bytes are used again.
    tenant_id: Option<String>,
}

/// A sandbox's place, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Held {
    room: Arc<Room>,
    place: usize,
}

impl Room {
    /// Notes that there is a sandbox under this policy.
    pub(crate) fn hold(self: &Arc<Self>, policy: &Arc<Policy>, takes: Takes) -> Held {
        let mut places = self.lock();
        let place = places.free.pop().unwrap_or_else(|| {
            places.all.push(Place::default());
            places.all.len() - 1
        });
        if let Some(held) = places.all.get_mut(place) {
            held.policy = Some(Arc::clone(policy));
            held.takes = takes;
            held.has_begun = false;
        }
        Held { room: Arc::clone(self), place }
    }

    /// Who has how many sandboxes, and what these take.
    pub fn holders(&self) -> String {
        let places = self.lock();
        let mut sums: BTreeMap<(&str, Option<&str>), (usize, u32, u32)> = BTreeMap::new();
        for Place { policy, takes, has_begun, tenant_id } in &places.all {
            let Some(policy) = policy else { continue };
            let tenant_id = tenant_id.as_deref().filter(|_| *has_begun);
            let sum = sums.entry((&policy.handler, tenant_id)).or_default();
            *sum = (sum.0 + 1, sum.1 + takes.memories, sum.2 + takes.tables);
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, (_, memories, tables))| std::cmp::Reverse(memories + tables));
        let mut text = String::new();
        for ((handler, tenant_id), (sandboxes, memories, tables)) in sums.iter().take(NAMED) {
            let separator = if text.is_empty() { "" } else { "; " };
            // Writing into a string does not fail.
            let _ = write!(text, "{separator}the handler {handler}");
            let _ = tenant_id.map(|tenant_id| write!(text, " for the tenant {tenant_id:?}"));
            let _ = write!(text, ": {sandboxes} with {memories} memories and {tables} tables");
        }
        match sums.len().saturating_sub(NAMED) {
            _ if text.is_empty() => "nobody".to_owned(),
            0 => text,
            others => format!("{text}; and {others} more"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Notes whose event the sandbox has.
    pub(crate) fn begin(&self, tenant_id: &Option<String>) {
        if let Some(held) = self.room.lock().all.get_mut(self.place) {
            held.has_begun = true;
            held.tenant_id.clone_from(tenant_id);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut places = self.room.lock();
        if let Some(held) = places.all.get_mut(self.place) {
            held.policy = None;
            places.free.push(self.place);
        }
    }
}

/// Whether the host lacked the room for a sandbox. Where a guest has a part in an error, it comes with the guest's frames.
pub(crate) fn is_lacking(error: &wasmtime::Error) -> bool {
    let is_lack = error.chain().any(|cause| {
        cause.is::<PoolConcurrencyLimitError>()
            || cause.is::<OutOfMemory>()
            || cause.is::<rustix::io::Errno>()
    });
    is_lack && error.downcast_ref::<WasmBacktrace>().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(handler: &str) -> Arc<Policy> {
        Arc::new(Policy::default_for(handler))
    }

    #[test]
    fn those_that_have_sandboxes_are_named_and_those_that_take_most_first() {
        let room = Arc::new(Room::default());
        assert_eq!(room.holders(), "nobody");
        let (small, large) = (policy("small"), policy("large"));
        let one = room.hold(&small, Takes { memories: 1, tables: 1 });
        let two: Vec<_> = (0..2).map(|_| room.hold(&large, Takes { memories: 8, tables: 2 })).collect();
        two.iter().for_each(|held| held.begin(&Some("mallory\n".to_owned())));
        assert_eq!(
            room.holders(),
            r#"the handler large for the tenant "mallory\n": 2 with 16 memories and 4 tables; the handler small: 1 with 1 memories and 1 tables"#
        );
        drop(one);
        drop(two);
        assert_eq!(room.holders(), "nobody");
    }

    #[test]
    fn a_place_is_used_again_and_says_nothing_of_who_had_it() {
        let room = Arc::new(Room::default());
        let takes = Takes { memories: 1, tables: 0 };
        for _ in 0..3 {
            let held = room.hold(&policy("one"), takes);
            assert_eq!(room.holders(), "the handler one: 1 with 1 memories and 0 tables");
            held.begin(&Some("acme".to_owned()));
        }
        assert_eq!(room.lock().all.len(), 1);
    }

    #[test]
    fn not_all_are_named_where_they_are_many() {
        let room = Arc::new(Room::default());
        let policies: Vec<_> = (0..20).map(|number| policy(&format!("h{number}"))).collect();
        let held: Vec<_> =
            policies.iter().map(|policy| room.hold(policy, Takes { memories: 1, tables: 0 })).collect();
        assert!(room.holders().ends_with("; and 12 more"), "{}", room.holders());
        assert_eq!(held.len(), 20);
    }

    #[test]
    fn what_the_system_refuses_is_no_guest_s_doing() {
        let refused = wasmtime::Error::new(rustix::io::Errno::NOMEM);
        assert!(is_lacking(&refused));
        assert!(is_lacking(&refused.context("mmap failed to reserve 0x104000000 bytes")));
        assert!(!is_lacking(&wasmtime::Error::new(wasmtime::Trap::UnreachableCodeReached)));
        assert!(!is_lacking(&wasmtime::format_err!("memory minimum size exceeds memory limits")));
    }
}
