//! What both ports answer from: the functions, and the status of their sources.
//!
//! May use: functions, status.

use crate::dev::functions::Functions;
use crate::dev::functions::request_ids::RequestIds;
use crate::dev::status::StatusFeed;

/// One for the whole command.
#[derive(Debug)]
pub(super) struct AppState {
    pub(super) functions: Functions,
    pub(super) status: StatusFeed,
    pub(super) request_ids: RequestIds,
    /// The ports can be reached from this machine alone, and so by names of this machine alone.
    pub(super) is_loopback: bool,
}
