//! Progress of slow operations: a line that updates itself on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bulkhead_host::text::printable;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Nothing is shown before this time has passed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The interval at which the line is updated.
const TICK: Duration = Duration::from_millis(100);

/// The line on the terminal now. Code that writes to the terminal does so [`aside`].
static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes to a terminal while the line is hidden.
pub(super) fn aside<R>(write: impl FnOnce() -> R) -> R {
    LINES.suspend(write)
}

/// A slow operation. It ends when this is dropped, and leaves nothing on a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    texts: Option<Sender<String>>,
    shown: Option<JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let (texts, told) = channel();
        // Without a thread there is no progress line, but the operation goes on.
        let shown = thread::Builder::new().name("progress".to_owned()).spawn(move || show(&told)).ok();
        Self { texts: Some(texts), shown }
    }

    /// Starts with a first step.
    pub(crate) fn of(text: &str) -> Self {
        let progress = Self::start();
        progress.tell(text);
        progress
    }

    /// Names the current step.
    pub(crate) fn tell(&self, text: &str) {
        if let Some(texts) = &self.texts {
            // Without the thread nobody receives this.
            let _ = texts.send(text.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.texts.take());
        if let Some(shown) = self.shown.take() {
            let _ = shown.join();
        }
    }
}

fn show(told: &Receiver<String>) {
    let Some(first) = long(told) else { return };
    let texts = first.into_iter().chain(told);
    if is_watched() {
        let line = LINES.add(ProgressBar::new_spinner().with_style(style()).with_elapsed(PATIENCE));
        line.enable_steady_tick(TICK);
        texts.for_each(|text| line.set_message(printable::line(&text).into_owned()));
        line.finish_and_clear();
    } else {
        texts.for_each(|text| super::tell(&printable::line(&text)));
    }
}

/// Whether stderr is a terminal that can clear a line. Cargo uses this test too.
fn is_watched() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stderr().is_terminal() && !is_dumb && std::env::var_os("CI").is_none()
}

/// The text to show once the operation has taken long; `None` if it was over before.
fn long(told: &Receiver<String>) -> Option<Option<String>> {
    let end = Instant::now() + PATIENCE;
    let mut last = None;
    loop {
        match told.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(text) => last = Some(text),
            Err(RecvTimeoutError::Timeout) => return Some(last),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// The text, and the time that has passed.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
