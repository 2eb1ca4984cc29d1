//! What the command writes: results to stdout, everything else to stderr. Nothing else in it writes to either, which a test
//! holds.
//!
//! All of it is escaped here, by the host's rule for [text](printable::text), so that nothing that a file, a guest or a server
//! said steers a terminal, also where it comes by way of an error. The rule keeps line ends; so whoever puts a name into a
//! line has it escaped as one: by [`Shown`](printable::Shown), [`label`](crate::label), or a cell of a
//! [`Table`](crate::table::Table).
//!
//! As it is goes out only
//! - the answer of `invoke`, to what is no terminal: a program wants the bytes;
//! - a component, to the process of this command that has asked for it ([`crate::worlds`]);
//! - what cargo, rustup and `build.command` say, which have the terminal themselves: who writes a build script may do on this
//!   machine whatever its user may.

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

/// The same with colours in it, which are left out where nobody would see them or `NO_COLOR` is set.
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

/// Writes what a handler has answered: its bytes, or text where people read it.
pub(crate) fn print_answer(answer: &[u8]) -> io::Result<()> {
    if io::stdout().is_terminal() { print(String::from_utf8_lossy(answer)) } else { put(answer) }
}

/// Writes what the process that started this one has asked for.
pub(crate) fn hand_over(bytes: &[u8]) -> io::Result<()> {
    io::stdout().write_all(bytes)
}

/// Tells people something that is no result.
pub(crate) fn tell(text: &str) {
    say(&format!("{}\n", printable::text(text)));
}

/// The same with colours in it, which are left out where nobody would see them or `NO_COLOR` is set. Its lines have their ends.
pub(crate) fn tell_in_colour(text: &Coloured) {
    match AutoStream::choice(&io::stderr()) {
        ColorChoice::Never => say(&text.plain()),
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => say(text.as_str()),
    }
}

/// Tells that this command has a bug. What moves on the terminal may be what has panicked, so nobody waits for it.
pub(crate) fn panicked(panic: &PanicHookInfo<'_>) {
    let text = format!("bulkhead: it panicked, which is a bug of Bulkhead: {panic}");
    let _ = writeln!(io::stderr(), "{}", printable::text(&text));
}

/// Whoever closes the pipe has seen enough.
fn put(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    // It may be the terminal where progress moves.
    match progress::aside(|| stdout.write_all(bytes).and_then(|()| stdout.flush())) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Where nobody listens, nothing is to be said.
fn say(text: &str) {
    let _ = progress::aside(|| io::stderr().lock().write_all(text.as_bytes()));
}
