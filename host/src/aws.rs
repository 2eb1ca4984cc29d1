//! Requests of the host's own to AWS: the [`credentials`] of the function's role, [signatures](sigv4), and a small HTTP
//! [`Client`].
//!
//! Everything here blocks: it runs on threads that may wait. A request has a time limit, and its reply a size limit. No
//! redirect is followed, because a signature and a token must not reach another server.
//!
//! May use: http1, tls, policy.

mod client;
mod clock;
pub mod credentials;
mod names;
mod partition;
pub mod sigv4;
mod stream;
mod wire;

pub use client::{Client, Reply, Request};
pub use clock::Clock;
#[cfg(test)]
pub(crate) use clock::tests::date;
pub use credentials::{Credentials, CredentialsError, Provider};
pub use partition::suffix_of;
pub use wire::ClientError;
