//! The loop: ask for an event, have it handled, post what became of it. Start reading here.
//!
//! Making a sandbox and taking one apart both happen while the call for the next event is pending, so that
//! no event waits for them; [`crate::dispatch`] does both. The loop ends when it is told to, or when the Runtime API cannot be used any
//! more; nothing that an event or a handler does ends it.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::dispatch::{Arrival, Dispatcher};
use crate::invocation::{Deadline, Invocation, NoRequestId};
use crate::log::{Level, Log, Scope};
use crate::runtime_api::{ApiError, InvocationId, NextEvent, Posted, RuntimeApi};

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
    /// What handles them.
    pub dispatcher: Dispatcher,
    /// Where odd things are written down.
    pub log: Arc<Log>,
}

/// What one event leaves to the next.
#[derive(Debug, Default)]
struct Carry {
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
        while let Some(next) = self.wait().await? {
            let at = Instant::now();
            let (invocation, caller) = Invocation::parse(next, SystemTime::now())?;
            let (id, scope) = (invocation.id.clone(), invocation.scope());
            self.check_deadline(invocation.deadline, &scope, &mut carry);
            let posted = match self.dispatcher.handle(Arrival { invocation, caller, at }).await {
                Ok(response) => self.api.respond(&id, response.into()).await,
                Err(report) => self.api.report_error(&id, &report).await,
            };
            self.dispatcher.write_receipts();
            self.check_posted(&id, posted?, &scope, &mut carry)?;
            if self.dispatcher.carry.host_panicked {
                return Err(LoopError::HostPanic);
            }
            if self.dispatcher.carry.stopping {
                break;
            }
        }
        Ok(())
    }

    /// Asks for the next event, and makes use of the time until it comes; none when told to stop.
    async fn wait(&mut self) -> Result<Option<NextEvent>, ApiError> {
        let mut next = pin!(self.api.next());
        {
            let (prepare, stop) = self.dispatcher.idle();
            let mut prepare = pin!(prepare);
            // An event that is there is handled, whatever else is.
            tokio::select! {
                biased;
                next = &mut next => return next.map(Some),
                () = stop.requested() => return Ok(None),
                () = &mut prepare => {}
            }
        }
        tokio::select! {
            biased;
            next = next => next.map(Some),
            () = self.dispatcher.stop.requested() => Ok(None),
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
