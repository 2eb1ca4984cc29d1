//! `[build]`: how components are built without cargo. The table is parsed here, so that its mistakes are
//! reported together with all others; the command runs it, and the bootstrap ignores it.

use std::path::PathBuf;

use super::document::Entry;
use super::place;

/// The content of `[build]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// `command`: a shell command. It must leave each handler's component at the handler's `source`, relative
    /// to `bulkhead.toml`.
    pub command: String,
    /// `workdir`: the directory in which it runs, relative to `bulkhead.toml`. `None` is the directory of
    /// that file.
    pub workdir: Option<PathBuf>,
}

pub(super) const KEYS: [&str; 2] = ["command", "workdir"];

pub(super) fn build(entry: &Entry<'_>) -> Option<Build> {
    let table = entry.table("{ command = \"make\" }")?;
    table.only(&KEYS, |_| None);
    let workdir = table.entry("workdir").and_then(|entry| {
        entry.understood(place::place(entry.string("the path of a folder, such as \"python\"")?))
    });
    let Some(command) = table.entry("command") else {
        entry.mistake("the command is missing; expected command = \"make\", for example");
        return None;
    };
    let line = command.string("a shell command, such as \"make\"")?;
    if line.trim().is_empty() || line.contains('\0') {
        command.mistake("this is not a command; expected a shell command, such as \"make\"");
        return None;
    }
    Some(Build { command: line.to_owned(), workdir: workdir.map(|spanned| spanned.value) })
}
