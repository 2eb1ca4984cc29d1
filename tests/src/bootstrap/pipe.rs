//! The output of a child: read by a thread as it comes, and up to date for whoever asks.

use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

/// The reading end of a pipe, and all that came out of it.
#[derive(Debug)]
pub(crate) struct Pipe {
    source: std::fs::File,
    seen: Mutex<Vec<u8>>,
    more: Condvar,
}

impl Pipe {
    /// Reads the pipe to its end on a thread of its own, so that the child never waits for us.
    pub(crate) fn read(source: OwnedFd) -> Arc<Self> {
        rustix::io::ioctl_fionbio(&source, true).expect("switch the pipe to nonblocking");
        let pipe = Arc::new(Self { source: source.into(), seen: Mutex::default(), more: Condvar::new() });
        let reading = Arc::clone(&pipe);
        std::thread::spawn(move || while reading.wait_readable() && reading.drain() {});
        pipe
    }

    /// Everything that had been written into the pipe before this call.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.drain();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Waits for more output, but no longer than this.
    pub(crate) fn wait(&self, timeout: Duration) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.more.wait_timeout(seen, timeout));
    }

    fn wait_readable(&self) -> bool {
        poll(&mut [PollFd::new(&self.source, PollFlags::IN)], None).is_ok()
    }

    /// Takes what is in the pipe; `false` at its end.
    fn drain(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let end = loop {
            let mut buffer = [0; 16 * 1024];
            match (&self.source).read(&mut buffer) {
                Ok(0) => break true,
                Ok(count) => seen.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break error.kind() != ErrorKind::WouldBlock,
            }
        };
        self.more.notify_all();
        !end
    }
}
