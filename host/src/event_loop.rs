//! The event loop: requests an event, has it handled, and posts the result. Start reading here.
//!
//! Sandboxes are made and destroyed while the reply to an answer and the next event are awaited, so that no event waits
//! for this; [`crate::dispatch`] does both. The loop ends when it is asked to stop, or when the Runtime API
//! has failed too often; no event or handler can end it. If a function handles several events at a time,
//! several loops run in parallel: see [`crate::event_loop::workers`].
//!
//! The room also owns the [`backoff`] between attempts, responses that are streamed ([`mod@stream_response`]), and
//! SnapStart ([`snapstart`]).
//!
//! May use: pause, log, engine, runtime_api, capabilities, dispatch.

pub mod backoff;
pub mod snapstart;
pub mod stream_response;
pub mod workers;

use std::convert::Infallible;
use std::future::pending;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::capabilities::response_stream::ResponseChannel;
use crate::dispatch::{Arrival, Dispatcher, LoopState};
use crate::engine::meter::{Meter, unmetered};
use crate::engine::phase::Phase;
use crate::log::{Level, Log, Scope, chain};
use crate::runtime_api::invocation::{Deadline, Invocation, NoRequestId};
use crate::runtime_api::shutdown::Stop;
use crate::runtime_api::{ApiError, InvocationId, NextEvent, Posted, RuntimeApi, Sent};
use backoff::Backoff;
use stream_response::{Delivery, stream_response};

/// The process must end, and be replaced by a new one.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The Runtime API is gone, or in a state that only a new process can leave.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// An event that cannot be answered.
    #[error(transparent)]
    NoRequestId(#[from] NoRequestId),
    /// An event whose answer is rejected is delivered again and again (R2.7).
    #[error(
        "event {request_id} was redelivered after its answer was not accepted, and it was not accepted again"
    )]
    Redelivered {
        /// The event.
        request_id: Arc<str>,
    },
    /// A bug of Bulkhead. The event was answered.
    #[error("Bulkhead panicked while it handled an event; see the log")]
    HostPanic,
}

impl LoopError {
    /// Whether another attempt may succeed. A bug of Bulkhead requires a new process.
    fn may_pass(&self) -> bool {
        !matches!(self, Self::HostPanic)
    }
}

/// Everything that a loop works with.
#[derive(Debug)]
pub struct EventLoop {
    /// The source of events, and the target of answers.
    pub api: RuntimeApi,
    /// Handles the events.
    pub dispatcher: Arc<Dispatcher>,
    /// The state that one event leaves for the next one.
    pub state: LoopState,
    /// The tolerance for failures of the Runtime API.
    pub backoff: Backoff,
    /// The log for warnings.
    pub log: Arc<Log>,
    /// The channel of a streamed response.
    channel: ResponseChannel,
    /// The last event, until the reply to its answer is read.
    answered: Option<Answered>,
    /// Whether the next event is requested together with the answer. Only where the environment is not frozen between events
    /// (L8.4): receipts are written afterwards.
    requests_ahead: bool,
    odd: Odd,
}

/// An event that was answered.
#[derive(Debug)]
struct Answered {
    id: InvocationId,
    scope: Scope,
    reply: Reply,
}

/// The API's reply to an answer.
#[derive(Debug)]
enum Reply {
    /// It is still to come.
    Pending(Sent),
    /// It was read with the answer.
    Read(Result<Posted, ApiError>),
}

impl Reply {
    async fn read(self, api: &mut RuntimeApi) -> Result<Posted, ApiError> {
        match self {
            Self::Pending(sent) => api.posted(sent).await,
            Self::Read(posted) => posted,
        }
    }
}

/// Warnings about earlier events.
#[derive(Debug, Default)]
struct Odd {
    /// The id of the last event, if its answer was not accepted. Another attempt has the same one.
    refused: Option<Arc<str>>,
    /// The last warning about a deadline; an emulator that sends odd deadlines does so for every event.
    deadline: Option<&'static str>,
}

