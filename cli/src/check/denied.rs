//! The imports of a component that fail under a policy, and the grants that would make them work.

use bulkhead_host::policy::{Grants, Policy};
use serde::Serialize;

/// An import that fails.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Denial {
    /// The interface.
    pub(super) import: String,
    /// The table of `bulkhead.toml`, and lines of which any one would make the import work. `None` if there
    /// is no grant for it.
    pub(super) table: Option<String>,
    pub(super) lines: Vec<&'static str>,
}

/// An interface that needs a grant.
struct Gate {
    interface: &'static str,
    lines: &'static [&'static str],
    is_open: fn(&Grants) -> bool,
}

static GATES: [Gate; 6] = [
    Gate {
        interface: "wasi:cli/environment",
        lines: &["environment = { NAME = \"value\" }", "inherit_environment = [\"NAME\"]"],
        is_open: |grants| !grants.environment.is_empty() || !grants.inherit_environment.is_empty(),
    },
    Gate {
        interface: "wasi:filesystem/preopens",
        lines: &["files = [\"assets\"]", "tmp = \"16MiB\""],
        is_open: |grants| !grants.files.is_empty() || grants.tmp > 0,
    },
    Gate {
        interface: "wasi:http/outgoing-handler",
        lines: &["allowed_outbound_hosts = [\"https://api.example.com\"]"],
        is_open: |grants| !grants.allowed_outbound_hosts.is_empty(),
    },
    // Raw sockets are never granted.
    Gate { interface: "wasi:sockets/ip-name-lookup", lines: &[], is_open: |_| false },
    Gate { interface: "wasi:sockets/tcp-create-socket", lines: &[], is_open: |_| false },
    Gate { interface: "wasi:sockets/udp-create-socket", lines: &[], is_open: |_| false },
];

/// The imports that a policy denies, in the order of [`GATES`].
pub(super) fn denied(imports: &[String], policy: &Policy) -> Vec<Denial> {
    let denial = |gate: &Gate| {
        let import = imports.iter().find(|import| interface(import) == gate.interface)?;
        let denied = !(gate.is_open)(&policy.grants);
        denied.then(|| Denial {
            import: import.clone(),
            table: (!gate.lines.is_empty()).then(|| policy.table.clone()),
            lines: gate.lines.to_vec(),
        })
    };
    GATES.iter().filter_map(denial).collect()
}

/// The grants of which any one makes an interface, named without its version, work. `None` if the interface
/// needs no grant, or if there is no grant for it.
pub(crate) fn grant_lines(name: &str) -> &'static [&'static str] {
    GATES.iter().find(|gate| gate.interface == name).map_or(&[], |gate| gate.lines)
}

/// The name of an import without its version.
fn interface(import: &str) -> &str {
    import.split_once('@').map_or(import, |(interface, _)| interface)
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "imports {}, but ", interface(&self.import))?;
        match &self.table {
            Some(table) => write!(f, "nothing is granted: add {} to [{table}]", self.lines.join(" or ")),
            None => f.write_str("raw sockets are never granted; use wasi:http"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(imports: &[&str], change: impl FnOnce(&mut Grants)) -> Vec<String> {
        let imports: Vec<String> = imports.iter().map(|import| (*import).to_owned()).collect();
        let mut policy = Policy::default_for("hello");
        change(&mut policy.grants);
        denied(&imports, &policy).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_denial_names_the_line_that_would_grant_it() {
        let imports = [
            "wasi:cli/environment@0.2.6",
            "wasi:cli/stdout@0.2.6",
            "wasi:filesystem/preopens@0.2.6",
            "wasi:filesystem/types@0.2.6",
            "wasi:http/outgoing-handler@0.2.4",
            "wasi:http/types@0.2.4",
        ];
        assert_eq!(
            texts(&imports, |_| ()),
            [
                "imports wasi:cli/environment, but nothing is granted: add environment = { NAME = \"value\" } or \
                 inherit_environment = [\"NAME\"] to [handlers.hello.grants]",
                "imports wasi:filesystem/preopens, but nothing is granted: add files = [\"assets\"] or tmp = \"16MiB\" to \
                 [handlers.hello.grants]",
                "imports wasi:http/outgoing-handler, but nothing is granted: add allowed_outbound_hosts = \
                 [\"https://api.example.com\"] to [handlers.hello.grants]",
            ]
        );
        let granted = texts(&imports, |grants| {
            grants.inherit_environment.insert("STAGE".to_owned());
            grants.tmp = 1;
            grants.allowed_outbound_hosts.push("*://*:*".parse().unwrap());
        });
        assert_eq!(granted, [] as [String; 0]);
    }

    #[test]
    fn one_grant_opens_one_gate() {
        let imports = ["wasi:cli/environment@0.2.6", "wasi:filesystem/preopens@0.2.6"];
        let left = texts(&imports, |grants| {
            grants.environment.insert("STAGE".to_owned(), String::new());
        });
        assert_eq!(left.len(), 1);
        assert!(left[0].starts_with("imports wasi:filesystem/preopens,"), "{left:?}");
    }

    #[test]
    fn raw_sockets_are_for_nobody() {
        let text = texts(&["wasi:sockets/tcp-create-socket@0.2.6", "wasi:sockets/tcp@0.2.6"], |_| ());
        assert_eq!(
            text,
            ["imports wasi:sockets/tcp-create-socket, but raw sockets are never granted; use wasi:http"]
        );
    }
}
