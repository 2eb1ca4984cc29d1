//! The loop: ask for an event, run it in its sandbox, post what became of it. Start reading here.
//!
//! Making a sandbox and taking one apart both happen while the call for the next event is pending, so that
//! no event waits for them. The loop ends when it is told to, or when the Runtime API cannot be used any
//! more; nothing that an event or a handler does ends it.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use crate::invocation::{Caller, ContextError, Deadline, Invocation, NoRequestId};
use crate::log::{Failure, Level, Log, Scope};
use crate::outcome::Outcome;
use crate::runtime_api::{ApiError, InvocationId, NextEvent, Posted, RuntimeApi};
use crate::sandbox::{Allowance, Remains, Sandbox, Sandboxes};
use crate::shutdown::Stop;
use crate::watchdog::Watchdog;

/// What an event in flight gets when the process is told to stop; Lambda kills it after 500 ms (C11.12).
const GRACE: Duration = Duration::from_millis(300);

/// The process must end, and be replaced by a new one.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The Runtime API is gone, or in a state that only a new process can leave.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// An event that cannot be answered.
    #[error(transparent)]
    NoRequestId(#[from] NoRequestId),
    /// An event whose answer is refused comes again and again (R2.7).
    #[error("event {request_id} was delivered again although its answer was refused twice; giving up")]
    Redelivered {
        /// The event.
        request_id: String,
    },
    /// A bug of ours. The event was told.
    #[error("Bulkhead panicked while it handled an event; the log says where")]
    HostPanic,
}

/// Everything that the loop works with.
#[derive(Debug)]
pub struct EventLoop {
    /// Where events come from and answers go to.
    pub api: RuntimeApi,
    /// Where events are handled.
    pub sandboxes: Sandboxes,
    /// What ends a handler that takes too long.
    pub watchdog: Watchdog,
    /// Where failures are written down.
    pub log: Arc<Log>,
    /// What tells the process to stop.
    pub stop: Stop,
}

/// What one event leaves to the next.
#[derive(Debug, Default)]
struct Carry {
    remains: Option<Remains>,
    spare: Option<Sandbox>,
    /// Whether the last attempt to make a sandbox ahead of its event came to nothing. The next one waits for
    /// a handler that replies, so that one that cannot even start costs nothing while there is no event.
    slow_start: bool,
    /// The last event, if its answer was refused.
    refused: Option<InvocationId>,
    /// The last complaint about a deadline; an emulator that sends odd ones does so every time.
    odd_deadline: Option<&'static str>,
}

impl EventLoop {
    /// Handles events until told to stop.
    ///
    /// # Errors
    /// When the process must be replaced.
    pub async fn run(mut self) -> Result<(), LoopError> {
        let mut carry = Carry::default();
        loop {
            let waiting = wait(&mut self.api, &self.sandboxes, &self.watchdog, &mut carry);
            // An event that is there is handled, whatever else is.
            let next = tokio::select! {
                biased;
                next = waiting => next?,
                () = self.stop.requested() => return Ok(()),
            };
            let (invocation, caller) = Invocation::parse(next, SystemTime::now())?;
            if self.handle(&invocation, caller, &mut carry).await? {
                return Ok(());
            }
        }
    }

    /// Handles one event. Whether to stop after it.
    async fn handle(
        &mut self,
        invocation: &Invocation,
        caller: Result<Caller, ContextError>,
        carry: &mut Carry,
    ) -> Result<bool, LoopError> {
        let scope = invocation.scope();
        self.check_deadline(invocation.deadline, &scope, carry);
        let allowance = Allowance::new(self.sandboxes.limits().wall_time, invocation.deadline);
        let guard = self.watchdog.guard(allowance.ends());
        let mut stopping = false;
        let outcome = match caller {
            Err(error) => Outcome::ContextRejected(error),
            Ok(caller) => {
                let spare = carry.spare.take();
                let run = self.sandboxes.run(spare, (invocation, caller), allowance, &guard);
                let mut run = pin!(caught(run));
                let (outcome, remains) = tokio::select! {
                    biased;
                    ended = &mut run => ended,
                    () = self.stop.requested() => {
                        stopping = true;
                        guard.bring_forward(Instant::now() + GRACE);
                        run.await
                    }
                };
                carry.remains = remains;
                outcome
            }
        };
        drop(guard);
        if matches!(outcome, Outcome::Replied(_)) {
            carry.slow_start = false;
        }
        let host_panicked = matches!(outcome, Outcome::HostPanicked { .. });
        let posted = self.answer(&invocation.id, &scope, outcome).await?;
        self.check_posted(&invocation.id, posted, &scope, carry)?;
        if host_panicked { Err(LoopError::HostPanic) } else { Ok(stopping) }
    }

