//! All output of the command: results to stdout, everything else to stderr. A test checks that no other file
//! writes to either.
//!
//! All of it is escaped here, by the host's rule for [text](printable::text), so that text from a file, a
//! guest or a server cannot control the terminal, not even as part of an error. That rule keeps line ends. So
//! a name within a line is escaped as a name first: by [`Shown`](printable::Shown), by
//! [`label`](crate::label), or as a cell of a [`Table`](crate::table::Table).
//!
//! These are written without escaping:
//! - the response of `invoke`, if stdout is not a terminal: a program needs the bytes;
//! - a component, for the process of this command that requested it ([`crate::worlds`]);
//! - the output of cargo, rustup and `build.command`, which write to the terminal themselves: a build script
//!   can run anything on this machine anyway.

mod coloured;
mod progress;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::panic::PanicHookInfo;

use anstream::{AutoStream, ColorChoice};
use bulkhead_host::text::printable;
use serde::Serialize;

pub(crate) use coloured::Coloured;
pub(crate) use progress::Progress;

/// Writes a result.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    put(printable::text(&text.to_string()).as_bytes())
}

/// Writes a result with colours, unless stdout is not a terminal or `NO_COLOR` is set.
pub(crate) fn print_in_colour(text: &Coloured) -> io::Result<()> {
    match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never => put(text.plain().as_bytes()),
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => put(text.as_str().as_bytes()),
    }
}

/// Writes a result as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(value)? + "\n";
    Ok(put(printable::json(&json).as_bytes())?)
}

/// Writes the response of a handler: the bytes, or escaped text if stdout is a terminal.
pub(crate) fn print_answer(answer: &[u8]) -> io::Result<()> {
    if io::stdout().is_terminal() { print(String::from_utf8_lossy(answer)) } else { put(answer) }
}

/// Writes the data for the process that started this one.
pub(crate) fn hand_over(bytes: &[u8]) -> io::Result<()> {
    io::stdout().write_all(bytes)
}

/// Writes a message for people.
pub(crate) fn tell(text: &str) {
    say(&format!("{}\n", printable::text(text)));
}

/// Writes a message with colours, unless stderr is not a terminal or `NO_COLOR` is set. Its lines include
/// their ends.
pub(crate) fn tell_in_colour(text: &Coloured) {
    match AutoStream::choice(&io::stderr()) {
        ColorChoice::Never => say(&text.plain()),
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => say(text.as_str()),
    }
}

/// Reports a panic, which is a bug of this command. The progress line may be what panicked, so this does not
/// wait for it.
pub(crate) fn panicked(panic: &PanicHookInfo<'_>) {
    let text = format!("bulkhead: internal error, please report this bug: {panic}");
    let _ = writeln!(io::stderr(), "{}", printable::text(&text));
}

/// A reader that closes the pipe has seen enough, so this is not an error.
fn put(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    // Stderr may be the terminal that shows the progress line.
    match progress::aside(|| stdout.write_all(bytes).and_then(|()| stdout.flush())) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// If stderr is closed, there is nobody to report to.
fn say(text: &str) {
    let _ = progress::aside(|| io::stderr().lock().write_all(text.as_bytes()));
}
