//! The threads for events whose guests compute for long, one for each processor. They are started for the first such
//! event.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use super::thread::LoopThread;
use crate::engine::phase::begin_long_events;
use crate::log::Log;

/// The threads. Dropping this ends them, without waiting: that may happen on one of them.
#[derive(Debug)]
pub(super) struct LongEvents {
    /// Empty before the first long event.
    threads: Mutex<Vec<Arc<Shared>>>,
    /// The number of threads to start.
    most: usize,
    log: Arc<Log>,
}

/// A thread, and the number of loops on it.
#[derive(Debug)]
struct Shared {
    thread: LoopThread,
    loops: AtomicUsize,
}

/// The place of one loop on a thread.
#[derive(Debug)]
pub(super) struct Place(Arc<Shared>);

impl LongEvents {
    /// For as many threads, none of which is started yet.
    pub(super) fn new(most: usize, log: Arc<Log>) -> Self {
        Self { threads: Mutex::default(), most, log }
    }

    /// A place on the thread with the fewest loops.
    ///
    /// # Errors
    /// If the operating system allows no thread now.
    pub(super) fn enter(&self) -> io::Result<Place> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.is_empty() {
            *threads = self.start()?;
        }
        let least = threads.iter().min_by_key(|shared| shared.loops.load(Ordering::Relaxed));
        // There is at least one.
        least.map(Place::on).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Whether another thread would have fewer loops than this one, even with one more.
    pub(super) fn has_better(&self, place: &Place) -> bool {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let here = place.0.loops.load(Ordering::Relaxed);
        threads.iter().any(|other| other.loops.load(Ordering::Relaxed) + 1 < here)
    }

    /// Fewer threads than processors are enough, but one is needed.
    fn start(&self) -> io::Result<Vec<Arc<Shared>>> {
        let mut threads = Vec::new();
        for number in 0..self.most.max(1) {
            match LoopThread::start(format!("long-events-{number}"), begin_long_events, &self.log) {
                Ok(thread) => threads.push(Arc::new(Shared { thread, loops: AtomicUsize::new(0) })),
                Err(error) if threads.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(threads)
    }
}

impl Place {
    fn on(shared: &Arc<Shared>) -> Self {
        shared.loops.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }

    /// For a loop to run here.
    pub(super) fn handle(&self) -> &Handle {
        self.0.thread.handle()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.loops.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::phase::is_for_long_events;
    use crate::log::{Format, Level, LogSettings};

    fn long_events(most: usize) -> LongEvents {
        let log =
            LogSettings { format: Format::Json, level: Level::Fatal, telemetry_fd: None, batches: true };
        LongEvents::new(most, Arc::new(Log::new(&log)))
    }

    fn loops(long_events: &LongEvents) -> Vec<usize> {
        let threads = long_events.threads.lock().unwrap();
        threads.iter().map(|shared| shared.loops.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn the_first_loop_starts_the_threads_and_each_enters_the_emptiest() {
        let long_events = long_events(2);
        assert_eq!(loops(&long_events), [0; 0]);
        let places: Vec<Place> = (0..5).map(|_| long_events.enter().unwrap()).collect();
        assert_eq!(loops(&long_events), [3, 2]);
        drop(places);
        assert_eq!(loops(&long_events), [0, 0]);
    }

    #[test]
    fn a_loop_has_a_better_place_where_two_have_left() {
        let long_events = long_events(2);
        let mut places: Vec<Place> = (0..4).map(|_| long_events.enter().unwrap()).collect();
        assert!(!long_events.has_better(&places[0]));
        // Both of these were on the second thread.
        drop(places.remove(3));
        assert!(!long_events.has_better(&places[0]), "it would only change places");
        drop(places.remove(1));
        assert_eq!(loops(&long_events), [2, 0]);
        assert!(long_events.has_better(&places[0]));
    }

    #[test]
    fn a_loop_there_knows_that_it_is_there() {
        let long_events = long_events(1);
        let place = long_events.enter().unwrap();
        let (sender, there) = std::sync::mpsc::channel();
        place.handle().spawn(async move { sender.send(is_for_long_events()) });
        assert!(there.recv().unwrap());
    }
}
