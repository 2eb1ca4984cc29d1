//! What was refused to a handler, as the bootstrap's log says it, and the line of `bulkhead.toml` that would grant it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that was refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dev) struct Denial {
    /// What happened, in the log's own words.
    pub(in crate::dev) what: String,
    /// The table that the line belongs to. None where no grant allows it.
    pub(in crate::dev) table: Option<String>,
    /// The key and the value that would be in it.
    pub(in crate::dev) key: Option<&'static str>,
    pub(in crate::dev) value: Option<String>,
}

/// The keys that name what may be reached.
const KEYS: [&str; 2] = ["allowed_outbound_hosts", "allowed_private_networks"];

impl Denial {
    /// What it takes.
    pub(super) fn bytes(&self) -> usize {
        let texts = [Some(&self.what), self.table.as_ref(), self.value.as_ref()];
        size_of::<Self>() + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }

    /// The denial that a line of the log tells of, if it does. Only the host warns: what handlers print has other levels, or is
    /// an object in its record, so none can ask for a grant in the host's name.
    pub(super) fn of(line: &str) -> Option<Self> {
        let message = warning(line)?;
        let rest = message.strip_prefix("outbound request to ")?;
        if let Some((what, _)) = rest.split_once("; no grant allows it") {
            return Some(Self { what: told(what), table: None, key: None, value: None });
        }
        let (what, how) = rest.split_once("; to allow it, add \"")?;
        let (value, place) = how.split_once('"')?;
        let key = KEYS.into_iter().find(|key| place.contains(&format!("to {key} in [")))?;
        let (_, table) = place.split_once(" in [")?;
        let (table, _) = table.rsplit_once("] of bulkhead.toml")?;
        Some(Self {
            what: told(what),
            table: Some(table.to_owned()),
            key: Some(key),
            value: Some(value.to_owned()),
        })
    }
}

fn told(what: &str) -> String {
    format!("outbound request to {what}")
}

/// What the host warns of in a record of the log, which is text or JSON.
fn warning(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Record {
        level: String,
        message: Value,
    }
    if line.starts_with('{') {
        let record: Record = serde_json::from_str(line).ok()?;
        return record.message.as_str().filter(|_| record.level == "WARN").map(str::to_owned);
    }
    let mut fields = line.splitn(4, '\t').skip(2);
    let message = fields.next().filter(|level| *level == "WARN").and_then(|_| fields.next())?;
    // Where there is a tenant it comes first; tabs in it are escaped.
    let rest = message.strip_prefix("tenantId=").and_then(|rest| rest.split_once('\t'));
    Some(rest.map_or(message, |(_, message)| message).to_owned())
}

#[cfg(test)]
mod tests {
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
        assert_eq!(denial.table.as_deref(), Some("tenants.\"a b\".grants"));
        assert_eq!(
            (denial.key, denial.value.as_deref()),
            (Some("allowed_outbound_hosts"), Some("https://a.test"))
        );
        let refused = "outbound request to http://localhost:1 was denied because 127.0.0.1 is in loopback; to allow it, \
                       add \"127.0.0.0/8\" or a part of it to allowed_private_networks in [handlers.h.grants] of \
                       bulkhead.toml";
        let denial = Denial::of(&json!({ "level": "WARN", "message": refused }).to_string()).unwrap();
        assert_eq!(
            (denial.key, denial.value.as_deref()),
            (Some("allowed_private_networks"), Some("127.0.0.0/8"))
        );
        let never =
            "outbound request to http://m was denied because 169.254.169.254 is a; no grant allows it";
        assert_eq!(Denial::of(&text("WARN", never)).unwrap().table, None);
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
