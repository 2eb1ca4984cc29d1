//! Bulkhead's host: what Lambda starts.
//!
//! It asks the Lambda Runtime API for events and answers each from a component in a sandbox that is made
//! for that one event. The modules are listed in the order in which an event meets them; start with
//! [`event_loop`].

pub mod config;
pub mod event_loop;
pub mod runtime_api;

pub mod dispatch;
pub mod http_event;

pub mod capabilities;
pub mod sandbox;

pub mod policy;

pub mod engine;
#[cfg(feature = "compiler")]
pub mod preinit;

pub mod log;

pub mod text;
pub mod wasm;
