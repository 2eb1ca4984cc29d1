//! The test harness: a Runtime API server that can misbehave, and the real `bootstrap` as a child process.
//!
//! The same two parts drive the end-to-end tests, `cargo xtask demo` and the benchmarks. Read
//! [`runtime_api`] first; a test is a [`TaskRoot`] with guests in it, a [`RuntimeApi`], a [`Bootstrap`], and
//! the events that are sent.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test harness stops at the first unexpected result"
)]

pub mod artifacts;
pub mod aws;
pub mod bootstrap;
pub mod chromedriver;
pub mod counts;
pub mod dev;
mod http;
pub mod moto;
pub mod origin;
pub mod raw_api;
pub mod rie;
pub mod runtime_api;
pub mod task_root;
pub mod terminal;

pub use aws::{Aws, Refusal};
pub use bootstrap::{Bootstrap, Running};

pub use chromedriver::Chromedriver;
pub use counts::Counts;
pub use dev::{Dev, HttpAnswer};
pub use moto::Moto;
pub use raw_api::RawApi;
pub use rie::Rie;
pub use runtime_api::{Answer, Delivery, Event, Kind, QueuedEvent, Reply, RuntimeApi, SeenRequest};
pub use task_root::TaskRoot;
pub use terminal::Terminal;
