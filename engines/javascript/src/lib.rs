//! The engine of scripts: QuickJS in a component that many handlers share. Each sandbox of it gets the script of one handler.
//!
//! This file owns the component's exports. What an event does is in `engine.rs`; all that the engine asks of its host is in
//! `platform.rs`, so that the rest is tested as a native program with a host that the tests make up.

// As a native program the engine exports nothing, and only its tests call it.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "the exports are those of a component"))]

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
mod quickjs;
mod script;
mod state;
#[cfg(test)]
mod tests;
mod turns;
mod url;
