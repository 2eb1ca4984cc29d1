//! Reads denials from the bootstrap's log, with the line of `bulkhead.toml` that would grant each of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that a handler tried and was denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dev) struct Denial {
    /// What happened, in the words of the log.
    pub(in crate::dev) what: String,
    /// The tenant of the event, or of the part of a batch.
    pub(in crate::dev) tenant: Option<String>,
    /// The table that the grants come from. `None` if no grant allows it.
    pub(in crate::dev) table: Option<String>,
    /// The key that would grant it, and the value that belongs to it.
    pub(in crate::dev) key: Option<&'static str>,
    pub(in crate::dev) value: Option<String>,
}

/// The keys of grants whose values are in the record of a denial.
const KEYS: [&str; 3] = ["allowed_outbound_hosts", "allowed_private_networks", "key_value"];

/// How such a record begins.
const SUBJECTS: [&str; 2] = ["outbound request to ", "key-value store "];

/// What the log says of files and of sockets begins with these words.
const FILES: &str = "the handler tried to change a file, or to reach one outside of its directories";
const SOCKETS: &str = "the handler tried to use a socket, which cannot be granted";

impl Denial {
    /// The memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        let texts = [Some(&self.what), self.tenant.as_ref(), self.table.as_ref(), self.value.as_ref()];
        size_of::<Self>() + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }

    /// The denial in a line of the log, if there is one. Only warnings of the host count. Output of a handler
    /// has other levels, or is an object in its record, so a handler cannot ask for a grant in the host's
    /// name.
    pub(super) fn of(line: &str) -> Option<Self> {
        let Warning { tenant, message } = warning(line)?;
        let what = |what: &str| what.to_owned();
        let never = |what| Self { what, tenant: tenant.clone(), table: None, key: None, value: None };
        if let Some(rest) = message.strip_prefix(FILES) {
            let (_, table) = rest.split_once("; for writable files, add tmp = \"16MiB\" to [")?;
            let table = table_of(table)?;
            return Some(Self {
                table: Some(table),
                key: Some("tmp"),
                value: Some(what("16MiB")),
                ..never(what(FILES))
            });
        }
        if message.starts_with(SOCKETS) {
            return Some(never(what("the handler tried to use a socket")));
        }
        let subject = SUBJECTS.into_iter().find(|subject| message.starts_with(subject))?;
        let rest = message.strip_prefix(subject)?;
        let described = |what: &str| format!("{subject}{what}");
        if let Some((what, _)) = rest.split_once("; no grant allows it") {
            return Some(never(described(what)));
        }
        let (what, how) = rest.split_once("; to allow it, add \"")?;
        let (value, place) = how.split_once('"')?;
        let key = KEYS.into_iter().find(|key| place.contains(&format!("to {key} in [")))?;
        let (_, table) = place.split_once(" in [")?;
        let (table, value) = (Some(table_of(table)?), Some(value.to_owned()));
        Some(Self { table, key: Some(key), value, ..never(described(what)) })
    }
}

/// The table in the rest of a message behind its bracket.
fn table_of(rest: &str) -> Option<String> {
    rest.rsplit_once("] of bulkhead.toml").map(|(table, _)| table.to_owned())
}

/// A warning in the log.
struct Warning {
    tenant: Option<String>,
    message: String,
}

