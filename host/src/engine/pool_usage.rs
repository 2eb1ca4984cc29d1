//! The existing sandboxes and their share of the pool, and whether a sandbox could not be made because the
//! pool is full.
//!
//! The pool has room for every sandbox that can exist, and a component never takes more than one sandbox's
//! share ([`crate::engine::Share`]). So room is short only if sandboxes are allocated on demand, or because
//! of a bug; an investigation then needs to know who had it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::Component;
use wasmtime::{OutOfMemory, PoolConcurrencyLimitError, WasmBacktrace};

use crate::policy::Policy;

/// The number of handlers and tenants that are named, those with the largest part first.
const NAMED: usize = 8;

/// The part of the pool that one sandbox takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    memories: u32,
    tables: u32,
}

impl Footprint {
    /// The number of its memories.
    pub(crate) fn memories(self) -> u32 {
        self.memories
    }

    /// The part that each sandbox of this component takes.
    pub(crate) fn of(component: &Component) -> Self {
        // Only a component that imports modules does not report this, and there are no modules to import.
        component.resources_required().map_or_else(Self::default, |required| Self {
            memories: required.num_memories,
            tables: required.num_tables,
        })
    }
}

/// The existing sandboxes.
#[derive(Debug, Default)]
pub struct PoolUsage(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
}

#[derive(Debug, Default)]
struct Slot {
    /// `None` while it is free.
    policy: Option<Arc<Policy>>,
    footprint: Footprint,
    /// Whether it has had an event.
    has_begun: bool,
    /// The tenant of that event. Before the first event it is a stale value, whose memory is reused.
    tenant_id: Option<Arc<str>>,
}

/// A sandbox's slot, which is freed when this is dropped.
#[derive(Debug)]
pub(crate) struct PoolSlot {
    usage: Arc<PoolUsage>,
    index: usize,
}

impl PoolUsage {
    /// Adds a sandbox under this policy.
    pub(crate) fn occupy(self: &Arc<Self>, policy: &Arc<Policy>, footprint: Footprint) -> PoolSlot {
        let mut slots = self.lock();
        let index = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(Slot::default());
            slots.all.len() - 1
        });
        if let Some(slot) = slots.all.get_mut(index) {
            slot.policy = Some(Arc::clone(policy));
            slot.footprint = footprint;
            slot.has_begun = false;
        }
        PoolSlot { usage: Arc::clone(self), index }
    }

    /// The number of sandboxes of each handler and tenant, and their part of the pool.
    pub fn occupants(&self) -> String {
        let slots = self.lock();
        let mut sums: BTreeMap<(&str, Option<&str>), (usize, u32, u32)> = BTreeMap::new();
        for Slot { policy, footprint, has_begun, tenant_id } in &slots.all {
            let Some(policy) = policy else { continue };
            let tenant_id = tenant_id.as_deref().filter(|_| *has_begun);
            let sum = sums.entry((&policy.handler, tenant_id)).or_default();
            *sum = (sum.0 + 1, sum.1 + footprint.memories, sum.2 + footprint.tables);
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, (_, memories, tables))| std::cmp::Reverse(memories + tables));
        let mut text = String::new();
        for ((handler, tenant_id), (sandboxes, memories, tables)) in sums.iter().take(NAMED) {
            let separator = if text.is_empty() { "" } else { "; " };
            // Writing to a string does not fail.
            let _ = write!(text, "{separator}the handler {handler}");
            let _ = tenant_id.map(|tenant_id| write!(text, " for the tenant {tenant_id:?}"));
            let _ = write!(text, ": {sandboxes} with {memories} memories and {tables} tables");
        }
        match sums.len().saturating_sub(NAMED) {
            _ if text.is_empty() => "none".to_owned(),
            0 => text,
            others => format!("{text}; and {others} more"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolSlot {
    /// Sets the tenant of the sandbox's event.
    pub(crate) fn begin(&self, tenant_id: &Option<Arc<str>>) {
        if let Some(slot) = self.usage.lock().all.get_mut(self.index) {
            slot.has_begun = true;
            slot.tenant_id.clone_from(tenant_id);
        }
    }
}

impl Drop for PoolSlot {
    fn drop(&mut self) {
        let mut slots = self.usage.lock();
        if let Some(slot) = slots.all.get_mut(self.index) {
            slot.policy = None;
            slots.free.push(self.index);
        }
    }
}

/// Whether the host had no room for a sandbox. An error that a guest has a part in comes with the guest's
/// frames.
pub(crate) fn is_out_of_room(error: &wasmtime::Error) -> bool {
    let is_out_of_room = error.chain().any(|cause| {
        cause.is::<PoolConcurrencyLimitError>()
            || cause.is::<OutOfMemory>()
            || cause.is::<rustix::io::Errno>()
    });
    is_out_of_room && error.downcast_ref::<WasmBacktrace>().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(handler: &str) -> Arc<Policy> {
        Arc::new(Policy::default_for(handler))
    }

    #[test]
    fn those_that_have_sandboxes_are_named_and_those_that_take_most_first() {
        let usage = Arc::new(PoolUsage::default());
        assert_eq!(usage.occupants(), "none");
        let (small, large) = (policy("small"), policy("large"));
        let one = usage.occupy(&small, Footprint { memories: 1, tables: 1 });
        let two: Vec<_> =
            (0..2).map(|_| usage.occupy(&large, Footprint { memories: 8, tables: 2 })).collect();
        two.iter().for_each(|slot| slot.begin(&Some("mallory\n".into())));
        assert_eq!(
            usage.occupants(),
            r#"the handler large for the tenant "mallory\n": 2 with 16 memories and 4 tables; the handler small: 1 with 1 memories and 1 tables"#
        );
        drop(one);
        drop(two);
        assert_eq!(usage.occupants(), "none");
    }

    #[test]
    fn a_place_is_used_again_and_says_nothing_of_who_had_it() {
        let usage = Arc::new(PoolUsage::default());
        let footprint = Footprint { memories: 1, tables: 0 };
        for _ in 0..3 {
            let slot = usage.occupy(&policy("one"), footprint);
            assert_eq!(usage.occupants(), "the handler one: 1 with 1 memories and 0 tables");
            slot.begin(&Some("acme".into()));
        }
        assert_eq!(usage.lock().all.len(), 1);
    }

    #[test]
    fn not_all_are_named_where_they_are_many() {
        let usage = Arc::new(PoolUsage::default());
        let policies: Vec<_> = (0..20).map(|number| policy(&format!("h{number}"))).collect();
        let slots: Vec<_> = policies
            .iter()
            .map(|policy| usage.occupy(policy, Footprint { memories: 1, tables: 0 }))
            .collect();
        assert!(usage.occupants().ends_with("; and 12 more"), "{}", usage.occupants());
        assert_eq!(slots.len(), 20);
    }

    #[test]
    fn what_the_system_refuses_is_no_guest_s_doing() {
        let refused = wasmtime::Error::new(rustix::io::Errno::NOMEM);
        assert!(is_out_of_room(&refused));
        assert!(is_out_of_room(&refused.context("mmap failed to reserve 0x104000000 bytes")));
        assert!(!is_out_of_room(&wasmtime::Error::new(wasmtime::Trap::UnreachableCodeReached)));
        assert!(!is_out_of_room(&wasmtime::format_err!("memory minimum size exceeds memory limits")));
    }
}
