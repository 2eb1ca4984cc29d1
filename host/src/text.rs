//! Text that a guest, an event or a file has a hand in: how far it is formatted, which of its characters may be printed, and
//! JSON objects that are read as objects only.
//!
//! May use: nothing.

pub mod bounded;
pub(crate) mod json;
pub mod printable;
