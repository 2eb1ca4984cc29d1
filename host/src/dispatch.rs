//! Handles one event, from its route to its outcome: in one sandbox or, for a batch of several tenants, in
//! several.
//!
//! A process has one [`Dispatcher`], and one [`LoopState`] for each loop that brings it events. The work
//! between events is in [`prewarm`].
//!
//! The room also owns the [`router`], the [`catalog`] of components, the tenants of a store ([`StoredTenants`]), the [`Scripts`] in
//! memory, the [`concurrency`] of each tenant, and the [`receipt`].
//!
//! May use: text, log, script, policy, engine, runtime_api, store, capabilities, sandbox.
//! May use in tests: aws, http1, tls, wasm.

pub mod catalog;
mod catch_panic;
pub mod concurrency;
#[cfg(all(test, feature = "compiler"))]
mod fixture;
mod idle_sandboxes;
mod lookup;
mod pending_receipt;
mod prewarm;
pub mod receipt;
mod rejection;
pub mod router;
mod scripts;
mod stored;

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::capabilities::response_stream::ResponseChannel;
use crate::engine::meter::Meter;
use crate::engine::watchdog::Watchdog;
use crate::log::{Failure, Level, Log};
use crate::policy::Route;
use crate::policy::manifest::Receipts;
use crate::runtime_api::Answer;
use crate::runtime_api::invocation::{Caller, ContextError, Invocation};
use crate::runtime_api::shutdown::Stop;
use crate::sandbox::component::Loaded;
use crate::sandbox::time_budget::TimeBudget;
use crate::sandbox::{Run, Sandboxes, Timing, Usage, Visit};
use catalog::Catalog;
use catch_panic::catch_panic;
use concurrency::Concurrency;
pub use idle_sandboxes::{Idle, IdleSandboxes};
use pending_receipt::{PendingReceipt, shared_out};
use prewarm::Prewarm;
use receipt::{About, REPLIED, Receipt};
use rejection::Rejection;
use router::{Part, RouteError, Routed, Router, batch_response};
pub use scripts::Scripts;
pub use stored::StoredTenants;

/// The time that an event in flight gets when the process is asked to stop; Lambda kills the process after
/// 500 ms (C11.12).
const GRACE: Duration = Duration::from_millis(300);

/// Everything that is needed to handle events, several at a time.
#[derive(Debug)]
pub struct Dispatcher {
    /// Finds the route of an event.
    pub router: Router,
    /// Limits the events of each tenant in flight.
    pub concurrency: Concurrency,
    /// The handlers.
    pub catalog: Catalog,
    /// The tenants of the store, if there is one.
    pub stored: Option<Arc<StoredTenants>>,
    /// The scripts of handlers and tenants.
    pub scripts: Arc<Scripts>,
    /// Makes the sandboxes.
    pub sandboxes: Sandboxes,
    /// Stops handlers that take too long.
    pub watchdog: Watchdog,
    /// The log for receipts and failures.
    pub log: Arc<Log>,
    /// The format of receipts.
    pub receipts: Receipts,
    /// Sandboxes that wait for an event.
    pub idle_sandboxes: IdleSandboxes,
}

/// The state that one event leaves for the next event of its loop, and for the loop itself.
#[derive(Debug)]
pub struct LoopState {
    /// Reports that the process has to stop.
    pub stop: Stop,
    /// Whether the process was asked to stop while an event was in flight.
    pub stopping: bool,
    /// Whether the host itself panicked.
    pub host_panicked: bool,
    /// Receipts of events that have ended and are not written yet.
    receipts: Vec<PendingReceipt>,
    prewarm: Prewarm,
}

/// An event, and all information about it.
#[derive(Debug)]
pub struct Arrival {
    /// The event.
    pub invocation: Invocation,
    /// The caller's data from its headers, or the reason why they are not valid.
    pub caller: Result<Caller, ContextError>,
    /// When the event arrived.
    pub at: Instant,
    /// The channel of a streamed response.
    pub channel: ResponseChannel,
    /// The meter of its processor time.
    pub meter: Meter,
}

/// An event, or a part of one, that is to be run in a sandbox.
struct PendingRun<'a> {
    invocation: &'a Invocation,
    caller: &'a Caller,
    route: Route,
    /// When the event arrived.
    at: Instant,
    /// The number of sandboxes that share the time that Lambda leaves.
    sharers: usize,
    /// The records of a part of a batch.
    records: Option<usize>,
    /// The channel of a streamed response. A part of a batch has none.
    channel: Option<ResponseChannel>,
    meter: &'a Meter,
}

/// A batch of several tenants, its parts, and when it arrived.
struct Batch<'a> {
    invocation: Invocation,
    caller: Caller,
    parts: Vec<(Result<Route, RouteError>, Part)>,
    at: Instant,
    meter: &'a Meter,
}

