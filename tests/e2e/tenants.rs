//! Many tenants in one function: what `bulkhead.toml` says of them, and whose handler gets an event.
//!
//! May use: stage.

mod example;
mod manifest;
mod routing;
