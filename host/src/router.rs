//! Which tenant an event belongs to, and so which handler gets it, under which policy.

mod pointer;

pub use pointer::{Pointer, PointerError};
