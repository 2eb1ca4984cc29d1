//! What a guest asked for in its event and does not have, for the log. One record for each kind of thing, however often it
//! asked. Denied requests are logged by [`crate::capabilities::outbound`], which knows their destinations.
//!
//! A guest gets all variables of its environment in one list, and all of its directories in another, so the host cannot see which
//! ones it missed. Most languages ask for both when they start and do not use them, so these records have the level DEBUG.

use crate::log::Level;
use crate::policy::manifest::FILE;

/// What one event was denied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Denials {
    /// A socket, or the address of a name.
    pub sockets: bool,
    /// To change or reach what its files do not allow.
    pub files: bool,
    /// Its environment, which is empty.
    pub environment: bool,
    /// Its directories, of which there are none.
    pub directories: bool,
}

/// What is said of one kind of thing, with the table that a grant is added to.
pub type Text = fn(&str) -> String;

impl Denials {
    /// What the log is told, where it wants to know.
    pub fn records(self) -> impl Iterator<Item = (Level, Text)> {
        let told: [(bool, Level, Text); 4] = [
            (self.sockets, Level::Warn, sockets),
            (self.files, Level::Warn, files),
            (self.environment, Level::Debug, environment),
            (self.directories, Level::Debug, directories),
        ];
        told.into_iter().filter(|(denied, ..)| *denied).map(|(_, level, text)| (level, text))
    }
}

fn sockets(table: &str) -> String {
    format!(
        "the handler was denied a socket, which no grant allows; it reaches others by wasi:http, and those that are in \
         allowed_outbound_hosts in [{table}] of {FILE}"
    )
}

fn files(table: &str) -> String {
    format!(
        "the handler was denied something in its files: what `files` grants can be read and not changed, and nothing that \
         lies outside of it can be reached; for files of its own, add tmp = \"16MiB\" to [{table}] of {FILE}"
    )
}

fn environment(table: &str) -> String {
    format!(
        "the handler asked for its environment, which is empty; to give it variables, add environment = {{ NAME = \
         \"value\" }} or inherit_environment = [\"NAME\"] to [{table}] of {FILE}"
    )
}

fn directories(table: &str) -> String {
    format!(
        "the handler asked for its directories, and has none; to give it one, add files = [\"DIRECTORY\"] or tmp = \
         \"16MiB\" to [{table}] of {FILE}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_one_record_that_says_what_to_do() {
        let all = Denials { sockets: true, files: true, environment: true, directories: true };
        let records: Vec<_> = all.records().collect();
        let levels: Vec<_> = records.iter().map(|(level, _)| *level).collect();
        assert_eq!(levels, [Level::Warn, Level::Warn, Level::Debug, Level::Debug]);
        for (_, text) in &records {
            let text = text("handlers.hello.grants");
            assert!(text.contains("[handlers.hello.grants] of bulkhead.toml"), "{text}");
        }
        assert_eq!(Denials::default().records().count(), 0);
        assert_eq!(Denials { files: true, ..Denials::default() }.records().count(), 1);
    }
}
