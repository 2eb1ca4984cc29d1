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

/// Where no line can be cleared, at most one detail is shown in this time.
const BETWEEN_DETAILS: Duration = Duration::from_secs(10);

/// The line on the terminal now. Code that writes to the terminal does so [`aside`].
static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes to a terminal while the line is hidden.
pub(super) fn aside<R>(write: impl FnOnce() -> R) -> R {
    LINES.suspend(write)
}

/// A slow operation. It ends when this is dropped, and leaves nothing on a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    texts: Option<Sender<Text>>,
    shown: Option<JoinHandle<()>>,
}

/// A text to show.
#[derive(Debug)]
enum Text {
    Step(String),
    /// One of very many, of which the last one is enough.
    Detail(String),
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
        self.send(Text::Step(text.to_owned()));
    }

    /// Shows the last line of a program that prints many.
    pub(crate) fn detail(&self, text: &str) {
        self.send(Text::Detail(text.to_owned()));
    }

    fn send(&self, text: Text) {
        if let Some(texts) = &self.texts {
            // Without the thread nobody receives this.
            let _ = texts.send(text);
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

fn show(told: &Receiver<Text>) {
    let Some(first) = long(told) else { return };
    let texts = first.into_iter().chain(told);
    if is_watched() {
        let line = LINES.add(ProgressBar::new_spinner().with_style(style()).with_elapsed(PATIENCE));
        line.enable_steady_tick(TICK);
        texts.for_each(|(Text::Step(text) | Text::Detail(text))| {
            line.set_message(printable::line(&text).into_owned());
        });
        line.finish_and_clear();
    } else {
        let mut last = None;
        texts.filter_map(|text| plain(text, &mut last, Instant::now())).for_each(|text| super::tell(&text));
    }
}

/// The line for a text, unless it is a detail and `last`, the time of the last detail, is not long ago.
fn plain(text: Text, last: &mut Option<Instant>, now: Instant) -> Option<String> {
    let text = match text {
        Text::Step(text) => text,
        Text::Detail(_) if last.is_some_and(|last| now.duration_since(last) < BETWEEN_DETAILS) => {
            return None;
        }
        Text::Detail(text) => {
            *last = Some(now);
            text
        }
    };
    Some(printable::line(&text).into_owned())
}

/// Whether stderr is a terminal that can clear a line. Cargo uses this test too.
fn is_watched() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stderr().is_terminal() && !is_dumb && std::env::var_os("CI").is_none()
}

/// The text to show once the operation has taken long; `None` if it was over before.
fn long(told: &Receiver<Text>) -> Option<Option<Text>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_details_few_are_lines_and_every_step_is_one() {
        let (start, mut last) = (Instant::now(), None);
        let mut at = |seconds: u64, text| plain(text, &mut last, start + Duration::from_secs(seconds));
        let detail = |text: &str| Text::Detail(text.to_owned());
        assert_eq!(at(1, detail("one")).as_deref(), Some("one"));
        assert_eq!(at(10, detail("two")), None);
        assert_eq!(at(10, Text::Step("step".to_owned())).as_deref(), Some("step"));
        assert_eq!(at(11, detail("three\u{1b}")).as_deref(), Some(r"three\u{1b}"));
    }
}
