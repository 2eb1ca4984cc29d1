//! What the server knows: the script, the event in flight, and everything that was seen.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::event::{Answer, Event, Kind, Reply, SeenRequest};
use super::{QueuedEvent, event::Delivery};
use crate::http::Message;

/// One thing to do for a `/next`.
#[derive(Debug)]
pub(super) enum Step {
    Deliver(QueuedEvent, Box<Event>),
    Status(u16),
    HangUp,
    Bytes(Vec<u8>),
}

/// The event that `/next` handed out and that has no answer yet.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) queued: QueuedEvent,
    pub(super) event: Event,
    pub(super) delivered: Instant,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) steps: VecDeque<Step>,
    pub(super) in_flight: Vec<InFlight>,
    /// How many events are handed out at a time; one, unless it is a managed instance.
    pub(super) slots: usize,
    pub(super) answers: Vec<Answer>,
    pub(super) seen: Vec<SeenRequest>,
    pub(super) violations: Vec<String>,
    pub(super) connections: usize,
    pub(super) pending: usize,
    pub(super) init_error_status: u16,
    /// What the pending `/restore/next` is to be answered with.
    pub(super) restore_status: Option<u16>,
    pub(super) stopped: bool,
    delivered: Vec<usize>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            steps: VecDeque::new(),
            in_flight: Vec::new(),
            slots: 1,
            answers: Vec::new(),
            seen: Vec::new(),
            violations: Vec::new(),
            connections: 0,
            pending: 0,
            init_error_status: 202,
            restore_status: None,
            stopped: false,
            delivered: Vec::new(),
        }
    }
}

impl State {
    pub(super) fn queue(&mut self, event: Event) -> QueuedEvent {
        let queued = QueuedEvent(self.delivered.len());
        self.delivered.push(0);
        self.steps.push_back(Step::Deliver(queued, Box::new(event)));
        queued
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending >= self.slots && self.steps.is_empty() && self.in_flight.is_empty()
    }

    /// Whether a `/next` would get something now.
    pub(super) fn has_work(&self) -> bool {
        let is_open = self.slots == 1 || self.in_flight.len() < self.slots;
        is_open && (!self.steps.is_empty() || self.redelivers())
    }

    /// A classic environment hands out the unanswered event again (R2.7), a managed one does not.
    fn redelivers(&self) -> bool {
        self.slots == 1 && !self.in_flight.is_empty()
    }

    pub(super) fn init_error(&self) -> Option<SeenRequest> {
        self.seen.iter().find(|seen| seen.path.ends_with("/runtime/init/error")).cloned()
    }

    pub(super) fn deliveries(&self, queued: QueuedEvent) -> usize {
        self.delivered[queued.0]
    }

    /// What a `/next` gets now: the unanswered event again, or the next step of the script.
    pub(super) fn take(&mut self) -> Option<Step> {
        if self.redelivers()
            && let Some(again) = self.in_flight.pop()
        {
            return Some(Step::Deliver(again.queued, Box::new(again.event)));
        }
        if self.has_work() { self.steps.pop_front() } else { None }
    }

    /// Notes that an event is being written; its answer may come any time from now on.
    pub(super) fn deliver(&mut self, queued: QueuedEvent, mut event: Event) -> Event {
        let written = event.clone();
        if matches!(event.delivery, Delivery::CutOnce(_)) {
            event.delivery = Delivery::Whole;
        }
        self.in_flight.push(InFlight { queued, event, delivered: Instant::now() });
        written
    }

    /// Notes that the last byte of an event has been written.
    pub(super) fn delivered(&mut self, queued: QueuedEvent, at: Instant) {
        self.delivered[queued.0] += 1;
        if let Some(current) = self.in_flight.iter_mut().find(|current| current.queued == queued) {
            current.delivered = at;
        }
    }

    /// Takes a post to `/response` or `/error`, and says what to reply.
    pub(super) fn answer(&mut self, id: &[u8], kind: Kind, message: &Message) -> Reply {
        if self.in_flight.is_empty() {
            self.violations.push(format!("a {kind:?} with no event in flight: {:?}", message.start));
            return Reply::status(403);
        }
        let Some(at) = self.in_flight.iter().position(|current| current.event.id() == id) else {
            self.violations.push(format!("a {kind:?} for another event: {:?}", message.start));
            return Reply::status(400);
        };
        let current = &mut self.in_flight[at];
        let echoed = crate::http::find(&message.headers, "Lambda-Runtime-Invocation-Id");
        if current.event.invocation_id() != echoed {
            self.violations.push(format!("invocation id not echoed: {echoed:?}"));
            return Reply::status(410);
        }
        let reply = current.event.replies.pop_front().unwrap_or_else(|| Reply::status(202));
        if reply.settles {
            let InFlight { queued, delivered, .. } = self.in_flight.remove(at);
            self.answers.push(Answer {
                kind,
                headers: message.headers.clone(),
                body: message.body.clone(),
                delivered,
                answered: message.read,
                queued,
            });
        }
        reply
    }
}

/// The state, and a way to wait for it to change.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// Looks at or changes the state, and wakes everyone who waits for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        result
    }

    /// Looks at every change until `look` finds something, or the server is stopped, or the time is over.
    pub(super) fn wait_for<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + limit;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = look(&mut state) {
                self.changed.notify_all();
                return Some(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.stopped {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
