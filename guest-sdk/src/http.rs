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

mod body;
mod context;
mod guest;
mod head;

pub use ::http::*;
pub use body::{FromBody, IncomingBody, IntoBody, Json, OutgoingBody};
pub use context::RequestContext;
#[doc(hidden)]
pub use guest::{FromRequest, Incoming, IntoServed, Rejected, Served, request, serve, served};
