//! Records about resources that a guest tried to use without a grant, one for each kind of resource and
//! event. Denied requests are logged by [`crate::capabilities::outbound`], which has their destinations.
//!
//! A guest gets all of its environment variables in one list, and all of its directories in another, so the
//! host cannot see which ones it missed. Most languages read both when they start without using them, so
//! these records have the level DEBUG.

use crate::log::Level;
use crate::policy::manifest::FILE;

/// The denials of one event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Denials {
    /// A socket, or a name lookup.
    pub sockets: bool,
    /// A change of files, or access outside of the granted directories.
    pub files: bool,
    /// The environment, which is empty.
    pub environment: bool,
    /// The directories, of which there are none.
    pub directories: bool,
}

/// The message about one kind of denial, with the table for the grant.
pub type Text = fn(&str) -> String;

impl Denials {
    /// Logs the denials, if the log's level includes them.
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
        "the handler tried to use a socket, which cannot be granted; it can send requests through wasi:http, \
         to the hosts in allowed_outbound_hosts in [{table}] of {FILE}"
    )
}

fn files(table: &str) -> String {
    format!(
        "the handler tried to change a file, or to reach one outside of its directories: directories in \
         `files` are read-only; for writable files, add tmp = \"16MiB\" to [{table}] of {FILE}"
    )
}

fn environment(table: &str) -> String {
    format!(
        "the handler read its environment, which is empty; to give it variables, add environment = {{ NAME = \
         \"value\" }} or inherit_environment = [\"NAME\"] to [{table}] of {FILE}"
    )
}

fn directories(table: &str) -> String {
    format!(
        "the handler listed its directories, but none is granted; to grant one, add files = \
         [\"DIRECTORY\"] or tmp = \"16MiB\" to [{table}] of {FILE}"
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
