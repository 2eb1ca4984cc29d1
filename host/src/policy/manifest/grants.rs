//! What a table of grants says, and what a handler's `max` says of grants.

use std::fmt::Display;
use std::path::PathBuf;

use ipnet::IpNet;

use super::amounts::TMP;
use super::document::{Entry, Said, Table};
use super::{environment, network, place};
use crate::policy::AllowedHost;

/// The keys of a table of grants.
pub(super) const KEYS: [&str; 6] = [
    "environment",
    "inherit_environment",
    "files",
    "tmp",
    "allowed_outbound_hosts",
    "allowed_private_networks",
];

/// What a table of grants says. A variable has a name and a value under `grants`, and a name alone under
/// `max.grants`. None is a key that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SaidGrants<V> {
    pub(super) environment: Option<Vec<Said<V>>>,
    pub(super) inherit_environment: Option<Vec<Said<String>>>,
    pub(super) files: Option<Vec<Said<PathBuf>>>,
    pub(super) tmp: Option<Said<u64>>,
    pub(super) allowed_outbound_hosts: Option<Vec<Said<AllowedHost>>>,
    pub(super) allowed_private_networks: Option<Vec<Said<IpNet>>>,
}

impl<V> Default for SaidGrants<V> {
    fn default() -> Self {
        Self {
            environment: None,
            inherit_environment: None,
            files: None,
            tmp: None,
            allowed_outbound_hosts: None,
            allowed_private_networks: None,
        }
    }
}

/// Reads a table of grants.
pub(super) fn grants(table: &Table<'_>) -> SaidGrants<(String, String)> {
    let grants = SaidGrants {
        environment: table.entry("environment").and_then(|entry| variables(&entry)),
        ..rest(table)
    };
    for inherited in grants.inherit_environment.iter().flatten() {
        let name = &inherited.value;
        let fixed = grants.environment.iter().flatten().find(|fixed| fixed.value.0 == *name);
        if let Some(Said { line, .. }) = fixed
            && let Some(entry) = table.entry("inherit_environment")
        {
            entry.mistake(format!(
                "{name} is given a value already (line {line}); inherit it, or give it a value, not both"
            ));
        }
    }
    grants
}

/// Reads what `max` says of grants.
pub(super) fn most(table: &Table<'_>) -> SaidGrants<String> {
    let name = |entry: &Entry<'_>| list(entry, "an array of names of variables", environment::name);
    SaidGrants { environment: table.entry("environment").and_then(|entry| name(&entry)), ..rest(table) }
}

/// Everything but `environment`.
fn rest<V>(table: &Table<'_>) -> SaidGrants<V> {
    table.only(&KEYS, |_| None);
    let entry = |key| table.entry(key);
    let hosts = "an array of hosts, such as [\"https://api.example.com\"]";
    SaidGrants {
        environment: None,
        inherit_environment: entry("inherit_environment")
            .and_then(|entry| list(&entry, "an array of names of variables", environment::name)),
        files: entry("files").and_then(|entry| list(&entry, "an array of directories", place::directory)),
        tmp: entry("tmp").and_then(|entry| TMP.read(&entry)),
        allowed_outbound_hosts: entry("allowed_outbound_hosts")
            .and_then(|entry| list(&entry, hosts, |text| text.parse::<AllowedHost>())),
        allowed_private_networks: entry("allowed_private_networks").and_then(|entry| {
            list(&entry, "an array of networks, such as [\"10.1.0.0/16\"]", network::network)
        }),
    }
}

/// The strings of an array, each understood by `parse`. Those that are not are left out.
pub(super) fn list<T, E: Display>(
    entry: &Entry<'_>,
    what: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<Vec<Said<T>>> {
    let understood = |element: Entry<'_>| element.understood(parse(element.string("a string")?));
    Some(entry.array(what)?.into_iter().filter_map(understood).collect())
}

fn variables(entry: &Entry<'_>) -> Option<Vec<Said<(String, String)>>> {
    if !entry.is_table() {
        return entry.expected("a table of strings, such as { STAGE = \"prod\" }");
    }
    let variable =
        |entry: Entry<'_>| entry.understood(environment::variable(entry.key, entry.string("a string")?));
    Some(entry.table()?.entries().filter_map(variable).collect())
}
