//! The events of a function, from the caller to its answer.
//!
//! Whatever the bootstrap does with the Runtime API, each event gets one answer, and only from the one that has it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::HeaderValue;
use tokio::sync::{Notify, oneshot};

/// What a caller sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    /// The payload.
    pub(crate) body: Bytes,
    /// Whose it is.
    pub(crate) tenant_id: Option<HeaderValue>,
    /// JSON.
    pub(crate) client_context: Option<HeaderValue>,
}

/// What a caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The response.
    Replied(Bytes),
    /// The error as JSON, and its type as the platform would know it.
    Failed { body: Bytes, error_type: String },
    /// The bootstrap could not start; the error as JSON.
    NotStarted { body: Bytes, error_type: String },
}

/// An event on its way to the bootstrap.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    /// In Unix time.
    pub(super) deadline_ms: u64,
    pub(super) event: Event,
}

/// All events that have no answer yet.
#[derive(Debug)]
pub(super) struct Events {
    timeout: Duration,
    ids: AtomicU64,
    state: Mutex<State>,
    more: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(String, Event)>,
    callers: HashMap<String, oneshot::Sender<Answer>>,
    /// Why no event will ever be handled.
    broken: Option<Answer>,
}

/// An answer that nobody waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown;

impl Events {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, ids: AtomicU64::new(1), state: Mutex::default(), more: Notify::new() }
    }

    /// Adds an event; its answer comes later.
    pub(super) fn send(&self, event: Event) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        match &state.broken {
            // A caller that does not wait needs no answer.
            Some(answer) => drop(sender.send(answer.clone())),
            None => {
                let number = self.ids.fetch_add(1, Ordering::Relaxed);
                let request_id = format!("00000000-0000-4000-8000-{number:012}");
                state.waiting.push_back((request_id.clone(), event));
                state.callers.insert(request_id, sender);
                self.more.notify_one();
            }
        }
        receiver
    }

    /// The next event, whenever that comes. Its time begins now.
    pub(super) async fn next(&self) -> Delivery {
        loop {
            let more = self.more.notified();
            let waiting = self.state().waiting.pop_front();
            if let Some((request_id, event)) = waiting {
                let deadline = SystemTime::now() + self.timeout;
                let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
                let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                return Delivery { request_id, deadline_ms, event };
            }
            more.await;
        }
    }

    /// Answers an event.
    ///
    /// # Errors
    /// When it has an answer already, or there is no such event.
    pub(super) fn answer(&self, request_id: &str, answer: Answer) -> Result<(), Unknown> {
        let caller = self.state().callers.remove(request_id).ok_or(Unknown)?;
        // Who stopped waiting misses nothing.
        drop(caller.send(answer));
        Ok(())
    }

    /// Answers all events, and those that come: there is nobody to handle them.
    pub(super) fn give_up(&self, answer: Answer) {
        let mut state = self.state();
        state.waiting.clear();
        for (_, caller) in state.callers.drain() {
            drop(caller.send(answer.clone()));
        }
        state.broken = Some(answer);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &'static str) -> Event {
        Event { body: Bytes::from_static(body.as_bytes()), ..Event::default() }
    }

    fn replied(body: &'static str) -> Answer {
        Answer::Replied(Bytes::from_static(body.as_bytes()))
    }

    #[tokio::test]
    async fn each_event_gets_its_own_answer() {
        let events = Events::new(Duration::from_secs(3));
        let (first, second) = (events.send(event("1")), events.send(event("2")));
        let (one, two) = (events.next().await, events.next().await);
        assert_eq!((one.event.body.as_ref(), two.event.body.as_ref()), (&b"1"[..], &b"2"[..]));
        assert_ne!(one.request_id, two.request_id);
        events.answer(&two.request_id, replied("b")).unwrap();
        events.answer(&one.request_id, replied("a")).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (replied("a"), replied("b")));
        assert_eq!(events.answer(&one.request_id, replied("c")), Err(Unknown));
    }

    #[tokio::test]
    async fn who_asks_first_gets_the_event_that_comes() {
        let events = Events::new(Duration::from_secs(3));
        let mut answer = None;
        let send = async { answer = Some(events.send(event("late"))) };
        let (delivery, ()) = tokio::join!(events.next(), send);
        assert!(answer.is_some());
        assert_eq!(delivery.event.body.as_ref(), b"late");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        assert!(
            (now + 2000..=now + 3000).contains(&u128::from(delivery.deadline_ms)),
            "{}",
            delivery.deadline_ms
        );
    }

    #[tokio::test]
    async fn where_nobody_can_handle_events_all_are_told() {
        let events = Events::new(Duration::from_secs(3));
        let before = events.send(event("1"));
        let broken = Answer::NotStarted { body: Bytes::from_static(b"{}"), error_type: "Runtime.X".into() };
        events.give_up(broken.clone());
        assert_eq!((before.await.unwrap(), events.send(event("2")).await.unwrap()), (broken.clone(), broken));
    }

    #[tokio::test]
    async fn a_caller_that_went_away_costs_nothing() {
        let events = Events::new(Duration::from_secs(3));
        drop(events.send(event("1")));
        let delivery = events.next().await;
        assert_eq!(events.answer(&delivery.request_id, replied("a")), Ok(()));
    }
}
