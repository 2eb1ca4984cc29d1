//! One event in a sandbox: what goes in, and what comes out.

use std::time::Duration;

use super::Remains;
use super::outcome::Outcome;
use super::time_budget::TimeBudget;
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
    /// Who called.
    pub caller: Caller,
    /// Whose event it is, and under which policy.
    pub route: &'a Route,
    /// Where its response goes if that is a stream.
    pub channel: Option<ResponseChannel>,
}

/// How much time an event has, and what counts it.
#[derive(Debug, Clone, Copy)]
pub struct Timing<'a> {
    /// How much wall time it has.
    pub budget: TimeBudget,
    /// What ends it when that is over.
    pub guard: &'a Guard,
    /// What counts its processor time.
    pub meter: &'a Meter,
}

/// What became of an event in its sandbox.
#[derive(Debug)]
pub struct Run {
    /// For the caller.
    pub outcome: Outcome,
    /// For the receipt.
    pub usage: Usage,
    /// To be dropped when there is time.
    pub remains: Remains,
}

/// What one event used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How long it took to make the sandbox, ahead of the event or not.
    pub setup: Duration,
    /// From then to the outcome.
    pub wall: Duration,
    /// The most memory that all of its memories and tables took together, in bytes.
    pub peak_memory: usize,
    /// What it printed, in bytes.
    pub logs: usize,
    /// Of its response as it was made, in bytes.
    pub streamed: usize,
    /// Its outbound requests.
    pub outbound: OutboundUsage,
    /// The limit that ended the event, or that it ran into and went on.
    pub limit: Option<Limit>,
}
