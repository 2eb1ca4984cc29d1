//! The HTTP that both ports share: connections and their limits, bodies, the budget of bytes, and rejected
//! calls.
//!
//! May use: nothing.

pub(super) mod budget;
pub(super) mod listener;
pub(super) mod refusal;
pub(super) mod request;
pub(super) mod request_body;
pub(super) mod response;
