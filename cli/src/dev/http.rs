//! What both ports share of HTTP: connections and their bounds, bodies, the budget of bytes, and calls that are refused.
//!
//! May use: nothing.

pub(super) mod budget;
pub(super) mod listener;
pub(super) mod refusal;
pub(super) mod request;
pub(super) mod request_body;
pub(super) mod response;
