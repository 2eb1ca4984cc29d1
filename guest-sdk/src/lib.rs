//! Write AWS Lambda handlers that Bulkhead runs in a sandbox of their own, made for one event and thrown away after it.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Request {
//!     name: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Response {
//!     message: String,
//! }
//!
//! #[bulkhead::handler]
//! fn hello(request: Request) -> Response {
//!     Response { message: format!("Hello {}!", request.name) }
//! }
//! ```
//!
//! The package is called `bulkhead-sdk`, and its library `bulkhead`: a crate called `bulkhead` on crates.io is somebody else's.
//!
//! In a crate with `crate-type = ["cdylib"]`, `cargo build --release --target wasm32-wasip2` makes a component of it. For any
//! other target `hello` stays the plain function that it is, so that a unit test calls it like any other.
//!
//! # What a handler may look like
//!
//! See [`handler`](macro@handler) for every form. In short: `fn` or `async fn`; the event and the [`Context`] are both
//! optional; it returns nothing, a value, or a `Result`.
//!
//! # What the caller sees of an error
//!
//! `errorMessage` is the error's own text. `errorType` is for the author to choose: return a [`Diagnostic`], or write
//! `impl From<MyError> for Diagnostic`. Otherwise it is the bare name of the error's type, such as `OutOfStock`, and
//! `Error` where the type has been erased ([`Error`], `anyhow::Error`, strings). Causes go into `stackTrace`.
//!
//! # Events of AWS services
//!
//! Their types come with the feature `events`: every one of [`aws_lambda_events`](https://docs.rs/aws_lambda_events), as
//! `bulkhead::aws_lambda_events`. What a handler does not use is not in its component.
//!
//! ```
//! # #[cfg(feature = "events")] {
//! use bulkhead::aws_lambda_events::s3::S3Event;
//!
//! #[bulkhead::handler]
//! fn keys(event: S3Event) -> Vec<String> {
//!     event.records.into_iter().filter_map(|record| record.s3.object.key).collect()
//! }
//! # }
//! ```
//!
//! A feature such as `events-s3` compiles the types of one service only, and several can be combined. For a service that has
//! none of its own, take the feature `aws_lambda_events` and depend on that crate with the features that you want.
//!
//! # Coming from `lambda_runtime`
//!
//! The names are the same. Change the dependency, and the attribute of `main`:
//!
//! ```no_run
//! use bulkhead::{Error, LambdaEvent, run, service_fn};
//! use serde_json::{Value, json};
//!
//! #[bulkhead::main]
//! async fn main() -> Result<(), Error> {
//!     run(service_fn(handler)).await
//! }
//!
//! async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
//!     let (payload, context) = event.into_parts();
//!     Ok(json!({ "request": context.request_id, "payload": payload }))
//! }
//! ```
//!
//! Nothing survives from one event to the next, so what `main` does before `run` is done for each event.
//!
//! # Responses that are sent while they are made
//!
//! See [`streaming_handler`](macro@streaming_handler) and [`ResponseStream`].
//!
//! # HTTP services
//!
//! With the feature `http`, [`http_handler`](macro@http_handler) takes and gives the types of the `http` crate. What it makes runs under
//! `wasmtime serve` and other hosts of `wasi:http` too; see [`http`].
//!
//! # What takes long to build
//!
//! is best built once, ahead of all events. `bulkhead compile --preinit` calls the function with [`init`](macro@init) on it and keeps what
//! it leaves in memory; every sandbox starts with that.
//!
//! ```
//! use std::sync::LazyLock;
//!
//! static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| (2..5000).filter(|n| (2..*n).all(|d| n % d != 0)).collect());
//!
//! #[bulkhead::init]
//! fn init() {
//!     LazyLock::force(&PRIMES);
//! }
//!
//! #[bulkhead::handler]
//! fn nth_prime(n: usize) -> Option<u32> {
//!     PRIMES.get(n).copied()
//! }
//! ```
//!
//! Compiled without `--preinit`, the same handler builds the table in each sandbox, at its first use.

#![deny(missing_docs)]

// The macros, and the code that wit-bindgen generates, name this crate by its name, here too.
extern crate self as bulkhead;

// In the order in which one event passes through them.
#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod generated;

mod invocation;

mod event;
mod json;

mod client_context;
mod context;

mod executor;
mod program;

mod response;
mod response_stream;

mod diagnostic;
mod failure;

#[cfg(feature = "http")]
pub mod http;

#[cfg(feature = "aws_lambda_events")]
pub use aws_lambda_events;
#[cfg(feature = "http")]
pub use bulkhead_sdk_macros::http_handler;
pub use bulkhead_sdk_macros::{handler, init, main, streaming_handler};
pub use client_context::{ClientApplication, ClientContext, CognitoIdentity};
pub use context::{Config, Context, TraceContext};
pub use diagnostic::Diagnostic;
pub use event::{FromEvent, Raw};
pub use invocation::LambdaEvent;
pub use program::{ServiceFn, run, service_fn};
pub use response::IntoResponse;
pub use response_stream::{ResponseStream, Written};

/// Any error, for handlers that do not care which.
pub type Error = Box<dyn std::error::Error + Send + Sync + 'static>;
