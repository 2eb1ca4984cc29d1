//! What a sandbox has and what it leaves behind: grants, limits, outbound HTTP, and nothing of an earlier event.
//!
//! May use: stage, wat.

mod budgets;
mod credentials;
mod defaults;
mod grants;
mod key_value;
mod leaks;
mod limits;
mod outbound;
mod reuse;
mod rotation;
