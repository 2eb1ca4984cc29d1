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
    fn the_last_word_counts_once() {
        assert_eq!(Phase::take(), None);
        Phase::Waiting.enter();
        Phase::Computing.enter();
        let elsewhere = std::thread::spawn(Phase::take).join().unwrap();
        assert_eq!((elsewhere, Phase::take(), Phase::take()), (None, Some(Phase::Computing), None));
    }
}
