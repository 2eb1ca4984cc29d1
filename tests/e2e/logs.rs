//! Everything that the bootstrap writes: the log as text and as JSON, receipts, and how text of guests is escaped in them.
//!
//! May use: project, stage, wat.

mod json;
mod printed;
mod receipts;
mod text;
