//! Reads a table of grants, and the grants of a handler's `max`.

use std::fmt::Display;
use std::path::PathBuf;

use ipnet::IpNet;

use super::amounts::{LIMITS, TMP};
use super::document::{Entry, Spanned, Table};
use super::{environment, key_value, network, place};
use crate::policy::AllowedHost;

/// The keys of a table of grants.
pub(super) const KEYS: [&str; 8] = [
    "environment",
    "inherit_environment",
    "files",
    "tmp",
    "allowed_outbound_hosts",
    "allowed_private_networks",
    "credentials",
    "key_value",
];

/// The most directories of one policy. Each is a file descriptor, of which Lambda grants 1024.
pub const MOST_DIRECTORIES: usize = 64;

/// The content of a table of grants. A variable has a name and a value under `grants`, and only a name under
/// `max.grants`. `None` is a missing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GrantsSection<V> {
    pub(super) environment: Option<Vec<Spanned<V>>>,
    pub(super) inherit_environment: Option<Vec<Spanned<String>>>,
    pub(super) files: Option<Vec<Spanned<PathBuf>>>,
    pub(super) tmp: Option<Spanned<u64>>,
    pub(super) allowed_outbound_hosts: Option<Vec<Spanned<AllowedHost>>>,
    pub(super) allowed_private_networks: Option<Vec<Spanned<IpNet>>>,
    /// Names.
    pub(super) credentials: Option<Vec<Spanned<String>>>,
    pub(super) key_value: Option<Vec<Spanned<String>>>,
}

impl<V> Default for GrantsSection<V> {
    fn default() -> Self {
        Self {
            environment: None,
            inherit_environment: None,
            files: None,
            tmp: None,
            allowed_outbound_hosts: None,
            allowed_private_networks: None,
            credentials: None,
            key_value: None,
        }
    }
}

/// Reads a table of grants.
pub(super) fn grants(table: &Table<'_>) -> GrantsSection<(String, String)> {
    let grants = GrantsSection {
        environment: table.entry("environment").and_then(|entry| variables(&entry)),
        ..rest(table)
    };
    for inherited in grants.inherit_environment.iter().flatten() {
        let name = &inherited.value;
        let fixed = grants.environment.iter().flatten().find(|fixed| fixed.value.0 == *name);
        if let Some(Spanned { line, .. }) = fixed
            && let Some(entry) = table.entry("inherit_environment")
        {
            entry.mistake(format!(
                "{name} has a value already (line {line}); either inherit it or give it a value"
            ));
        }
    }
    let directories = grants.files.as_ref().map_or(0, Vec::len);
    if directories > MOST_DIRECTORIES
        && let Some(entry) = table.entry("files")
    {
        entry.mistake(format!(
            "there are {directories} directories, and a handler or tenant can have {MOST_DIRECTORIES}; put several into one \
             directory, and grant that"
        ));
    }
    grants
}

/// Reads the grants of `max`.
pub(super) fn most(table: &Table<'_>) -> GrantsSection<String> {
    let name = |entry: &Entry<'_>| list(entry, "an array of names of variables", environment::name);
    GrantsSection { environment: table.entry("environment").and_then(|entry| name(&entry)), ..rest(table) }
}

/// All keys except `environment`.
fn rest<V>(table: &Table<'_>) -> GrantsSection<V> {
    table.only(&KEYS, belongs);
    let entry = |key| table.entry(key);
    let hosts = "an array of hosts, such as [\"https://api.example.com\"]";
    GrantsSection {
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
        credentials: entry("credentials").and_then(|entry| {
            list(&entry, "an array of names under [credentials]", |name| Ok::<_, String>(name.to_owned()))
        }),
        key_value: entry("key_value").and_then(|entry| key_value::names(&entry)),
    }
}

/// The place of a limit that was written among the grants, or the grant that is meant.
fn belongs(key: &str) -> Option<String> {
    if LIMITS.iter().any(|amount| amount.limit.key() == key) {
        return Some(format!("`{key}` belongs under `limits`"));
    }
    if matches!(key, "secrets" | "secret") {
        return Some(
            "a handler never has a secret; put it into a credential, and grant `credentials`".to_owned(),
        );
    }
    known_elsewhere(key).map(|meant| format!("did you mean `{meant}`?"))
}

/// The grant that other systems call by this name.
pub(super) fn known_elsewhere(key: &str) -> Option<&'static str> {
    match key {
        "env" | "variables" => Some("environment"),
        "hosts" | "allowed_hosts" | "network" | "http" => Some("allowed_outbound_hosts"),
        "directories" | "dirs" | "filesystem" => Some("files"),
        _ => None,
    }
}

/// The strings of an array, parsed by `parse`. Invalid ones are left out.
pub(super) fn list<T, E: Display>(
    entry: &Entry<'_>,
    what: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<Vec<Spanned<T>>> {
    let understood = |element: Entry<'_>| element.understood(parse(element.string("a string")?));
    Some(entry.array(what)?.into_iter().filter_map(understood).collect())
}

fn variables(entry: &Entry<'_>) -> Option<Vec<Spanned<(String, String)>>> {
    const EXAMPLE: &str = "{ STAGE = \"prod\" }";
    if !entry.is_table() {
        return entry.expected(&format!("a table of strings, such as {EXAMPLE}"));
    }
    let variable =
        |entry: Entry<'_>| entry.understood(environment::variable(entry.key, entry.string("a string")?));
    Some(entry.table(EXAMPLE)?.entries().filter_map(variable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::manifest::Manifest;

    #[test]
    fn more_directories_than_can_stay_open_are_a_mistake_with_its_line() {
        let toml = |count: usize| {
            let directories: Vec<String> = (0..count).map(|number| format!("\"data/{number}\"")).collect();
            format!("[handlers.a]\n[tenants.t]\n[tenants.t.grants]\nfiles = [{}]\n", directories.join(", "))
        };
        // Those of the handler are what its tenants may have.
        let with_bound =
            |count: usize| toml(count).replace("[tenants.t]", "max.grants.files = [\"data\"]\n[tenants.t]");
        assert!(Manifest::parse(&with_bound(MOST_DIRECTORIES)).is_ok());
        let wrong = Manifest::parse(&with_bound(MOST_DIRECTORIES + 1)).unwrap_err();
        assert_eq!(
            wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "5: tenants.t.grants.files: there are 65 directories, and a handler or tenant can have 64; put several into one \
              directory, and grant that"
            ]
        );
    }
}