impl EventLoop {
    /// A loop without an event yet.
    pub fn new(
        api: RuntimeApi,
        dispatcher: Arc<Dispatcher>,
        stop: Stop,
        backoff: Backoff,
        log: Arc<Log>,
    ) -> Self {
        Self {
            state: dispatcher.loop_state(stop),
            api,
            dispatcher,
            backoff,
            log,
            channel: ResponseChannel::default(),
            answered: None,
            requests_ahead: false,
            odd: Odd::default(),
        }
    }

    /// A loop for one of several events at a time (L8.4).
    #[must_use]
    pub fn in_parallel(self) -> Self {
        Self { requests_ahead: true, ..self }
    }

    /// A second loop, with a connection of its own.
    #[must_use]
    pub fn sibling(&self) -> Self {
        let other = Self::new(
            self.api.another(),
            Arc::clone(&self.dispatcher),
            self.state.stop.clone(),
            self.backoff.clone(),
            Arc::clone(&self.log),
        );
        Self { requests_ahead: self.requests_ahead, ..other }
    }

    /// Handles events until it is asked to stop.
    ///
    /// # Errors
    /// When the process must be replaced.
    pub async fn run(mut self) -> Result<(), LoopError> {
        loop {
            match self.handle_one().await {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(()),
                Err(error) => {
                    let wait = if error.may_pass() { self.backoff.wait() } else { None };
                    let Some(wait) = wait else { return Err(error) };
                    // An event that may have arrived already does not wait.
                    let is_requested = self.api.has_requested_next();
                    let then = match is_requested {
                        true => "going on with the event that was requested with the answer".to_owned(),
                        false => format!("trying again in {wait:?}"),
                    };
                    self.log.record(Level::Warn, &Scope::default(), &format!("{}; {then}", chain(&error)));
                    if is_requested {
                        continue;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.state.stop.requested() => return Ok(()),
                    }
                }
            }
        }
    }

    /// Handles one event, unless it is asked to stop.
    async fn handle_one(&mut self) -> Result<ControlFlow<()>, LoopError> {
        let Some(next) = unmetered(self.wait()).await? else { return Ok(ControlFlow::Break(())) };
        let meter = Meter::new(Duration::MAX);
        let answered = {
            // Pinned here, because a future that is passed on takes its space twice.
            let answered = pin!(self.answer(next, &meter));
            meter.run(answered).await?
        };
        self.answered = Some(answered);
        self.dispatcher.write_receipts(&mut self.state, &meter);
        Ok(ControlFlow::Continue(()))
    }

    /// Has an event handled, and sends the result.
    async fn answer(&mut self, next: NextEvent, meter: &Meter) -> Result<Answered, LoopError> {
        let at = Instant::now();
        let (invocation, caller) = Invocation::parse(next, SystemTime::now())?;
        let (id, scope) = (invocation.id.clone(), invocation.scope());
        self.check_deadline(invocation.deadline, &scope);
        self.channel.begin();
        let arrival = Arrival { invocation, caller, at, channel: self.channel.clone(), meter: meter.clone() };
        let delivery = {
            let handled = pin!(self.dispatcher.handle(arrival, &mut self.state));
            stream_response(&mut self.api, &id, &self.channel, handled).await
        };
        let reply = match delivery {
            Ok(Delivery::Unsent(Ok(response))) => {
                let and_next = self.requests_next_ahead();
                match self.api.send_response(&id, response.into(), and_next).await {
                    Ok(sent) => Reply::Pending(sent),
                    Err(error) => Reply::Read(Err(error)),
                }
            }
            // Boxed, since most events do not fail.
            Ok(Delivery::Unsent(Err(report))) => {
                Reply::Read(Box::pin(self.api.report_error(&id, &report)).await)
            }
            Ok(Delivery::Posted(posted)) => Reply::Read(Ok(posted)),
            Ok(Delivery::Cut { why, posted }) => {
                self.cut(&why, &scope);
                Reply::Read(Ok(posted))
            }
            Err(error) => Reply::Read(Err(error)),
        };
        Ok(Answered { id, scope, reply })
    }

