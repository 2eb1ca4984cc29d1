//! Guests of each kind, and of each way to make one: what goes into them, what comes out, and how they fail.
//!
//! What a guest may use is in `sandbox`; guests that attack are in `hostile`.
//!
//! May use: stage, wat.

mod asynchronous;
mod aws_sdk;
mod command;
mod http;
mod module;
mod payments;
mod ports;
pub(crate) mod precompiled;
mod preinit;
mod responses;
mod services;
mod trap;
mod typed_events;
