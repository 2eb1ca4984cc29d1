//! A Runtime API server for measurements: it takes its own timestamps, and costs less than what it measures.
//!
//! Each connection has a thread, which sleeps in the kernel until a request comes, so that a message wakes
//! one thread only. Every pending `/next` gets an event; answers may come in any order and on any connection.
//! No lock is held during a read or a write, no body is copied, and an answer is compared with the expected
//! one after it was acknowledged, outside of every measured latency. `batch.rs` contains the events and their results,
//! `connection.rs` the protocol.

mod batch;
mod connection;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use batch::Taken;
pub(crate) use batch::{Batch, End, Event, Timing};

/// The time limit of every wait, after which the run is given up.
pub(crate) const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// The state that its threads share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is an event to hand out. Connections wait for this.
    work: Condvar,
    /// A `/next` has come, a batch is done, or something has failed.
    news: Condvar,
    /// Events in flight.
    flights: Mutex<Vec<Flight>>,
    ids: AtomicU64,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// The batches to hand out; the first one with an event comes first.
    batches: Vec<Arc<Batch>>,
    pending: usize,
    last_next: Option<Instant>,
    trouble: Option<String>,
}

#[derive(Debug)]
struct Flight {
    id: u64,
    delivered: Instant,
    batch: Arc<Batch>,
}

impl Server {
    /// Starts a server on a free port of the loopback interface.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("binding a port")?;
        let address = listener.local_addr().context("asking for the port")?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || connection::accept(&listener, &accepting));
        Ok(Self { shared, address })
    }

    /// `127.0.0.1:PORT`, for `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits until a number of calls for an event are pending, or a time has passed, and returns their
    /// number.
    pub(crate) fn wait_pending(&self, calls: usize, limit: Duration) -> Result<usize> {
        self.wait(limit, |state| state.pending >= calls)?;
        Ok(self.shared.lock().pending)
    }

    /// The time of the last `/next` that had to wait, such as the first one of a process.
    pub(crate) fn last_next(&self) -> Option<Instant> {
        self.shared.lock().last_next
    }

    /// Hands out an event a number of times, each time with a delay after the call for it, and waits for all
    /// answers.
    pub(crate) fn run(&self, event: &Arc<Event>, count: usize, pause: Duration) -> Result<Vec<Timing>> {
        let batch = self.begin(event, count, pause);
        if !self.wait_done(&batch, WAIT_LIMIT)? {
            bail!("{} of {count} events were answered within {WAIT_LIMIT:?}", batch.answered());
        }
        batch.timings()
    }

    /// Hands out an event a number of times without waiting.
    pub(crate) fn begin(&self, event: &Arc<Event>, count: usize, pause: Duration) -> Arc<Batch> {
        let batch = Arc::new(Batch::new(event, count, pause));
        let mut state = self.shared.lock();
        state.batches = vec![Arc::clone(&batch)];
        let wanted = count.min(state.pending);
        if wanted == state.pending {
            self.shared.work.notify_all();
        } else {
            (0..wanted).for_each(|_| self.shared.work.notify_one());
        }
        batch
    }

    /// Hands out several batches in parallel. Among those with an event that is due, the first comes first.
    pub(crate) fn begin_together<const N: usize>(&self, batches: [Batch; N]) -> [Arc<Batch>; N] {
        let batches = batches.map(Arc::new);
        self.shared.lock().batches = batches.to_vec();
        self.shared.work.notify_all();
        batches
    }

    /// Waits until all events of a batch are finished, or a time has passed. Returns whether they are
    /// finished.
    pub(crate) fn wait_done(&self, batch: &Batch, limit: Duration) -> Result<bool> {
        self.wait(limit, |_| batch.is_done())
    }

    /// Forgets the events of a batch that are in flight, because the process that had them is gone.
    pub(crate) fn give_up(&self, batch: &Arc<Batch>) {
        self.shared.flights().retain(|flight| !Arc::ptr_eq(&flight.batch, batch));
    }

    fn wait(&self, limit: Duration, mut is_so: impl FnMut(&State) -> bool) -> Result<bool> {
        let state = self.shared.lock();
        let goes_on = |state: &mut State| state.trouble.is_none() && !is_so(state);
        let waited = self.shared.news.wait_timeout_while(state, limit, goes_on);
        let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.trouble.take() {
            Some(trouble) => bail!(trouble),
            None => Ok(!timeout.timed_out()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let state = self.shared.lock();
        self.shared.work.notify_all();
        drop(state);
        // The accepting thread sleeps until a connection comes.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flights(&self) -> MutexGuard<'_, Vec<Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits for an event for a call that was read at this time; `None` if there will be none.
    fn next(&self, read: Instant) -> Option<(Arc<Batch>, Taken)> {
        let mut state = self.lock();
        state.pending += 1;
        state.last_next = Some(read);
        self.news.notify_all();
        let batch = loop {
            if self.is_stopped() {
                break None;
            }
            let taken = state.batches.iter().find_map(|batch| Some((Arc::clone(batch), batch.take()?)));
            if taken.is_some() {
                break taken;
            }
            let due = state.batches.iter().filter_map(|batch| batch.next_due()).min();
            let wait = due.map_or(WAIT_LIMIT, |due| due.saturating_duration_since(Instant::now()));
            state = self.work.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.pending -= 1;
        batch
    }

    /// Takes an event that is in flight. `None` if it was answered before.
    fn land(&self, id: u64) -> Option<Flight> {
        let mut flights = self.flights();
        let place = flights.iter().position(|flight| flight.id == id)?;
        Some(flights.swap_remove(place))
    }

    /// Adds the result of an event, and only now looks at the bytes of the answer.
    fn record(&self, flight: &Flight, end: End, answered: Instant, body: &[u8]) {
        if flight.batch.record(Timing { delivered: flight.delivered, answered, end }, body) {
            let state = self.lock();
            self.news.notify_all();
            drop(state);
        }
    }

    fn trouble(&self, what: String) {
        self.lock().trouble.get_or_insert(what);
        self.news.notify_all();
    }
}

#[cfg(test)]
mod tests;
