//! One event in a sandbox: its input and its result.

use std::time::Duration;

use super::outcome::Outcome;
use super::time_budget::TimeBudget;
use super::{Remains, Sandbox, Sandboxes};
use crate::capabilities::State;
use crate::capabilities::files::Tmp;
use crate::capabilities::key_value::KeyValueUsage;
use crate::capabilities::outbound::OutboundUsage;
use crate::capabilities::response_stream::ResponseChannel;
use crate::engine::meter::Meter;
use crate::engine::watchdog::Guard;
use crate::log::Level;
use crate::policy::{Limit, Policy, Route};
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

impl Sandboxes {
    /// The resources of a sandbox except for time, with a limit that it reached and continued.
    pub(super) fn used(&self, sandbox: &Sandbox, invocation: &Invocation) -> Usage {
        let Sandbox { policy, store, console, .. } = sandbox;
        let State { limiter, outbound, key_value, files, .. } = store.data();
        let (logs, truncated) = console.printed();
        let (outbound, key_value) = (outbound.usage(), key_value.usage());
        let tmp_is_full = files.tmp().is_some_and(Tmp::hit_limit);
        if tmp_is_full {
            self.log.record(Level::Warn, &invocation.scope(), &tmp_is_too_small(policy));
        }
        let ran_into = [
            limiter.refused(),
            outbound.limit,
            key_value.limit,
            tmp_is_full.then_some(Limit::Tmp),
            truncated.then_some(Limit::Logs),
        ];
        let limit = ran_into.into_iter().flatten().next();
        Usage { peak_memory: limiter.peak(), logs, outbound, key_value, limit, ..Usage::default() }
    }
}

/// Most languages report an I/O error, which is not specific.
fn tmp_is_too_small(policy: &Policy) -> String {
    format!(
        "the handler filled its /tmp of {} bytes; to allow more, raise `tmp` in [{}] of {}",
        policy.grants.tmp,
        policy.table,
        crate::policy::manifest::FILE
    )
}