/// The end of an event, or of a part of one.
struct Finished<'a> {
    answer: Answer,
    usage: Usage,
    queue: Duration,
    records: Option<usize>,
    /// The route, if the event got that far.
    route: Option<&'a Route>,
    /// The component with its script, if the event got that far.
    loaded: Option<&'a Loaded>,
}

impl Finished<'_> {
    /// An event that reached no sandbox, and the time that it took.
    fn rejected(rejection: &Rejection, queue: Duration, records: Option<usize>) -> Self {
        let usage = Usage { limit: rejection.limit(), ..Usage::default() };
        Self { answer: Err(rejection.report()), usage, queue, records, route: None, loaded: None }
    }
}

impl LoopState {
    /// Records the processor time of a part of a batch, the last one with a receipt.
    fn charge(&mut self, spent: Duration) {
        if let Some(last) = self.receipts.last_mut() {
            last.own += spent;
        }
    }
}

impl Dispatcher {
    /// The state of a loop before its first event.
    pub fn loop_state(&self, stop: Stop) -> LoopState {
        LoopState {
            stop,
            stopping: false,
            host_panicked: false,
            receipts: Vec::new(),
            prewarm: Prewarm::of(self.router.likely()),
        }
    }

    /// Handles one event. Its log records are written before this returns (G10.8, G10.9), except for the
    /// receipts: see [`Self::write_receipts`].
    ///
    /// # Errors
    /// The report in place of a response.
    pub async fn handle(&self, arrival: Arrival, state: &mut LoopState) -> Answer {
        let Arrival { mut invocation, caller, at, channel, meter } = arrival;
        let rejected = |rejection| Finished::rejected(&rejection, at.elapsed(), None);
        let caller = match caller {
            Ok(caller) => caller,
            Err(error) => {
                return self.conclude(state, &invocation, rejected(Rejection::Context(error)));
            }
        };
        match self.routed(&invocation, state, &meter).await {
            Err(error) => {
                invocation.tenant_id = error.tenant_id().cloned().or(invocation.tenant_id);
                self.conclude(state, &invocation, rejected(Rejection::Route(error)))
            }
            Ok(Routed::Whole(route)) => {
                invocation.tenant_id.clone_from(&route.tenant_id);
                let pending = PendingRun {
                    invocation: &invocation,
                    caller: &caller,
                    route,
                    at,
                    sharers: 1,
                    records: None,
                    channel: Some(channel),
                    meter: &meter,
                };
                self.run(state, pending).await
            }
            Ok(Routed::Split(parts)) => {
                let batch = Batch { invocation, caller, parts, at, meter: &meter };
                Ok(self.run_parts(state, batch).await)
            }
        }
    }

    /// Runs each part of a batch in its own sandbox. If a part fails, only its own records fail.
    async fn run_parts(&self, state: &mut LoopState, batch: Batch<'_>) -> Vec<u8> {
        let Batch { mut invocation, caller, parts, at, meter } = batch;
        let mut failed = Vec::new();
        let count = parts.len();
        for (index, (route, part)) in parts.into_iter().enumerate() {
            let before = meter.spent();
            let records = Some(part.ids.len());
            invocation.event = part.event.clone();
            let answer = match route {
                // The rest of the batch is delivered again, to another process.
                _ if state.stopping => None,
                Err(error) => {
                    invocation.tenant_id = error.tenant_id().cloned();
                    let rejected = Finished::rejected(&Rejection::Route(error), at.elapsed(), records);
                    self.conclude(state, &invocation, rejected).ok()
                }
                Ok(route) => {
                    invocation.tenant_id.clone_from(&route.tenant_id);
                    let pending = PendingRun {
                        invocation: &invocation,
                        caller: &caller,
                        route,
                        at,
                        sharers: count - index,
                        records,
                        channel: None,
                        meter,
                    };
                    self.run(state, pending).await.ok()
                }
            };
            match answer.map(|response| part.failures(&response)) {
                Some(Ok(named)) => failed.extend(named),
                Some(Err(error)) => {
                    self.log.record(Level::Warn, &invocation.scope(), &error.to_string());
                    failed.extend(part.ids);
                }
                None => failed.extend(part.ids),
            }
            state.charge(meter.spent().saturating_sub(before));
        }
        batch_response(&failed)
    }

    async fn run(&self, state: &mut LoopState, pending: PendingRun<'_>) -> Answer {
        let PendingRun { invocation, caller, route, at, sharers, records, channel, meter } = pending;
        let _in_flight = match self.concurrency.start(&route) {
            Ok(in_flight) => in_flight,
            Err(error) => {
                let rejected = Finished::rejected(&Rejection::Concurrency(error), at.elapsed(), records);
                return self.conclude(state, invocation, Finished { route: Some(&route), ..rejected });
            }
        };
        let budget = TimeBudget::new(route.policy.limits.wall_time, invocation.deadline, sharers);
        let guard = self.watchdog.guard(budget.ends());
        let queue = at.elapsed();
        let (answer, usage, loaded) = match self.loaded_for(&route, budget, state, meter).await {
            Ok(loaded) => {
                let visit = Visit { invocation, caller, route: &route, channel };
                let timing = Timing { budget, guard: &guard, meter };
                let (answer, usage) = self.sandboxed(state, &loaded, visit, timing).await;
                (answer, usage, Some(loaded))
            }
            Err(rejection) => (Err(rejection.report()), Usage::default(), None),
        };
        let finished =
            Finished { answer, usage, queue, records, route: Some(&route), loaded: loaded.as_ref() };
        let answer = self.conclude(state, invocation, finished);
        state.prewarm.went(route, answer.is_ok());
        answer
    }

