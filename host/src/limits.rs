//! The memory limiter: holds one sandbox to the memory that its [`crate::policy`] gives it.
//!
//! Time is the [`crate::watchdog`]'s business, log lines are the [`crate::console`]'s.

use wasmtime::ResourceLimiter;

/// Sums all memories and tables of a sandbox, and remembers that it refused to let them grow.
///
/// A guest sees only that an allocation failed, and panics or traps; without the memory of the refusal
/// that would be reported as the handler's own bug.
#[derive(Debug)]
pub struct MemoryLimiter {
    limit: usize,
    used: usize,
    granted: usize,
    refused: bool,
}

/// What an entry of a table takes, in bytes.
const TABLE_ENTRY: usize = size_of::<usize>();

impl MemoryLimiter {
    /// A limiter that lets a sandbox have `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0, granted: 0, refused: false }
    }

    /// Whether the sandbox ever wanted more than it may have.
    pub fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, bytes: usize, beyond_own_maximum: bool) -> bool {
        let wanted = self.used.saturating_add(bytes);
        if wanted > self.limit {
            self.refused = true;
            return false;
        }
        if beyond_own_maximum {
            return false;
        }
        self.granted = bytes;
        self.used = wanted;
        true
    }

    /// Takes back what was granted last, since the engine could not make use of it.
    fn take_back(&mut self) {
        self.used -= std::mem::take(&mut self.granted);
        self.refused = true;
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current), maximum.is_some_and(|maximum| desired > maximum)))
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
        let bytes = desired.saturating_sub(current).saturating_mul(TABLE_ENTRY);
        Ok(self.grow(bytes, maximum.is_some_and(|maximum| desired > maximum)))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_summed() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(!limiter.refused());
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert!(limiter.refused());
        assert_eq!(limiter.used, 100);
    }

    #[test]
    fn tables_count_with_memories() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.table_growing(0, 6, None).unwrap());
        assert!(limiter.table_growing(0, 5, None).unwrap());
        assert!(!limiter.table_growing(5, usize::MAX, None).unwrap());
    }

    #[test]
    fn a_guest_s_own_maximum_is_not_our_refusal() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(!limiter.memory_growing(0, 60, Some(50)).unwrap());
        assert!(!limiter.refused());
        assert!(limiter.memory_growing(0, 100, None).unwrap(), "nothing was charged for it");
    }

    #[test]
    fn what_the_engine_could_not_use_is_taken_back() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(60, 90, None).unwrap());
        limiter.memory_grow_failed(wasmtime::format_err!("no room")).unwrap();
        assert!(limiter.refused());
        assert!(limiter.memory_growing(60, 100, None).unwrap());
        limiter.memory_grow_failed(wasmtime::format_err!("no room")).unwrap();
        limiter.memory_grow_failed(wasmtime::format_err!("and told twice")).unwrap();
        assert_eq!(limiter.used, 60);
    }
}
