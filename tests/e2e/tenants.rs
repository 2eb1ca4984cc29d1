//! Many tenants in one function: what `bulkhead.toml` says of them, and whose handler gets an event.
//!
//! May use: stage, store.

mod example;
mod from_bucket;
mod from_store;
mod manifest;
mod routing;
mod under_load;
