//! What a component imports and gets nothing from under a policy, and the line that would change that.

use bulkhead_host::policy::{Grants, Policy};
use serde::Serialize;

/// An import that gives nothing.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Denial {
    /// The interface.
    pub(super) import: String,
    /// The table of `bulkhead.toml` and the lines, one of which would grant something. None where there is no grant.
    pub(super) table: Option<String>,
    pub(super) lines: Vec<&'static str>,
}

/// An interface that gives nothing by itself.
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
    // Raw sockets are not given to anyone.
    Gate { interface: "wasi:sockets/ip-name-lookup", lines: &[], is_open: |_| false },
    Gate { interface: "wasi:sockets/tcp-create-socket", lines: &[], is_open: |_| false },
    Gate { interface: "wasi:sockets/udp-create-socket", lines: &[], is_open: |_| false },
];

/// What these imports would be denied under a policy, in the order of [`GATES`].
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

/// The lines of grants, one of which makes an interface, named without its version, give something. None where it needs
/// no grant, or there is none.
pub(crate) fn grant_lines(name: &str) -> &'static [&'static str] {
    GATES.iter().find(|gate| gate.interface == name).map_or(&[], |gate| gate.lines)
}

/// An import's name without its version.
fn interface(import: &str) -> &str {
    import.split_once('@').map_or(import, |(interface, _)| interface)
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "imports {}; gets nothing: ", interface(&self.import))?;
        match &self.table {
            Some(table) => write!(f, "add {} to [{table}]", self.lines.join(" or ")),
            None => f.write_str("there are no raw sockets, use wasi:http"),
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
                "imports wasi:cli/environment; gets nothing: add environment = { NAME = \"value\" } or \
                 inherit_environment = [\"NAME\"] to [handlers.hello.grants]",
                "imports wasi:filesystem/preopens; gets nothing: add files = [\"assets\"] or tmp = \"16MiB\" to \
                 [handlers.hello.grants]",
                "imports wasi:http/outgoing-handler; gets nothing: add allowed_outbound_hosts = \
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
        assert!(left[0].starts_with("imports wasi:filesystem/preopens;"), "{left:?}");
    }

    #[test]
    fn raw_sockets_are_for_nobody() {
        let text = texts(&["wasi:sockets/tcp-create-socket@0.2.6", "wasi:sockets/tcp@0.2.6"], |_| ());
        assert_eq!(
            text,
            ["imports wasi:sockets/tcp-create-socket; gets nothing: there are no raw sockets, use wasi:http"]
        );
    }
}
