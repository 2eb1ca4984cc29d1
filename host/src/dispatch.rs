//! One event from its route to its outcome: in one sandbox, or, as a batch of several tenants, in several.
//!
//! Between events it takes the last sandbox apart and makes the next one, for whoever had the last event: the
//! guess is right where one tenant has many events in a row, and costs nobody time where it is wrong.

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use crate::allowance::Allowance;
use crate::catalog::Catalog;
use crate::component::Loaded;
use crate::invocation::{Caller, ContextError, Invocation};
use crate::log::{Failure, Log};
use crate::manifest::Receipts;
use crate::outcome::{ErrorReport, Outcome};
use crate::receipt::{About, REPLIED, Receipt};
use crate::router::{Part, Route, RouteError, Routed, Router, batch_response};
use crate::sandbox::{Remains, Run, Sandbox, Sandboxes, Usage};
use crate::shutdown::Stop;
use crate::watchdog::{Guard, Watchdog};

/// What an event in flight gets when the process is told to stop; Lambda kills it after 500 ms (C11.12).
const GRACE: Duration = Duration::from_millis(300);
/// The longest that a sandbox may take to be made ahead of its event. The next event may be another tenant's, and
/// would have to wait for this one's start functions.
const PREPARATION: Duration = Duration::from_millis(20);

/// Everything that it takes to handle an event.
#[derive(Debug)]
pub struct Dispatcher {
    /// Where an event goes.
    pub router: Router,
    /// What handles it.
    pub catalog: Catalog,
    /// Where.
    pub sandboxes: Sandboxes,
    /// What ends a handler that takes too long.
    pub watchdog: Watchdog,
    /// Where receipts and failures are written down.
    pub log: Arc<Log>,
    /// How receipts are written.
    pub receipts: Receipts,
    /// What tells the process to stop.
    pub stop: Stop,
    /// What one event leaves to the next, and to the loop.
    pub carry: Carry,
}

/// What one event leaves to the next, and to the loop.
#[derive(Debug, Default)]
pub struct Carry {
    /// Whether the process was told to stop while an event was in flight.
    pub stopping: bool,
    /// Whether the host itself panicked.
    pub host_panicked: bool,
    /// Of what has ended, but is not written down yet.
    receipts: Vec<Receipt>,
    remains: Option<Remains>,
    spare: Option<Sandbox>,
    /// Where the last event went, and the next one may go too.
    likely: Option<Route>,
    /// The handlers for which the last attempt to make a sandbox ahead of its event came to nothing. The next
    /// one waits for a reply of theirs, so that one that cannot even start costs nothing while there is no event.
    slow_starters: HashSet<usize>,
}

impl Carry {
    /// Before the first event, which most likely goes this way.
    pub fn new(likely: Option<Route>) -> Self {
        Self { likely, ..Self::default() }
    }
}

/// An event, and all that is known about it.
#[derive(Debug)]
pub struct Arrival {
    /// The event.
    pub invocation: Invocation,
    /// What its headers say of the caller, or why they cannot be understood.
    pub caller: Result<Caller, ContextError>,
    /// When it came.
    pub at: Instant,
}

/// The way of an event, or of a part of one, into its sandbox.
struct Passage {
    route: Route,
    /// When the event came.
    at: Instant,
    /// How many sandboxes have to share the time that Lambda leaves.
    sharers: usize,
    /// The records of a part of a batch.
    records: Option<usize>,
}

/// How an event ended, or a part of one.
struct Ending {
    outcome: Outcome,
    usage: Usage,
    queue: Duration,
    records: Option<usize>,
}

