//! What is being done, said once it has taken long enough to wonder: a line that moves on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bulkhead_host::text::printable;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How long nobody wonders.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line moves.
const TICK: Duration = Duration::from_millis(100);

/// What moves on the terminal now. Who writes a line there does it [`aside`].
static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes to a terminal while nothing moves there.
pub(super) fn aside<R>(write: impl FnOnce() -> R) -> R {
    LINES.suspend(write)
}

/// Something that may take long. It is over when this is dropped, and leaves nothing on a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    texts: Option<Sender<String>>,
    shown: Option<JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let (texts, told) = channel();
        // Without a thread it goes unsaid, and is done all the same.
        let shown = thread::Builder::new().name("progress".to_owned()).spawn(move || show(&told)).ok();
        Self { texts: Some(texts), shown }
    }

    /// The same, with what is done first.
    pub(crate) fn of(text: &str) -> Self {
        let progress = Self::start();
        progress.tell(text);
        progress
    }

    /// What is done from now on.
    pub(crate) fn tell(&self, text: &str) {
        if let Some(texts) = &self.texts {
            // Nobody listens where there is no thread.
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

/// Whether a person looks at a terminal that can take a line back. Cargo asks the same.
fn is_watched() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stderr().is_terminal() && !is_dumb && std::env::var_os("CI").is_none()
}

/// What was told last when it had taken long; none if it was over before.
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

/// The text, and for how long it has been going on.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
