//! The limiter of memory, tables and instances, which enforces the [`crate::policy`] of one sandbox.
//!
//! Time is limited by [`crate::engine::watchdog`] and [`crate::engine::meter`], log output by
//! [`crate::capabilities::console`].

use wasmtime::ResourceLimiter;

use crate::policy::{Limit, Limits};

/// A guest exceeded a limit, and was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than the {allowed} of `{}`", limit.key())]
pub struct Exceeded {
    /// The limit.
    pub limit: Limit,
    /// The allowed amount.
    pub allowed: u64,
}

/// Sums up all memories and tables of a sandbox, and remembers that it denied growth.
///
/// A guest sees only that an allocation failed, and panics or traps; unless the denial is remembered, this
/// would be reported as a bug of the handler.
#[derive(Debug)]
pub struct Limiter {
    memory: Pool,
    entries: Pool,
    instances: usize,
    peak: usize,
    refused: Option<Limit>,
    /// The last growth of both, in case the engine cannot use it.
    granted: (usize, usize),
}

#[derive(Debug)]
struct Pool {
    limit: usize,
    used: usize,
}

impl Pool {
    /// The sum after another growth, if it is allowed.
    fn after(&self, more: usize) -> Option<usize> {
        self.used.checked_add(more).filter(|wanted| *wanted <= self.limit)
    }
}

/// The size of a table entry, in bytes.
const TABLE_ENTRY: usize = size_of::<usize>();

impl Limiter {
    /// A limiter with these limits.
    pub fn new(limits: &Limits) -> Self {
        Self {
            memory: Pool { limit: limits.memory, used: 0 },
            entries: Pool { limit: limits.table_entries, used: 0 },
            instances: limits.instances,
            peak: 0,
            refused: None,
            granted: (0, 0),
        }
    }

    /// Restarts the measurement of peak memory, for another event.
    pub fn begin(&mut self) {
        self.peak = self.memory.used;
    }

    /// The limit that the sandbox exceeded, if it did.
    pub fn refused(&self) -> Option<Limit> {
        self.refused
    }

    /// The peak memory, in bytes.
    pub fn peak(&self) -> usize {
        self.peak
    }

    fn grow(&mut self, bytes: usize, entries: usize, beyond_own_maximum: bool) -> bool {
        let (Some(memory), Some(table)) = (self.memory.after(bytes), self.entries.after(entries)) else {
            let of_table = self.entries.after(entries).is_none();
            self.refused = Some(if of_table { Limit::TableEntries } else { Limit::Memory });
            return false;
        };
        if beyond_own_maximum {
            return false;
        }
        self.granted = (bytes, entries);
        (self.memory.used, self.entries.used) = (memory, table);
        self.peak = self.peak.max(memory);
        true
    }

    /// Undoes the last growth, which the engine could not use.
    fn take_back(&mut self) {
        let (bytes, entries) = std::mem::take(&mut self.granted);
        self.memory.used -= bytes;
        self.entries.used -= entries;
        self.refused = Some(if entries > 0 { Limit::TableEntries } else { Limit::Memory });
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let beyond = maximum.is_some_and(|maximum| desired > maximum);
        Ok(self.grow(desired.saturating_sub(current), 0, beyond))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let entries = desired.saturating_sub(current);
        let beyond = maximum.is_some_and(|maximum| desired > maximum);
        Ok(self.grow(entries.saturating_mul(TABLE_ENTRY), entries, beyond))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(memory: usize, table_entries: usize) -> Limiter {
        Limiter::new(&Limits { memory, table_entries, ..Limits::default() })
    }

    #[test]
    fn memories_are_summed() {
        let mut limiter = limiter(100, 100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.refused(), None);
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert_eq!(limiter.refused(), Some(Limit::Memory));
        assert_eq!((limiter.memory.used, limiter.peak()), (100, 100));
    }

    #[test]
    fn tables_count_with_memories() {
        let mut limiter = limiter(100, 100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.table_growing(0, 6, None).unwrap());
        assert_eq!(limiter.refused(), Some(Limit::Memory));
        assert!(limiter.table_growing(0, 5, None).unwrap());
        assert!(!limiter.table_growing(5, usize::MAX, None).unwrap());
    }

    #[test]
    fn entries_have_a_limit_of_their_own() {
        let mut limiter = limiter(1 << 20, 10);
        assert!(limiter.table_growing(0, 6, None).unwrap());
        assert!(limiter.table_growing(0, 4, None).unwrap());
        assert!(!limiter.table_growing(4, 5, None).unwrap());
        assert_eq!(limiter.refused(), Some(Limit::TableEntries));
    }

    #[test]
    fn a_guest_s_own_maximum_is_not_our_refusal() {
        let mut limiter = limiter(100, 100);
        assert!(!limiter.memory_growing(0, 60, Some(50)).unwrap());
        assert_eq!(limiter.refused(), None);
        assert!(limiter.memory_growing(0, 100, None).unwrap(), "nothing was charged for it");
    }

    #[test]
    fn what_the_engine_could_not_use_is_taken_back() {
        let mut limiter = limiter(100, 100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(60, 90, None).unwrap());
        limiter.memory_grow_failed(wasmtime::format_err!("no room")).unwrap();
        assert_eq!(limiter.refused(), Some(Limit::Memory));
        assert!(limiter.table_growing(0, 5, None).unwrap());
        limiter.table_grow_failed(wasmtime::format_err!("no room")).unwrap();
        limiter.table_grow_failed(wasmtime::format_err!("and told twice")).unwrap();
        assert_eq!((limiter.memory.used, limiter.entries.used), (60, 0));
        assert_eq!(limiter.refused(), Some(Limit::Memory), "the second time, nothing had been granted");
    }
}
