//! A thread with a runtime of its own, on which a part of the loops runs.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::flush;
use crate::log::Log;

/// A thread for loops. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct LoopThread {
    handle: Handle,
    /// Dropped to end the thread.
    end: oneshot::Sender<()>,
    joined: JoinHandle<()>,
}

impl LoopThread {
    /// Starts a thread of this name, which first of all calls `begin`.
    ///
    /// # Errors
    /// If the operating system denies what it needs.
    pub(super) fn start(name: String, begin: fn(), log: &Arc<Log>) -> io::Result<Self> {
        let parked = Arc::clone(log);
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .on_thread_park(move || flush(&parked))
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let log = Arc::clone(log);
        let joined = thread::Builder::new().name(name).spawn(move || {
            begin();
            // The channel only ever closes.
            let _ = runtime.block_on(ended);
            log.flush();
            // A look-up of a name may still wait for its server.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, end, joined })
    }

    /// For loops to run here.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the thread, and waits for this. Do not call it on the thread itself.
    pub(super) fn join(self) {
        drop(self.end);
        // It catches the panics of its tasks.
        let _ = self.joined.join();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc;

    use super::*;
    use crate::log::{Format, Level, LogSettings};

    thread_local! {
        static HAS_BEGUN: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn a_task_runs_on_the_thread_after_its_beginning() {
        let log =
            LogSettings { format: Format::Json, level: Level::Fatal, telemetry_fd: None, batches: true };
        let log = Arc::new(Log::new(&log));
        let started = LoopThread::start("events-7".to_owned(), || HAS_BEGUN.set(true), &log).unwrap();
        let (sender, there) = mpsc::channel();
        let name = || thread::current().name().map(str::to_owned);
        started.handle().spawn(async move { sender.send((name(), HAS_BEGUN.get())) });
        assert_eq!(there.recv().unwrap(), (Some("events-7".to_owned()), true));
        assert!(!HAS_BEGUN.get());
        started.join();
    }
}