/// The warning in a line, which is text or JSON.
fn warning(line: &str) -> Option<Warning> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Record {
        level: String,
        tenant_id: Option<String>,
        message: Value,
    }
    if line.starts_with('{') {
        let record: Record = serde_json::from_str(line).ok()?;
        let message = record.message.as_str().filter(|_| record.level == "WARN")?.to_owned();
        return Some(Warning { tenant: record.tenant_id, message });
    }
    let mut fields = line.splitn(4, '\t').skip(2);
    let message = fields.next().filter(|level| *level == "WARN").and_then(|_| fields.next())?;
    // A tenant, if there is one, comes first. Tabs in it are escaped.
    let named = message.strip_prefix("tenantId=").and_then(|rest| rest.split_once('\t'));
    Some(match named {
        Some((tenant, message)) => Warning { tenant: Some(tenant.to_owned()), message: message.to_owned() },
        None => Warning { tenant: None, message: message.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use bulkhead_host::capabilities::denials::Denials;
    use serde_json::json;

    use super::*;

    const DENIED: &str = "outbound request to https://a.test:443 was denied; to allow it, add \"https://a.test\" to \
                          allowed_outbound_hosts in [tenants.\"a b\".grants] of bulkhead.toml";

    fn text(level: &str, message: &str) -> String {
        format!("2026-11-22T00:00:00.000Z\tr-1\t{level}\ttenantId=acme\t{message}")
    }

    #[test]
    fn a_denial_names_table_key_and_value() {
        let denial = Denial::of(&text("WARN", DENIED)).unwrap();
        assert_eq!(denial.what, "outbound request to https://a.test:443 was denied");
        assert_eq!(denial.tenant.as_deref(), Some("acme"));
        assert_eq!(denial.table.as_deref(), Some("tenants.\"a b\".grants"));
        assert_eq!(
            (denial.key, denial.value.as_deref()),
            (Some("allowed_outbound_hosts"), Some("https://a.test"))
        );
        let refused = "outbound request to http://localhost:1 was denied because 127.0.0.1 is in loopback; to allow it, \
                       add \"127.0.0.0/8\" or a part of it to allowed_private_networks in [handlers.h.grants] of \
                       bulkhead.toml";
        let record = json!({ "level": "WARN", "tenantId": "beta", "message": refused }).to_string();
        let denial = Denial::of(&record).unwrap();
        assert_eq!(denial.tenant.as_deref(), Some("beta"));
        assert_eq!(
            (denial.key, denial.value.as_deref()),
            (Some("allowed_private_networks"), Some("127.0.0.0/8"))
        );
        let store = "key-value store \"cache\" was denied; to allow it, add \"cache\" to key_value in [handlers.h.grants] of \
                     bulkhead.toml";
        let denial = Denial::of(&text("WARN", store)).unwrap();
        assert_eq!(denial.what, "key-value store \"cache\" was denied");
        assert_eq!((denial.key, denial.value.as_deref()), (Some("key_value"), Some("cache")));
        let never =
            "outbound request to http://m was denied because 169.254.169.254 is a; no grant allows it";
        assert_eq!(Denial::of(&text("WARN", never)).unwrap().table, None);
    }

    #[test]
    fn files_and_sockets_are_denied_in_the_words_of_the_host() {
        let all = Denials { sockets: true, files: true, environment: true, directories: true };
        let lines = all.records().map(|(_, message)| text("WARN", &message("handlers.h.grants")));
        let denials: Vec<_> = lines.map(|line| Denial::of(&line)).collect();
        let [Some(sockets), Some(files), None, None] = denials.as_slice() else { panic!("{denials:?}") };
        assert_eq!((sockets.what.as_str(), sockets.key), ("the handler tried to use a socket", None));
        assert_eq!((files.what.as_str(), files.table.as_deref()), (FILES, Some("handlers.h.grants")));
        assert_eq!((files.key, files.value.as_deref()), (Some("tmp"), Some("16MiB")));
    }

    #[test]
    fn what_a_handler_prints_is_no_denial() {
        for level in ["INFO", "ERROR"] {
            assert_eq!(Denial::of(&text(level, DENIED)), None, "{level}");
        }
        let object = json!({ "level": "WARN", "message": { "level": "WARN", "message": DENIED } });
        assert_eq!(Denial::of(&object.to_string()), None);
        assert_eq!(Denial::of(DENIED), None);
        assert_eq!(Denial::of(&text("WARN", "something else")), None);
    }
}
