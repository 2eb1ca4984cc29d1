//! What the loop that a thread polls is doing: it waits for an event, or its guest computes for long.
//!
//! The loop and its guest say so while they are polled, and the caller of the poll reads it afterwards. The task of a
//! loop is polled by one thread at a time, so this is a variable of the thread.

use std::cell::Cell;

/// What was said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The loop has no event.
    Waiting,
    /// The loop handles an event whose guest has used up a time slice.
    Computing,
}

thread_local! {
    static SAID: Cell<Option<Phase>> = const { Cell::new(None) };
    static IS_FOR_LONG_EVENTS: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread runs only loops whose events compute for long.
pub fn begin_long_events() {
    IS_FOR_LONG_EVENTS.set(true);
}

/// Whether this thread runs only loops whose events compute for long.
pub fn is_for_long_events() -> bool {
    IS_FOR_LONG_EVENTS.get()
}

impl Phase {
    /// Says what the loop does from now on.
    pub fn enter(self) {
        SAID.set(Some(self));
    }

    /// Returns what was said since the last call on this thread.
    pub fn take() -> Option<Self> {
        SAID.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_for_long_events_once_it_has_said_so() {
        let there = || {
            let before = is_for_long_events();
            begin_long_events();
            (before, is_for_long_events())
        };
        assert_eq!(std::thread::spawn(there).join().unwrap(), (false, true));
        assert!(!is_for_long_events());
    }

    #[test]
    fn the_last_word_counts_once() {
        assert_eq!(Phase::take(), None);
        Phase::Waiting.enter();
        Phase::Computing.enter();
        let elsewhere = std::thread::spawn(Phase::take).join().unwrap();
        assert_eq!((elsewhere, Phase::take(), Phase::take()), (None, Some(Phase::Computing), None));
    }
}