impl Dispatcher {
    /// Handles one event. What the log has about it is written before this returns (G10.8, G10.9), but for the
    /// receipts: see [`Self::write_receipts`].
    ///
    /// # Errors
    /// What to report in place of a response.
    pub async fn handle(&mut self, arrival: Arrival) -> Result<Vec<u8>, ErrorReport> {
        let Arrival { mut invocation, caller, at } = arrival;
        let nowhere =
            |outcome| Ending { outcome, usage: Usage::default(), queue: at.elapsed(), records: None };
        let caller = match caller {
            Ok(caller) => caller,
            Err(error) => return self.conclude(&invocation, None, nowhere(Outcome::ContextRejected(error))),
        };
        match self.router.route(&invocation) {
            Err(error) => self.conclude(&invocation, None, nowhere(Outcome::NotRouted(error))),
            Ok(Routed::Whole(route)) => {
                invocation.tenant_id.clone_from(&route.tenant_id);
                self.run(&invocation, caller, Passage { route, at, sharers: 1, records: None }).await
            }
            Ok(Routed::Split(parts)) => Ok(self.run_parts(invocation, &caller, parts, at).await),
        }
    }

    /// Runs each part of a batch in its own sandbox. A part that fails costs its own records.
    async fn run_parts(
        &mut self,
        mut invocation: Invocation,
        caller: &Caller,
        parts: Vec<(Result<Route, RouteError>, Part)>,
        at: Instant,
    ) -> Vec<u8> {
        let mut failed = Vec::new();
        let count = parts.len();
        for (index, (route, part)) in parts.into_iter().enumerate() {
            let records = Some(part.ids.len());
            invocation.event = part.event.clone();
            let answer = match route {
                // What is left of the batch comes again, to another process.
                _ if self.carry.stopping => None,
                Err(error) => {
                    invocation.tenant_id = None;
                    let (outcome, queue) = (Outcome::NotRouted(error), at.elapsed());
                    let ending = Ending { outcome, usage: Usage::default(), queue, records };
                    self.conclude(&invocation, None, ending).ok()
                }
                Ok(route) => {
                    invocation.tenant_id.clone_from(&route.tenant_id);
                    let passage = Passage { route, at, sharers: count - index, records };
                    self.run(&invocation, caller.clone(), passage).await.ok()
                }
            };
            match answer {
                Some(response) => failed.extend(part.failures(&response)),
                None => failed.extend(part.ids),
            }
        }
        batch_response(&failed)
    }

    async fn run(
        &mut self,
        invocation: &Invocation,
        caller: Caller,
        passage: Passage,
    ) -> Result<Vec<u8>, ErrorReport> {
        let Passage { route, at, sharers, records } = passage;
        let allowance = Allowance::new(route.policy.limits.wall_time, invocation.deadline, sharers);
        let guard = self.watchdog.guard(allowance.ends());
        let queue = at.elapsed();
        let (outcome, usage, digest) = match self.catalog.get(route.handler).cloned() {
            Ok(loaded) => {
                let work = (invocation, caller, &route);
                let (outcome, usage) = self.sandboxed(&loaded, work, allowance, &guard).await;
                (outcome, usage, loaded.digest)
            }
            Err(error) => {
                let outcome = Outcome::HandlerInvalid { message: error.to_string() };
                (outcome, Usage::default(), "".into())
            }
        };
        if matches!(outcome, Outcome::Replied(_)) {
            self.carry.slow_starters.remove(&route.handler);
        }
        let ending = Ending { outcome, usage, queue, records };
        let answer = self.conclude(invocation, Some((&route, &digest)), ending);
        self.carry.likely = Some(route);
        answer
    }

    /// Runs an event in the spare sandbox, if that was made for its like, or in one made now.
    async fn sandboxed(
        &mut self,
        loaded: &Loaded,
        (invocation, caller, route): (&Invocation, Caller, &Route),
        allowance: Allowance,
        guard: &Guard,
    ) -> (Outcome, Usage) {
        let spare = self.carry.spare.take_if(|spare| spare.fits(route));
        if spare.is_none() {
            // There is room for two at a time, and the spare may be somebody else's.
            drop(self.carry.remains.take());
        }
        let run = async {
            let sandbox = match spare {
                Some(spare) => spare,
                None => self.sandboxes.make(loaded, route, guard).await,
            };
            self.sandboxes.run(sandbox, (invocation, caller), allowance, guard).await
        };
        let mut run = pin!(caught(run));
        let ended = tokio::select! {
            biased;
            ended = &mut run => ended,
            () = self.stop.requested() => {
                self.carry.stopping = true;
                guard.bring_forward(Instant::now() + GRACE);
                run.await
            }
        };
        match ended {
            Ok(Run { outcome, usage, remains }) => {
                self.carry.remains = Some(remains);
                (outcome, usage)
            }
            Err(message) => {
                self.carry.host_panicked = true;
                (Outcome::HostPanicked { message }, Usage::default())
            }
        }
    }

