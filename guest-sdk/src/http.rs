//! HTTP services over the types of the [`http`](https://docs.rs/http) crate, which this module re-exports, with the bodies that a
//! sandbox has.
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
//! A component of such a handler imports and exports what WASI defines and nothing of ours, so it runs under `wasmtime serve`,
//! Spin and every other host of `wasi:http` too.
//!
//! See [`http_handler`](macro@crate::http_handler) for the forms of a handler, [`FromBody`] and [`IntoBody`] for what bodies may be.

mod body;
mod context;
mod guest;
mod head;

pub use ::http::*;
pub use body::{FromBody, IncomingBody, IntoBody, Json, OutgoingBody};
pub use context::RequestContext;
#[doc(hidden)]
pub use guest::{FromRequest, Incoming, IntoServed, Rejected, Served, request, serve, served};
