//! Text that a guest, an event or a file controls: how far it is formatted, which of its characters may be
//! printed, and JSON objects that are parsed only as objects.
//!
//! May use: nothing.

pub mod bounded;
pub(crate) mod json;
pub mod printable;
