//! What it costs to reset the memories of a sandbox for the next event.

use serde::{Deserialize, Serialize};

use crate::engine::{MEMORY_KEPT, MEMORY_KEPT_OF_SEVERAL_EVENTS};

/// The initial memory of a component, and the part of it that is reset in place for each event, in bytes. The
/// rest is returned to the operating system, and the next event has a page fault for each page that it uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reset {
    /// The initial size of all memories.
    pub initial_memory: u64,
    /// The part that is reset in place if events come one at a time, and the function has no other component.
    pub in_place: u64,
    /// The part that is reset in place if several events are handled at a time.
    pub in_place_of_several: u64,
    /// The part of the initial memory that is a stack for local variables. `None` if there is none at the
    /// beginning of a memory, where it can be recognised.
    pub stack: Option<u64>,
}

impl Reset {
    /// Adds a memory of this initial size.
    pub fn add_memory(&mut self, initial: u64) {
        let kept = |most: usize| initial.min(u64::try_from(most).unwrap_or(u64::MAX));
        self.initial_memory = self.initial_memory.saturating_add(initial);
        self.in_place = self.in_place.saturating_add(kept(MEMORY_KEPT));
        self.in_place_of_several =
            self.in_place_of_several.saturating_add(kept(MEMORY_KEPT_OF_SEVERAL_EVENTS));
    }

    /// Adds a stack, which is part of a memory.
    pub fn add_stack(&mut self, size: u64) {
        self.stack = Some(self.stack.unwrap_or(0).saturating_add(size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_memory_a_part_is_reset_in_place() {
        let mut reset = Reset::default();
        reset.add_memory(20 << 20);
        reset.add_memory(64 << 10);
        reset.add_stack(1 << 20);
        assert_eq!(reset.initial_memory, (20 << 20) + (64 << 10));
        assert_eq!(reset.in_place, (16 << 20) + (64 << 10));
        assert_eq!(reset.in_place_of_several, (256 << 10) + (64 << 10));
        assert_eq!(reset.stack, Some(1 << 20));
    }
}
