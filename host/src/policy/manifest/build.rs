//! `[build]`: how components are made that cargo does not make. It is understood here, so that its mistakes are told with all
//! others; it is done by the command, and the bootstrap has no use for it.

use std::path::PathBuf;

use super::document::Entry;
use super::place;

/// What `[build]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// `command`: a line for the shell. It leaves each handler's component at the handler's `source`, beside `bulkhead.toml`.
    pub command: String,
    /// `workdir`: where it is run, relative to `bulkhead.toml`. None is there.
    pub workdir: Option<PathBuf>,
}

pub(super) const KEYS: [&str; 2] = ["command", "workdir"];

pub(super) fn build(entry: &Entry<'_>) -> Option<Build> {
    let table = entry.table()?;
    table.only(&KEYS, |_| None);
    let workdir = table.entry("workdir").and_then(|entry| {
        entry.understood(place::place(entry.string("the path of a folder, such as \"python\"")?))
    });
    let Some(command) = table.entry("command") else {
        entry.mistake("there is nothing to run; expected command = \"make\" or the like");
        return None;
    };
    let line = command.string("a line for the shell, such as \"make\"")?;
    if line.trim().is_empty() || line.contains('\0') {
        command.mistake("this is no command; expected a line for the shell, such as \"make\"");
        return None;
    }
    Some(Build { command: line.to_owned(), workdir: workdir.map(|spanned| spanned.value) })
}