    /// Waits for the reply to the last answer and then for the next event, and uses the time until they come. `None` if the
    /// loop is asked to stop.
    async fn wait(&mut self) -> Result<Option<NextEvent>, LoopError> {
        Phase::Waiting.enter();
        let LoopState { stopping, host_panicked, .. } = self.state;
        let Self { api, dispatcher, state, answered, odd, log, backoff, .. } = self;
        let (prepare, stop) = dispatcher.idle(state);
        // Pinned here, because a future that is passed on takes its space twice.
        let prepare = pin!(prepare);
        let prepare = async {
            if !stopping && !host_panicked {
                prepare.await;
                // A component whose start takes long has computed.
                Phase::Waiting.enter();
            }
            pending::<Infallible>().await
        };
        let mut prepare = pin!(prepare);
        if let Some(Answered { id, scope, reply }) = answered.take() {
            let mut posted = pin!(reply.read(api));
            let posted = tokio::select! {
                biased;
                posted = &mut posted => posted?,
                never = &mut prepare => match never {},
            };
            odd.check_posted(posted, id, |text| log.record(Level::Warn, &scope, text))?;
            backoff.reset();
        }
        if host_panicked {
            return Err(LoopError::HostPanic);
        }
        if stopping {
            return Ok(None);
        }
        let mut next = pin!(api.next(stop));
        tokio::select! {
            biased;
            next = &mut next => Ok(next?),
            never = &mut prepare => match never {},
        }
    }

    /// Whether the next event may be requested together with an answer: not if it will not be handled, and not if the last answer
    /// failed, because the pause after another failure must not hold an event.
    fn requests_next_ahead(&self) -> bool {
        let LoopState { stopping, host_panicked, ref stop, .. } = self.state;
        let is_stopping = stopping || stop.is_requested();
        self.requests_ahead && !is_stopping && !host_panicked && !self.backoff.has_failed()
    }

    /// Handles a response that was not accepted to its end. There is no other answer, and the connection
    /// cannot be used again.
    fn cut(&mut self, why: &str, scope: &Scope) {
        self.log.record(Level::Warn, scope, &format!("the response was interrupted in mid-stream: {why}"));
        self.api.disconnect();
    }

    fn check_deadline(&mut self, deadline: Deadline, scope: &Scope) {
        let Deadline::Unknown { reason } = deadline else {
            return;
        };
        if self.odd.deadline.replace(reason) != Some(reason) {
            let text = format!(
                "Lambda-Runtime-Deadline-Ms is {reason}, so only the handler's own limit `wall_time` applies \
                 (logged once)"
            );
            self.log.record(Level::Warn, scope, &text);
        }
    }
}

impl Odd {
    /// A refused answer is no reason to stop, unless its event is redelivered for ever (R2.7, R3.2).
    fn check_posted(
        &mut self,
        posted: Posted,
        id: InvocationId,
        warn: impl FnOnce(&str),
    ) -> Result<(), LoopError> {
        match posted {
            Posted::Accepted => {
                self.refused = None;
                return Ok(());
            }
            Posted::Refused { status, reason } => {
                warn(&format!("the Runtime API refused the answer: {status}: {reason}"));
            }
            // The log says so already.
            Posted::Incomplete => {}
        }
        let request_id = id.request_id;
        match self.refused.replace(Arc::clone(&request_id)) {
            Some(before) if before == request_id => Err(LoopError::Redelivered { request_id }),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_of_ours_is_not_waited_out() {
        assert!(!LoopError::HostPanic.may_pass());
        assert!(LoopError::Redelivered { request_id: "r-1".into() }.may_pass());
    }
}
