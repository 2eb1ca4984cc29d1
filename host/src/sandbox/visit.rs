//! One event in a sandbox: its input and its result.

use std::time::Duration;

use super::Remains;
use super::outcome::Outcome;
use super::time_budget::TimeBudget;
use crate::capabilities::key_value::KeyValueUsage;
use crate::capabilities::outbound::OutboundUsage;
use crate::capabilities::response_stream::ResponseChannel;
use crate::engine::meter::Meter;
use crate::engine::watchdog::Guard;
use crate::policy::{Limit, Route};
use crate::runtime_api::invocation::{Caller, Invocation};

/// An event on its way into a sandbox.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The event.
    pub invocation: &'a Invocation,
    /// The data about the caller.
    pub caller: &'a Caller,
    /// The tenant and the policy of the event.
    pub route: &'a Route,
    /// The channel of a streamed response.
    pub channel: Option<ResponseChannel>,
}

/// The time that an event has, and the clocks that measure it.
#[derive(Debug, Clone, Copy)]
pub struct Timing<'a> {
    /// The limit of wall time.
    pub budget: TimeBudget,
    /// Ends the event when that time is over.
    pub guard: &'a Guard,
    /// Measures its processor time.
    pub meter: &'a Meter,
}

/// The result of an event in its sandbox.
#[derive(Debug)]
pub struct Run {
    /// For the caller.
    pub outcome: Outcome,
    /// For the receipt.
    pub usage: Usage,
    /// The rest, to be dropped when there is time.
    pub remains: Remains,
}

/// The resources that one event used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The time to make the sandbox, in advance or not.
    pub setup: Duration,
    /// The time from then to the outcome.
    pub wall: Duration,
    /// The peak of all of its memories and tables together, in bytes.
    pub peak_memory: usize,
    /// Its output, in bytes.
    pub logs: usize,
    /// Its streamed response, in bytes.
    pub streamed: usize,
    /// Its outbound requests.
    pub outbound: OutboundUsage,
    /// Its operations on key-value stores.
    pub key_value: KeyValueUsage,
    /// The limit that ended the event, or that it reached and continued.
    pub limit: Option<Limit>,
}
