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
struct GrantedInterface {
    interface: &'static str,
    lines: &'static [&'static str],
    is_granted: fn(&Grants) -> bool,
    /// Whether programs import it that do not use it. The standard libraries of Rust and C read the environment and the
    /// directories for every program, so a component that imports these need not miss anything.
    is_in_every_program: bool,
}

static INTERFACES: [GrantedInterface; 7] = [
    GrantedInterface {
        interface: "wasi:cli/environment",
        lines: &["environment = { NAME = \"value\" }", "inherit_environment = [\"NAME\"]"],
        is_granted: |grants| !grants.environment.is_empty() || !grants.inherit_environment.is_empty(),
        is_in_every_program: true,
    },
    GrantedInterface {
        interface: "wasi:filesystem/preopens",
        lines: &["files = [\"assets\"]", "tmp = \"16MiB\""],
        is_granted: |grants| !grants.files.is_empty() || grants.tmp > 0,
        is_in_every_program: true,
    },
    GrantedInterface {
        interface: "wasi:http/outgoing-handler",
        lines: &["allowed_outbound_hosts = [\"https://api.example.com\"]"],
        is_granted: |grants| !grants.allowed_outbound_hosts.is_empty() || !grants.credentials.is_empty(),
        is_in_every_program: false,
    },
    GrantedInterface {
        interface: "wasi:keyvalue/store",
        lines: &["key_value = [\"cache\"]"],
        is_granted: |grants| !grants.key_value.is_empty(),
        is_in_every_program: false,
    },
    // Raw sockets are never granted.
    never("wasi:sockets/ip-name-lookup"),
    never("wasi:sockets/tcp-create-socket"),
    never("wasi:sockets/udp-create-socket"),
];

const fn never(interface: &'static str) -> GrantedInterface {
    GrantedInterface { interface, lines: &[], is_granted: |_| false, is_in_every_program: false }
}

/// The imports that a policy denies, in the order of [`INTERFACES`], without those that every program has.
pub(super) fn denied(imports: &[String], policy: &Policy) -> Vec<Denial> {
    let denial = |known: &GrantedInterface| {
        let import = imports.iter().find(|import| interface(import) == known.interface)?;
        let denied = !(known.is_granted)(&policy.grants);
        denied.then(|| Denial {
            import: import.clone(),
            table: (!known.lines.is_empty()).then(|| policy.table.clone()),
            lines: known.lines.to_vec(),
        })
    };
    INTERFACES.iter().filter(|known| !known.is_in_every_program).filter_map(denial).collect()
}

/// The grants of which any one makes an interface, named without its version, work. `None` if the interface
/// needs no grant, or if there is no grant for it.
pub(crate) fn grant_lines(name: &str) -> &'static [&'static str] {
    INTERFACES.iter().find(|known| known.interface == name).map_or(&[], |known| known.lines)
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
            ["imports wasi:http/outgoing-handler, but nothing is granted: add allowed_outbound_hosts = \
                 [\"https://api.example.com\"] to [handlers.hello.grants]",]
        );
        let granted = texts(&imports, |grants| {
            grants.allowed_outbound_hosts.push("*://*:*".parse().unwrap());
        });
        assert_eq!(granted, [] as [String; 0]);
    }

    #[test]
    fn a_key_value_store_needs_a_grant_whichever_id_it_has() {
        for version in ["0.2.0-draft", "0.2.0-draft2"] {
            let imports = [&*format!("wasi:keyvalue/store@{version}"), "wasi:config/store@0.2.0-rc.1"];
            assert_eq!(
                texts(&imports, |_| ()),
                ["imports wasi:keyvalue/store, but nothing is granted: add key_value = [\"cache\"] to \
                  [handlers.hello.grants]"]
            );
            let granted = texts(&imports, |grants| grants.key_value.extend(["cache".to_owned()]));
            assert_eq!(granted, [] as [String; 0]);
        }
    }

    #[test]
    fn what_every_program_imports_is_no_denial_but_has_a_grant() {
        let imports = ["wasi:cli/environment@0.2.6", "wasi:filesystem/preopens@0.2.6"];
        assert_eq!(texts(&imports, |_| ()), [] as [String; 0]);
        assert_eq!(grant_lines("wasi:cli/environment").len(), 2);
        assert_eq!(grant_lines("wasi:filesystem/preopens"), ["files = [\"assets\"]", "tmp = \"16MiB\""]);
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
