//! Guests of the end-to-end tests: one behaviour in each file of `src/bin`, nothing shared.
//!
//! Where a guest misbehaves it does so for every event but `"ping"`, which it answers with `"ping"`: so a test can see
//! whether the process that ran it still answers.
