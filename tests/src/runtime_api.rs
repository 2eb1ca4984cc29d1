//! A Runtime API server of our own: it checks order and bytes as Lambda does, and misbehaves as it is told to.
//!
//! Like Lambda it has one event in flight, hands the same event out again where `/next` is called without an
//! answer (R2.7), and accepts one answer for each; a managed instance has several (L8.2). What it knows lies in `state.rs`, under one lock;
//! `connection.rs` has a thread for each connection.

mod connection;
mod event;
mod state;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub use event::{Answer, Delivery, Event, Kind, Reply, SeenRequest};
use state::{Shared, Step};

/// How long anything is waited for before a test is given up.
pub const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// A running Runtime API server. It stops when it is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// An event that was queued, to wait for its answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedEvent(pub(crate) usize);

impl RuntimeApi {
    /// Starts a server on a free port of the loopback interface.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port for the Runtime API");
        let address = listener.local_addr().expect("the address of the Runtime API");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || connection::accept(&listener, &accepting));
        Self { shared, address }
    }

    /// Starts one that hands out so many events at a time, in whatever order they are asked for and answered, as a
    /// managed instance does (L8.2).
    pub fn concurrent(slots: usize) -> Self {
        let api = Self::start();
        api.shared.change(|state| state.slots = slots);
        api
    }

    /// `127.0.0.1:PORT`, for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Queues an event and waits for its answer.
    ///
    /// # Panics
    /// After 30 s without one, with everything that was seen so far.
    pub fn send(&self, event: Event) -> Answer {
        let queued = self.queue(event);
        self.answer(queued)
    }

    /// Queues an event for a coming `/next`.
    pub fn queue(&self, event: Event) -> QueuedEvent {
        self.shared.change(|state| state.queue(event))
    }

    /// Waits for the answer to an event.
    pub fn answer(&self, queued: QueuedEvent) -> Answer {
        self.wait("an answer", |state| state.answers.iter().find(|answer| answer.queued == queued).cloned())
    }

    /// Answers one coming `/next` with this status in place of an event.
    pub fn queue_status(&self, status: u16) {
        self.shared.change(|state| state.steps.push_back(Step::Status(status)));
    }

    /// Closes the connection of one coming or pending `/next` without an answer.
    pub fn queue_hang_up(&self) {
        self.shared.change(|state| state.steps.push_back(Step::HangUp));
    }

    /// Answers one coming `/next` with exactly these bytes, then closes the connection.
    pub fn queue_bytes(&self, bytes: &[u8]) {
        self.shared.change(|state| state.steps.push_back(Step::Bytes(bytes.to_vec())));
    }

    /// Answers `/init/error` with this status in place of 202.
    pub fn refuse_init_error(&self, status: u16) {
        self.shared.change(|state| state.init_error_status = status);
    }

    /// Answers `/restore/next` with this status: the process is a copy of itself from now on.
    pub fn restore(&self, status: u16) {
        self.shared.change(|state| state.restore_status = Some(status));
    }

    /// Waits until a `/next` is pending and nothing is queued or in flight: init is over, the last answer has
    /// been followed up, and the bootstrap is idle.
    pub fn wait_idle(&self) {
        let idle = self.wait("a pending /next", |state| match state.init_error() {
            None => state.is_idle().then_some(Ok(())),
            Some(error) => Some(Err(error)),
        });
        idle.unwrap_or_else(|error| panic!("init failed: {error:?}"));
    }

    /// Waits until this event has been written out, whole or as far as its [`Delivery`] goes.
    pub fn wait_delivered(&self, queued: QueuedEvent) {
        self.wait("a delivery", |state| (state.deliveries(queued) > 0).then_some(()));
    }

    /// Waits for the post to `/init/error`.
    pub fn init_error(&self) -> SeenRequest {
        self.wait_seen("/runtime/init/error")
    }

    /// Waits for the first request at all: `/next` where init went well.
    pub fn first(&self) -> SeenRequest {
        self.wait("a request", |state| state.seen.first().cloned())
    }

    /// Waits for the first request whose path ends in `suffix`.
    pub fn wait_seen(&self, suffix: &str) -> SeenRequest {
        self.wait(suffix, |state| state.seen.iter().find(|seen| seen.path.ends_with(suffix)).cloned())
    }

    /// Every request so far, in the order in which they had been read.
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.shared.change(|state| state.seen.clone())
    }

    /// The posts of answers so far: `/response` and `/error`, also those that were refused.
    pub fn posts(&self) -> Vec<SeenRequest> {
        self.seen().into_iter().filter(SeenRequest::is_answer).collect()
    }

    /// How often this event was handed out.
    pub fn deliveries(&self, queued: QueuedEvent) -> usize {
        self.shared.change(|state| state.deliveries(queued))
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.shared.change(|state| state.connections)
    }

    /// What the bootstrap did that Lambda would have refused, in words.
    pub fn violations(&self) -> Vec<String> {
        self.shared.change(|state| state.violations.clone())
    }

    fn wait<T>(&self, what: &str, look: impl Fn(&mut state::State) -> Option<T>) -> T {
        self.shared.wait_for(WAIT_LIMIT, look).unwrap_or_else(|| {
            panic!("waited {WAIT_LIMIT:?} for {what}; requests so far: {:#?}", self.seen());
        })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.change(|state| state.stopped = true);
        // The accepting thread sleeps until someone connects.
        drop(TcpStream::connect(self.address));
    }
}
