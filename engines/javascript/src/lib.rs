//! The engine of scripts: QuickJS in a component that many handlers share. Each sandbox of it gets the script of one handler.
//!
//! This file owns the component's exports. What an event does is in `engine.rs`; all that the engine asks of its host is in
//! `platform.rs`, so that the rest is tested as a native program with a host that the tests make up.

mod bindings;
mod clock;
mod engine;
mod event;
#[cfg(target_family = "wasm")]
mod exports;
mod failure;
mod json;
mod natives;
mod platform;
mod prelude;
mod script;
mod state;
#[cfg(test)]
mod tests;
mod turns;
mod url;
