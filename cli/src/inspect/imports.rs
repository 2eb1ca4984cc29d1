//! The purpose of each import, and the grant of `bulkhead.toml` that it needs.

use serde::Serialize;

use crate::check::grant_lines;

/// An imported interface.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Import {
    pub(super) name: String,
    /// The purpose; `None` if this host does not know the interface.
    pub(super) what: Option<&'static str>,
    /// The grants of a handler of which any one is enough; empty if none is needed or none exists.
    pub(super) grants: &'static [&'static str],
}

/// Interfaces by name without version, or by the beginning of the name.
const KNOWN: [(&str, &str); 25] = [
    ("bulkhead:lambda/types", "the types of an event and its context"),
    ("bulkhead:lambda/response-stream", "streaming the response"),
    ("wasi:cli/environment", "environment variables"),
    ("wasi:cli/exit", "exiting early"),
    ("wasi:cli/stdin", "an empty input"),
    ("wasi:cli/stdout", "lines for the log"),
    ("wasi:cli/stderr", "lines for the log"),
    ("wasi:cli/terminal-", "asking for a terminal; there never is one"),
    ("wasi:clocks/", "the time"),
    ("wasi:config/store", "the configuration of the handler or tenant"),
    ("wasi:filesystem/preopens", "the granted directories"),
    ("wasi:filesystem/types", "files in the granted directories"),
    ("wasi:http/outgoing-handler", "sending requests"),
    ("wasi:http/types", "requests and responses"),
    ("wasi:io/error", "stream errors"),
    ("wasi:io/poll", "waiting"),
    ("wasi:io/streams", "byte streams"),
    ("wasi:keyvalue/atomics", "sums and replacements in key-value stores"),
    ("wasi:keyvalue/batch", "several keys of key-value stores at a time"),
    ("wasi:keyvalue/store", "the granted key-value stores"),
    ("wasi:random/insecure", "random numbers for hash tables"),
    ("wasi:random/", "random bytes"),
    ("wasi:sockets/ip-name-lookup", "name lookup, which is never granted; use wasi:http"),
    ("wasi:sockets/network", "raw sockets, which are never granted; use wasi:http"),
    ("wasi:sockets/", "raw sockets, which are never granted; use wasi:http"),
];

/// The versions of interfaces that are not part of a release. Those of `wasi:config` and of `wasi:keyvalue` differ.
const DRAFTS: [&str; 4] = ["0.2.0-rc.1", "0.2.0-draft-2024-09-27", "0.2.0-draft", "0.2.0-draft2"];

impl Import {
    pub(super) fn of(name: String) -> Self {
        let (interface, version) = name.split_once('@').unwrap_or((&name, ""));
        let is_draft =
            ["wasi:config/", "wasi:keyvalue/"].iter().any(|package| interface.starts_with(package));
        let is_ours = match is_draft {
            true => DRAFTS.contains(&version),
            false => version.starts_with("0.2.") || interface.starts_with("bulkhead:"),
        };
        let known = KNOWN.iter().find(|(known, _)| is_ours && interface.starts_with(known));
        Self { what: known.map(|(_, what)| *what), grants: grant_lines(interface), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_have_their_use_and_their_grant() {
        let of = |name: &str| Import::of(name.to_owned());
        assert_eq!(
            of("wasi:cli/terminal-stdin@0.2.6").what,
            Some("asking for a terminal; there never is one")
        );
        assert_eq!(of("wasi:cli/exit@0.2.6").grants, [""; 0]);
        assert!(of("wasi:cli/environment@0.2.0").grants[0].starts_with("environment = "));
        assert!(of("wasi:http/outgoing-handler@0.2.4").grants[0].starts_with("allowed_outbound_hosts"));
        for version in ["0.2.0-draft", "0.2.0-draft2"] {
            let store = of(&format!("wasi:keyvalue/store@{version}"));
            assert_eq!(
                (store.what, store.grants[0]),
                (Some("the granted key-value stores"), "key_value = [\"cache\"]")
            );
        }
        assert!(of("wasi:config/store@0.2.0-rc.1").what.is_some());
        assert!(
            of("wasi:sockets/tcp-create-socket@0.2.0")
                .what
                .is_some_and(|what| what.contains("never granted"))
        );
        for unknown in ["acme:db/query@1.0.0", "wasi:cli/stdout@0.3.0", "wasi:keyvalue/store@0.2.0"] {
            assert_eq!(of(unknown).what, None, "{unknown}");
        }
    }
}