    /// Runs an event in an idle sandbox, if there is a suitable one, or in a new one.
    async fn sandboxed(
        &self,
        state: &mut LoopState,
        loaded: &Loaded,
        visit: Visit<'_>,
        timing: Timing<'_>,
    ) -> (Answer, Usage) {
        let Timing { guard, meter, .. } = timing;
        let channel = visit.channel.clone();
        let idle = self.idle_sandbox(loaded, visit.route, &mut state.prewarm);
        let run = async {
            let sandbox = match idle {
                Some(idle) => {
                    // The sandbox was made for this kind of event.
                    meter.add(idle.spent());
                    idle
                }
                None => self.make(loaded, visit.route, timing).await,
            };
            self.sandboxes.run(sandbox, visit, timing).await
        };
        // Pinned here, because a future that is passed on takes its space twice.
        let run = pin!(run);
        let mut run = pin!(catch_panic(run));
        let ended = tokio::select! {
            biased;
            ended = &mut run => ended,
            () = state.stop.requested() => {
                state.stopping = true;
                guard.bring_forward(Instant::now() + GRACE);
                run.await
            }
            () = cut(channel.as_ref()) => {
                guard.bring_forward(Instant::now());
                run.await
            }
        };
        match ended {
            Ok(Run { outcome, usage, remains }) => {
                self.leave(remains, &mut state.prewarm);
                // The result of a stopped guest does not matter.
                let is_cut = channel.as_ref().is_some_and(ResponseChannel::is_cut);
                (if is_cut { Err(Rejection::StreamClosed.report()) } else { outcome.into_answer() }, usage)
            }
            Err(message) => {
                state.host_panicked = true;
                (Err(Rejection::HostPanic { message }.report()), Usage::default())
            }
        }
    }

    /// Writes the receipts of finished events, with the meter's processor time. Call this after the answer is sent, so that no
    /// caller waits for it, and before the next event is requested if the environment may be frozen from then on.
    pub fn write_receipts(&self, state: &mut LoopState, meter: &Meter) {
        for receipt in shared_out(std::mem::take(&mut state.receipts), meter.spent()) {
            receipt.line(&self.receipts).into_iter().for_each(|line| self.log.record_receipt(line));
        }
    }

    /// Logs a failure, and creates the receipt.
    fn conclude(&self, state: &mut LoopState, invocation: &Invocation, finished: Finished<'_>) -> Answer {
        let Finished { answer, usage, queue, records, route, loaded } = finished;
        if let Err(report) = &answer {
            let failure = Failure {
                error_type: report.error_type(),
                error_message: report.message(),
                stack_trace: report.stack_trace(),
            };
            self.log.record_failure(&invocation.scope(), failure);
        }
        let about = About {
            request_id: &invocation.id.request_id,
            tenant: invocation.tenant_id.as_ref().map(|id| (id, self.knows(id, route))),
            handler: route.map(|route| &route.policy.handler),
            component: loaded.map(|loaded| &loaded.digest),
            script: loaded.and_then(|loaded| loaded.script.as_ref()).map(|script| &script.digest),
            is_stale: route.and_then(|route| route.record).is_some_and(|record| record.is_stale),
            outcome: match &answer {
                Ok(_) => Cow::Borrowed(REPLIED),
                Err(report) => Cow::Owned(report.header_type().to_owned()),
            },
            records,
            queue,
            bytes: (invocation.event.len(), answer.as_ref().map_or(0, Vec::len) + usage.streamed),
        };
        if self.receipts != Receipts::Off {
            let receipt = Receipt::new(about, &usage, SystemTime::now());
            state.receipts.push(PendingReceipt { receipt, own: Duration::ZERO });
        }
        answer
    }

    /// The work while there is no event, which can be cancelled at any time: an event that arrives does not wait for a
    /// sandbox that takes long to make, but gets a new one within its own time.
    pub fn idle<'a>(&'a self, state: &'a mut LoopState) -> (impl Future<Output = ()> + 'a, &'a mut Stop) {
        (self.prepare(&mut state.prewarm), &mut state.stop)
    }
}

/// Waits until the response of an event is no longer read.
async fn cut(channel: Option<&ResponseChannel>) {
    match channel {
        Some(channel) => channel.wait_cut().await,
        None => std::future::pending().await,
    }
}
