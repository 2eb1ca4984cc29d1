//! HTTP/1.1 as bytes, for the requests that the host itself sends: where a [server](Server) is, and how the heads of
//! its replies are read.
//!
//! Connections belong to [`crate::runtime_api`] and [`crate::aws`], which read in different ways. Requests of guests go
//! through hyper.
//!
//! May use: nothing.

mod headers;
pub(crate) mod reply;
mod server;
#[cfg(test)]
pub(crate) mod test_server;

pub use headers::Headers;
pub use reply::ReplyError;
pub use server::{Server, ServerError};
