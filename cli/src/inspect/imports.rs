//! What each import is good for, and which grant of `bulkhead.toml` it needs.

use serde::Serialize;

use crate::check::grant_lines;

/// An interface that is imported.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Import {
    pub(super) name: String,
    /// What it is good for; none where this host does not know it.
    pub(super) what: Option<&'static str>,
    /// The lines of a handler's grants, one of which gives it something; empty where it needs none, or nobody gets it.
    pub(super) grants: &'static [&'static str],
}

/// By the name without its version, or the beginning of that.
const KNOWN: [(&str, &str); 21] = [
    ("bulkhead:lambda/types", "what an event and its context are"),
    ("bulkhead:lambda/response-stream", "the answer, piece by piece"),
    ("wasi:cli/environment", "environment variables"),
    ("wasi:cli/exit", "ending early"),
    ("wasi:cli/stdin", "an empty input"),
    ("wasi:cli/stdout", "lines for the log"),
    ("wasi:cli/stderr", "lines for the log"),
    ("wasi:cli/terminal-", "whether there is a terminal; there is none"),
    ("wasi:clocks/", "the time"),
    ("wasi:filesystem/preopens", "the directories that are granted"),
    ("wasi:filesystem/types", "files in these"),
    ("wasi:http/outgoing-handler", "sending requests"),
    ("wasi:http/types", "requests and responses"),
    ("wasi:io/error", "errors of streams"),
    ("wasi:io/poll", "waiting"),
    ("wasi:io/streams", "streams of bytes"),
    ("wasi:random/insecure", "random numbers for hash tables"),
    ("wasi:random/", "random bytes"),
    ("wasi:sockets/ip-name-lookup", "names of hosts, which nobody gets; use wasi:http"),
    ("wasi:sockets/network", "raw sockets, which nobody gets; use wasi:http"),
    ("wasi:sockets/", "raw sockets, which nobody gets; use wasi:http"),
];

impl Import {
    pub(super) fn of(name: String) -> Self {
        let (interface, version) = name.split_once('@').unwrap_or((&name, ""));
        let is_ours = version.starts_with("0.2.") || interface.starts_with("bulkhead:");
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
            Some("whether there is a terminal; there is none")
        );
        assert_eq!(of("wasi:cli/exit@0.2.6").grants, [""; 0]);
        assert!(of("wasi:cli/environment@0.2.0").grants[0].starts_with("environment = "));
        assert!(of("wasi:http/outgoing-handler@0.2.4").grants[0].starts_with("allowed_outbound_hosts"));
        assert!(of("wasi:sockets/tcp-create-socket@0.2.0").what.is_some_and(|what| what.contains("nobody")));
        for unknown in ["acme:db/query@1.0.0", "wasi:cli/stdout@0.3.0", "wasi:keyvalue/store@0.2.0"] {
            assert_eq!(of(unknown).what, None, "{unknown}");
        }
    }
}
