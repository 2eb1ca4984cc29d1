//! The state that both ports share: the functions, and the status of their sources.
//!
//! May use: functions, status.

use crate::dev::functions::Functions;
use crate::dev::functions::request_ids::RequestIds;
use crate::dev::status::StatusFeed;

/// The state of this command; there is one.
#[derive(Debug)]
pub(super) struct AppState {
    pub(super) functions: Functions,
    pub(super) status: StatusFeed,
    pub(super) request_ids: RequestIds,
    /// Only this machine can reach the ports, so no request may call them by the name of another machine.
    pub(super) is_loopback: bool,
}
