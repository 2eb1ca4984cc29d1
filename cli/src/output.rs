//! What the command writes: results to stdout, everything else to stderr.

mod progress;

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;

pub(crate) use progress::Progress;

/// Writes a result. Whoever closes the pipe has seen enough.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    // It may be the terminal where progress moves.
    match progress::aside(|| write!(stdout, "{text}").and_then(|()| stdout.flush())) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The same with colours in it, which are left out where nobody would see them or `NO_COLOR` is set.
pub(crate) fn print_in_colour(text: &str) -> io::Result<()> {
    let choice = anstream::AutoStream::choice(&io::stdout());
    if choice == anstream::ColorChoice::Never {
        return print(anstream::adapter::strip_str(text));
    }
    print(text)
}

/// Writes a result as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(print(serde_json::to_string_pretty(value)? + "\n")?)
}

/// Tells people something that is no result.
#[expect(clippy::print_stderr, reason = "what a command tells people")]
pub(crate) fn tell(text: &str) {
    progress::aside(|| eprintln!("{text}"));
}

/// The same with colours in it, which are left out where nobody would see them or `NO_COLOR` is set.
pub(crate) fn tell_in_colour(text: &str) {
    progress::aside(|| anstream::eprint!("{text}"));
}
