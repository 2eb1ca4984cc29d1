//! The lines of `bulkhead.toml` that would grant what was denied: one block for the tenant that asked, and one for its
//! handler.
//!
//! Each block is tried before it is offered: the manifest's own parser must accept the file with the block in it, and
//! the new policy must have the grants.

mod edit;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use bulkhead_host::policy::manifest::{Handler, Manifest};
use bulkhead_host::policy::{AllowedHost, Grants, Policy};
use serde::Serialize;

use crate::dev::records::Denial;
use edit::{Addition, Block, Value};

/// The most tenants that can be chosen in one place.
const MOST_TENANTS: usize = 20;

/// A block of lines, and who gets the grants by it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grant {
    to: Subject,
    /// The name of the tenant or of the handler.
    name: String,
    /// How many tenants get the grants with the handler.
    others: usize,
    /// The tenant has more than its handler then, so the handler's `max` has a part of it.
    is_wider: bool,
    /// There is no `bulkhead.toml` yet.
    is_new: bool,
    /// The lines that the block replaces. `None` if it belongs at the end.
    first_line: Option<usize>,
    last_line: Option<usize>,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Subject {
    Tenant,
    Handler,
}

/// A `bulkhead.toml` to which grants can be added, or the place of one that does not exist yet.
#[derive(Debug)]
pub(super) struct Editable {
    text: Option<String>,
    manifest: Manifest,
    /// The functions. They are the handlers of a file that names none.
    functions: Vec<String>,
}

/// One thing to grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted<'d> {
    key: &'static str,
    value: &'d str,
}

impl Editable {
    /// `None` if the file has mistakes.
    pub(super) fn new(text: Option<String>, functions: Vec<String>) -> Option<Self> {
        let manifest = Manifest::parse(text.as_deref().unwrap_or_default()).ok()?;
        Some(Self { text, manifest, functions })
    }

    /// The handler of an event that was denied something. `function` is the function that was called.
    pub(super) fn handler_of<'s>(&'s self, function: &'s str, denial: &Denial) -> &'s str {
        let tenant = denial.tenant.as_deref().and_then(|id| self.manifest.tenants.get(id));
        let of_tenant = tenant.and_then(|tenant| self.manifest.handlers.get(tenant.handler));
        let has_table = |handler: &&Handler| Some(&handler.policy.table) == denial.table.as_ref();
        let handler = of_tenant.or_else(|| self.manifest.handlers.iter().find(has_table));
        handler.map_or(function, |handler| &handler.name)
    }

    /// Whether an event like this one would not be denied this any more.
    pub(super) fn is_granted(&self, function: &str, denial: &Denial) -> bool {
        let Some(wanted) = wanted(denial) else { return false };
        let policy = self.tenant(denial).or_else(|| self.handler(self.handler_of(function, denial)));
        wanted.key != "tmp" && policy.is_some_and(|policy| has(&policy.grants, wanted))
    }

    /// The blocks that would grant all of this: for each tenant that asked, and for each handler.
    pub(super) fn grants(&self, function: &str, denials: &[&Denial]) -> Vec<Grant> {
        let tenants: BTreeSet<&str> = denials
            .iter()
            .filter(|denial| self.tenant(denial).is_some())
            .filter_map(|one| one.tenant.as_deref())
            .collect();
        let handlers: BTreeSet<&str> =
            denials.iter().map(|denial| self.handler_of(function, denial)).collect();
        let of_tenant = |id: &str| {
            let its = denials.iter().filter(|denial| denial.tenant.as_deref() == Some(id));
            self.for_tenant(id, &its.filter_map(|denial| wanted(denial)).collect())
        };
        let of_handler = |name: &str| {
            let its = denials.iter().filter(|denial| self.handler_of(function, denial) == name);
            self.for_handler(name, &its.filter_map(|denial| wanted(denial)).collect())
        };
        let tenants = tenants.into_iter().take(MOST_TENANTS).filter_map(of_tenant);
        tenants.chain(handlers.into_iter().filter_map(of_handler)).collect()
    }

    fn tenant(&self, denial: &Denial) -> Option<&Policy> {
        let tenant = self.manifest.tenants.get(denial.tenant.as_deref()?)?;
        Some(&tenant.policy)
    }

    fn handler(&self, name: &str) -> Option<&Policy> {
        self.manifest.handlers.iter().find(|handler| handler.name == name).map(|handler| &*handler.policy)
    }

