//! End to end: the real `bootstrap` as a process, against a Runtime API server of our own and against Lambda's emulator.
//!
//! One test binary, so that it links once and all tests share the processors. Each test has its own task root, server
//! and process; they share nothing. `R4.3` and the like are rules of the Runtime API, which `docs/runtime-api.md` lists.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise, also in its helpers"
)]

mod project;
mod sbom;
mod stage;
mod store;
mod unzip;
mod wat;

mod book;
mod cli;
mod deploy;
mod guests;
mod hostile;
mod languages;
mod logs;
mod page;
mod release;
mod repository;
mod runtime_api;
mod sandbox;
mod scripts;
mod tenants;