    /// Posts the outcome; a failure is logged first (G10.8, G10.9).
    async fn answer(
        &mut self,
        id: &InvocationId,
        scope: &Scope,
        outcome: Outcome,
    ) -> Result<Posted, ApiError> {
        match outcome.into_answer() {
            Ok(response) => self.api.respond(id, response.into()).await,
            Err(report) => {
                let failure = Failure {
                    error_type: report.error_type(),
                    error_message: report.message(),
                    stack_trace: report.stack_trace(),
                };
                self.log.record_failure(scope, failure);
                self.api.report_error(id, &report).await
            }
        }
    }

    fn check_deadline(&self, deadline: Deadline, scope: &Scope, carry: &mut Carry) {
        let Deadline::Unknown { reason } = deadline else {
            return;
        };
        if carry.odd_deadline.replace(reason) != Some(reason) {
            let text = format!(
                "Lambda-Runtime-Deadline-Ms is {reason}, so only the handler's own limit of wall time holds \
                 (said once)"
            );
            self.log.record(Level::Warn, scope, &text);
        }
    }

    /// An answer that is refused is no reason to stop, unless its event comes again for ever (R2.7, R3.2).
    fn check_posted(
        &self,
        id: &InvocationId,
        posted: Posted,
        scope: &Scope,
        carry: &mut Carry,
    ) -> Result<(), LoopError> {
        let Posted::Refused { status, reason } = posted else {
            carry.refused = None;
            return Ok(());
        };
        let text = format!("the Runtime API refused the answer: {status}: {reason}");
        self.log.record(Level::Warn, scope, &text);
        match carry.refused.replace(id.clone()) {
            Some(before) if before == *id => {
                Err(LoopError::Redelivered { request_id: id.request_id.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Asks for the next event; while the call is pending, takes the last sandbox apart and makes a new one.
///
/// An event that comes does not wait for a sandbox that takes long to make, as one whose start never ends
/// does; it gets one of its own, within its own time.
async fn wait(
    api: &mut RuntimeApi,
    sandboxes: &Sandboxes,
    watchdog: &Watchdog,
    carry: &mut Carry,
) -> Result<NextEvent, ApiError> {
    let Carry { remains, spare, slow_start, .. } = carry;
    let mut prepare = pin!(async {
        // The request goes out first.
        tokio::task::yield_now().await;
        drop(remains.take());
        if spare.is_none() && !*slow_start {
            *slow_start = true;
            let guard = watchdog.guard(Instant::now() + sandboxes.limits().wall_time);
            *spare = sandboxes.prepare(&guard).await;
            *slow_start = spare.is_none();
        }
    });
    let mut next = pin!(api.next());
    tokio::select! {
        biased;
        next = &mut next => next,
        () = &mut prepare => next.await,
    }
}

/// Runs an event so that a panic of the host ends that event with a report, and not without one.
async fn caught<F>(run: F) -> (Outcome, Option<Remains>)
where
    F: Future<Output = (Outcome, Remains)>,
{
    let mut run = pin!(run);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
        Ok(poll) => poll.map(|(outcome, remains)| (outcome, Some(remains))),
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".to_owned());
            Poll::Ready((Outcome::HostPanicked { message }, None))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_becomes_an_outcome() {
        let (outcome, remains) = caught(async { panic!("a text") }).await;
        assert!(matches!(outcome, Outcome::HostPanicked { message } if message == "a text"));
        assert!(remains.is_none());
        let made = std::hint::black_box(1);
        let (outcome, _) = caught(async { panic!("a text made of {made}") }).await;
        assert!(matches!(outcome, Outcome::HostPanicked { message } if message == "a text made of 1"));
        let (outcome, _) = caught(async { std::panic::panic_any(7) }).await;
        assert!(matches!(outcome, Outcome::HostPanicked { message } if message == "without a message"));
    }
}