    /// A handler's grants are those in its own table.
    fn for_handler(&self, name: &str, wanted: &BTreeSet<Wanted<'_>>) -> Option<Grant> {
        let own = self.handler(name).map(|policy| policy.grants.clone()).unwrap_or_default();
        let missing: BTreeSet<Wanted<'_>> = wanted.iter().copied().filter(|one| !has(&own, *one)).collect();
        let mut additions = vec![addition(&["handlers", name, "grants"], &missing, None)];
        if self.manifest.handlers.is_empty() {
            // A file that names one handler has to name all.
            let others = self.functions.iter().filter(|other| *other != name);
            additions.extend(others.map(|other| addition(&["handlers", other], &BTreeSet::new(), None)));
        }
        let (text, manifest) = self.tried(&additions)?;
        let at = manifest.handlers.iter().position(|handler| handler.name == name)?;
        let has_all = |policy: &Policy| missing.iter().all(|one| has(&policy.grants, *one));
        let is_for = has_all(&manifest.handlers.get(at)?.policy);
        let tenants = manifest.tenants.values().filter(|tenant| tenant.handler == at);
        let others = tenants.filter(|tenant| has_all(&tenant.policy)).count();
        let grant = Grant { name: name.to_owned(), others, ..self.grant(Subject::Handler, &text) };
        (is_for && !missing.is_empty()).then_some(grant)
    }

    /// A tenant's list replaces that of its handler. If it has more than the handler, `max` must allow that.
    fn for_tenant(&self, id: &str, wanted: &BTreeSet<Wanted<'_>>) -> Option<Grant> {
        let tenant = self.manifest.tenants.get(id)?;
        let handler = &self.manifest.handlers.get(tenant.handler)?.name;
        let grants = &tenant.policy.grants;
        let missing: BTreeSet<Wanted<'_>> = wanted.iter().copied().filter(|one| !has(grants, *one)).collect();
        let own = addition(&["tenants", id, "grants"], &missing, Some(grants));
        let max = addition(&["handlers", handler, "max", "grants"], &missing, None);
        let (is_wider, (text, manifest)) = match self.tried(std::slice::from_ref(&own)) {
            Some(tried) => (false, tried),
            None => (true, self.tried(&[max, own])?),
        };
        let grants = &manifest.tenants.get(id)?.policy.grants;
        let is_for = missing.iter().all(|one| has(grants, *one));
        let grant = Grant { name: id.to_owned(), is_wider, ..self.grant(Subject::Tenant, &text) };
        (is_for && !missing.is_empty()).then_some(grant)
    }

    /// The file with these additions, if it is valid.
    fn tried(&self, additions: &[Addition]) -> Option<(String, Manifest)> {
        let text = edit::added(self.text.as_deref().unwrap_or_default(), additions)?;
        let manifest = Manifest::parse(&text).ok()?;
        Some((text, manifest))
    }

    /// The block that makes the file this one.
    fn grant(&self, to: Subject, after: &str) -> Grant {
        let Block { lines, text } = edit::block(self.text.as_deref().unwrap_or_default(), after);
        Grant {
            to,
            name: String::new(),
            others: 0,
            is_wider: false,
            is_new: self.text.is_none(),
            first_line: lines.map(|(first, _)| first),
            last_line: lines.map(|(_, last)| last),
            text,
        }
    }
}

fn wanted(denial: &Denial) -> Option<Wanted<'_>> {
    Some(Wanted { key: denial.key?, value: denial.value.as_deref()? })
}

/// Whether these grants allow something.
fn has(grants: &Grants, wanted: Wanted<'_>) -> bool {
    let Wanted { key, value } = wanted;
    match key {
        "tmp" => grants.tmp > 0,
        "key_value" => grants.key_value.contains(value),
        "allowed_private_networks" => {
            grants.allowed_private_networks.iter().any(|network| network.to_string() == value)
        }
        _ => value
            .parse::<AllowedHost>()
            .is_ok_and(|host| allowed(grants).any(|allowed| allowed.covers(&host))),
    }
}

/// The hosts that these grants allow, with those of credentials.
fn allowed(grants: &Grants) -> impl Iterator<Item = &AllowedHost> {
    let of_credentials = grants.credentials.iter().flat_map(|credential| &credential.hosts);
    grants.allowed_outbound_hosts.iter().chain(of_credentials)
}

/// What to add to a table. A list that replaces an inherited one begins with what is in that.
fn addition(table: &[&str], wanted: &BTreeSet<Wanted<'_>>, inherited: Option<&Grants>) -> Addition {
    let keys: BTreeSet<&'static str> = wanted.iter().map(|one| one.key).collect();
    let entry = |key: &'static str| {
        let mut values = wanted.iter().filter(|one| one.key == key).map(|one| one.value.to_owned());
        let value = match key {
            "tmp" => Value::Text(values.next().unwrap_or_default()),
            _ => Value::List {
                start: inherited.map_or_else(Vec::new, |grants| listed(grants, key)),
                more: values.collect(),
            },
        };
        (key, value)
    };
    let table = table.iter().map(|key| (*key).to_owned()).collect();
    Addition { table, entries: keys.into_iter().map(entry).collect() }
}

fn listed(grants: &Grants, key: &str) -> Vec<String> {
    match key {
        "key_value" => grants.key_value.iter().cloned().collect(),
        "allowed_private_networks" => {
            grants.allowed_private_networks.iter().map(ToString::to_string).collect()
        }
        _ => grants.allowed_outbound_hosts.iter().map(ToString::to_string).collect(),
    }
}