    /// Writes the receipts of what has ended. To be called when the answer is posted, so that nobody waits for it, and
    /// before the next event is asked for, since an environment may be frozen from then on.
    pub fn write_receipts(&mut self) {
        for receipt in self.carry.receipts.drain(..) {
            if let Some(line) = receipt.line(&self.receipts) {
                self.log.record_receipt(&line);
            }
        }
    }

    /// Writes down a failure, and makes out the receipt.
    fn conclude(
        &mut self,
        invocation: &Invocation,
        handler: Option<(&Route, &str)>,
        ending: Ending,
    ) -> Result<Vec<u8>, ErrorReport> {
        let Ending { outcome, usage, queue, records } = ending;
        let answer = outcome.into_answer();
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
            tenant_id: invocation.tenant_id.as_deref(),
            handler: handler.map(|(route, digest)| (route.policy.handler.as_str(), digest)),
            outcome: answer.as_ref().map_or_else(ErrorReport::header_type, |_| REPLIED),
            records,
            queue,
            bytes: (invocation.event.len(), answer.as_ref().map_or(0, Vec::len)),
        };
        if self.receipts != Receipts::Off {
            let receipt = Receipt::new(about, &usage, SystemTime::now());
            self.carry.receipts.push(receipt);
        }
        answer
    }

    /// What to do while there is no event, and what may end that. The first may be dropped at any time: an event
    /// that comes does not wait for a sandbox that takes long to make, as one whose start never ends does; it
    /// gets one of its own, within its own time.
    pub fn idle(&mut self) -> (impl Future<Output = ()> + '_, &mut Stop) {
        let Self { catalog, sandboxes, watchdog, carry, stop, .. } = self;
        (prepare(catalog, sandboxes, watchdog, carry), stop)
    }
}

/// Takes the last sandbox apart, and makes the next one.
async fn prepare(catalog: &Catalog, sandboxes: &Sandboxes, watchdog: &Watchdog, carry: &mut Carry) {
    // The request for the next event goes out first.
    tokio::task::yield_now().await;
    drop(carry.remains.take());
    let Some(route) = &carry.likely else { return };
    let is_there = carry.spare.as_ref().is_some_and(|spare| spare.fits(route));
    if is_there || carry.slow_starters.contains(&route.handler) {
        return;
    }
    carry.spare = None;
    let Ok(loaded) = catalog.get(route.handler) else { return };
    carry.slow_starters.insert(route.handler);
    let guard = watchdog.guard(Instant::now() + PREPARATION);
    let sandbox = sandboxes.make(loaded, route, &guard).await;
    if sandbox.is_ready() {
        carry.slow_starters.remove(&route.handler);
        carry.spare = Some(sandbox);
    }
}

/// Runs an event so that a panic of the host ends that event with a report, and not without one.
///
/// # Errors
/// What the host said when it panicked.
async fn caught<T>(run: impl Future<Output = T>) -> Result<T, String> {
    let mut run = pin!(run);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".to_owned());
            Poll::Ready(Err(message))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_told() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        assert_eq!(caught::<()>(async { panic!("a text") }).await, Err("a text".to_owned()));
        let made = std::hint::black_box(1);
        assert_eq!(caught::<()>(async { panic!("made of {made}") }).await, Err("made of 1".to_owned()));
        let odd = caught::<()>(async { std::panic::panic_any(7) }).await;
        assert_eq!(odd, Err("without a message".to_owned()));
    }
}
