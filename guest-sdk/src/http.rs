//! HTTP services with the types of the [`http`](https://docs.rs/http) crate, which this module re-exports,
//! and with bodies for sandboxes.
//!
//! ```
//! use bulkhead::http::{Request, Response, StatusCode};
//!
//! #[bulkhead::http_handler]
//! fn shout(request: Request<String>) -> Result<Response<String>, bulkhead::Error> {
//!     match request.uri().path() {
//!         "/shout" => Ok(Response::new(request.into_body().to_uppercase())),
//!         _ => Ok(Response::builder().status(StatusCode::NOT_FOUND).body(String::new())?),
//!     }
//! }
//!
//! let request = Request::post("https://example.com/shout").body("hello".to_owned()).unwrap();
//! assert_eq!(shout(request).unwrap().body(), "HELLO");
//! ```
//!
//! A component with such a handler imports and exports only WASI interfaces, so it also runs under `wasmtime
//! serve`, Spin and every other host of `wasi:http`.
//!
//! See [`http_handler`](macro@crate::http_handler) for the forms of a handler, and [`FromBody`] and
//! [`IntoBody`] for the types of bodies.
//!
//! # Services written for `lambda_http`
//!
//! The names of `lambda_http` are here as well: [`run`], [`service_fn`], [`Body`], [`IntoResponse`],
//! [`RequestExt`], and [`Request`] without a parameter. [`run`] also takes a router of axum, or any other
//! service of tower.
//!
//! ```no_run
//! use bulkhead::http::{Body, Error, Request, RequestExt, Response, run, service_fn};
//!
//! async fn hello(request: Request) -> Result<Response<Body>, Error> {
//!     let parameters = request.query_string_parameters();
//!     let name = parameters.first("name").unwrap_or("stranger");
//!     Ok(Response::builder().status(200).body(format!("hello {name}").into())?)
//! }
//!
//! #[bulkhead::http::main]
//! async fn main() -> Result<(), Error> {
//!     run(service_fn(hello)).await
//! }
//! ```

mod body;
mod context;
mod extensions;
mod guest;
mod head;
mod lambda_body;
mod program;
mod responses;

/// The `http` crate itself, as `lambda_http` has it.
pub use ::http;
pub use ::http::*;
pub use body::{FromBody, IncomingBody, IntoBody, Json, OutgoingBody};
pub use bulkhead_sdk_macros::http_main as main;
pub use context::RequestContext;
pub use extensions::{QueryMap, RequestExt, RequestPayloadExt};
pub use lambda_body::Body;
pub use program::run;
pub use responses::{IntoResponse, ResponseFuture};

#[cfg(feature = "tracing")]
pub use crate::tracing;
pub use crate::{Context, Diagnostic, Error, LambdaEvent, service_fn};

/// A request. Without a parameter, its body is a [`Body`].
pub type Request<B = Body> = ::http::Request<B>;

#[doc(hidden)]
pub use guest::{FromRequest, Incoming, IntoServed, Rejected, Served, request, serve, served};
#[doc(hidden)]
pub use program::invoke_http_main;
