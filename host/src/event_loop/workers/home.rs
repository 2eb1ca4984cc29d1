//! A thread with a runtime of its own, on which a part of the loops runs.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::flush;
use crate::log::Log;

/// The thread of some loops. Dropping it ends the thread, and waits for this.
#[derive(Debug)]
pub(super) struct Home {
    handle: Handle,
    /// `None` for the thread that has started the others.
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    /// Dropped to end the thread.
    end: oneshot::Sender<()>,
    joined: JoinHandle<()>,
}

impl Home {
    /// The thread that calls this, whose runtime has no other thread.
    pub(super) fn here() -> Self {
        Self { handle: Handle::current(), thread: None }
    }

    /// Starts another thread.
    ///
    /// # Errors
    /// If the operating system denies what it needs.
    pub(super) fn start(number: usize, log: &Arc<Log>) -> io::Result<Self> {
        let parked = Arc::clone(log);
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .on_thread_park(move || flush(&parked))
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let log = Arc::clone(log);
        let thread = thread::Builder::new().name(format!("events-{number}"));
        let joined = thread.spawn(move || {
            // The channel only ever closes.
            let _ = runtime.block_on(ended);
            log.flush();
            // A look-up of a name may still wait for its server.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, thread: Some(Thread { end, joined }) })
    }

    /// For loops to run here.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(Thread { end, joined }) = self.thread.take() {
            drop(end);
            // It catches the panics of its tasks.
            let _ = joined.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::log::{Format, Level, LogSettings};

    #[tokio::test]
    async fn a_task_runs_on_the_thread_of_its_home() {
        let log =
            LogSettings { format: Format::Json, level: Level::Fatal, telemetry_fd: None, batches: true };
        let home = Home::start(7, &Arc::new(Log::new(&log))).unwrap();
        let name = || thread::current().name().map(str::to_owned);
        let (sender, there) = mpsc::channel();
        home.handle().spawn(async move { sender.send(name()) });
        assert_eq!(there.recv().unwrap().as_deref(), Some("events-7"));
        let here = Home::here().handle().spawn(async move { name() }).await.unwrap();
        assert_eq!(here, name());
    }
}
