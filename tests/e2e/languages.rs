//! Handlers in other languages than Rust: the examples, and projects that `bulkhead new` makes. Each needs its language's tools.
//!
//! May use: project, stage.

mod examples;
mod new;
