//! Write AWS Lambda handlers that Bulkhead runs in a sandbox. Each sandbox is made for one event, and
//! discarded after it.
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
//!
//! // For a unit test it is a function like any other.
//! assert_eq!(hello(Request { name: "world".into() }).message, "Hello world!");
//! ```
//!
//! The package is called `bulkhead-sdk`, and its library `bulkhead`: the name `bulkhead` on crates.io belongs
//! to another project.
//!
//! In a crate with `crate-type = ["cdylib"]`, `cargo build --release --target wasm32-wasip2` compiles it to a
//! component. On other targets `hello` stays a plain function, which you can call in a unit test.
//!
//! All of a component's stack is reset for each event. `bulkhead build` links a stack of 128 KiB; for `cargo build`,
//! put `rustflags = ["-Clink-arg=-zstack-size=131072"]` under `[target.wasm32-wasip2]` in `.cargo/config.toml`.
//!
//! # Forms of a handler
//!
//! A handler is an `fn` or an `async fn`. The event and the [`Context`] are both optional. The function
//! returns nothing, a value, or a `Result`. [`handler`](macro@handler) lists every form.
//!
//! # Errors as the caller sees them
//!
//! `errorMessage` is the error's own text. You can choose the `errorType`: return a [`Diagnostic`], or write
//! `impl From<MyError> for Diagnostic`. Otherwise it is the bare name of the error's type, such as
//! `OutOfStock`, or `Error` if the type is erased ([`Error`], `anyhow::Error`, strings). The causes go into
//! `stackTrace`.
//!
//! # Events of AWS services
//!
//! The feature `events` provides the types of all AWS services: those of
//! [`aws_lambda_events`](https://docs.rs/aws_lambda_events), as `bulkhead::aws_lambda_events`. Types that a
//! handler does not use add nothing to its component.
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
//! A feature such as `events-s3` compiles the types of one service only; you can combine several. For a
//! service without such a feature, use the feature `aws_lambda_events` and depend on that crate with the
//! features that you need.
//!
//! # Migrating from `lambda_runtime`
//!
//! The names are the same as in `lambda_runtime`: [`run`], [`service_fn`], [`LambdaEvent`], [`Error`],
//! [`Diagnostic`], and with features `tracing` and `streaming`. Those of `lambda_http` are in the module `http`.
//! You change the dependency, the crate's name in `use` lines, and the attribute of `main`:
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
//! Each event gets a new sandbox, so the code in `main` before `run` is executed for each event.
//!
//! # Streamed responses
//!
//! A [`streaming_handler`](macro@streaming_handler) writes its response to a [`ResponseStream`], and the
//! caller gets each piece as it is written.
//!
//! # HTTP services
//!
//! With the feature `http`, [`http_handler`](macro@http_handler) takes and returns the types of the `http`
//! crate. Such a component also runs under `wasmtime serve` and other hosts of `wasi:http`; see [`http`].
//!
//! # Work at compile time
//!
//! Values that take long to compute can be computed once, at compile time. `bulkhead compile --preinit` calls
//! the function with the attribute [`init`](macro@init) and keeps the memory that it leaves; every sandbox
//! starts with that memory.
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
//! Without `--preinit`, the same handler builds the table in each sandbox, when it is first used.
//!
//! # Waiting for something
//!
//! An `async` handler can await HTTP requests with the feature `client`, the AWS SDK with the feature `aws`, and
//! Tokio's timers and tasks with the feature `tokio`; all of them together, and several at a time.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `anyhow` | `From<anyhow::Error> for Diagnostic`, for ports whose handler returns `anyhow::Error` through [`run`] |
//! | `aws` | `bulkhead::aws`: an HTTP client and a timer for the AWS SDK. It needs the Rust that the AWS SDK needs |
//! | `client` | `bulkhead::client`: an HTTP client |
//! | `config` | `bulkhead::config`: texts that `bulkhead.toml` has for the handler or the tenant |
//! | `events` | [`aws_lambda_events`](https://docs.rs/aws_lambda_events) with the types of all events |
//! | `events-alb`, `events-apigw`, `events-dynamodb`, `events-eventbridge`, `events-function-urls`, `events-kinesis`, `events-s3`, `events-sns`, `events-sqs` | the types of these services only |
//! | `aws_lambda_events` | that crate, with the features that you choose by a dependency of your own |
//! | `http` | `bulkhead::http` and `http_handler`, and the names of `lambda_http` |
//! | `key-value` | `bulkhead::key_value`: values that outlive the sandbox, in a store that `bulkhead.toml` grants |
//! | `streaming` | `bulkhead::streaming`, with the names of `lambda_runtime::streaming`. Tasks need the feature `tokio` of the SDK |
//! | `tokio` | handlers run on Tokio: its timers and tasks work |
//! | `tower` | [`run`] takes services of tower |
//! | `tracing` | `bulkhead::tracing`: records with levels and fields |
//!
//! # Minimum supported Rust version
//!
//! Handlers compile with Rust 1.88 and later, except with the feature `aws`, which needs the Rust of the AWS
//! SDK. A newer minimum comes with a new minor version of this crate.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

// The macros and the code generated by wit-bindgen refer to this crate by its name, here too.
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
mod service;

mod response;
mod response_stream;

mod diagnostic;
mod failure;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "key-value")]
pub mod key_value;
#[cfg(feature = "streaming")]
pub mod streaming;
#[cfg(feature = "tracing")]
pub mod tracing;

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
pub use program::run;
pub use response::IntoResponse;
pub use response_stream::{ResponseStream, Written};
pub use service::{EventService, ServiceFn, service_fn};

/// Any error, for handlers whose callers do not tell errors apart.
///
/// ```
/// use bulkhead::Error;
///
/// #[bulkhead::handler]
/// fn double(number: String) -> Result<u32, Error> {
///     Ok(number.parse::<u32>()? * 2)
/// }
///
/// assert_eq!(double("21".into()).unwrap(), 42);
/// assert_eq!(double("many".into()).unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub type Error = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The examples of the README are tested, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
