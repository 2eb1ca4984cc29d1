//! The bounds of a tenant: its handler's own limits and grants, or the handler's `max`.

use std::sync::Arc;

use super::amounts::{self, Amount, LIMITS, LimitsSection, TMP};
use super::apply::{self, contains, values};
use super::credentials::Credentials;
use super::document::{Document, Spanned, path};
use super::grants::GrantsSection;
use super::sections::{HandlerSection, OwnSection};
use crate::policy::{AllowedHost, Credential, Grants, Policy};
use crate::text::printable::Shown as _;

/// The limits and grants of one handler, and so the bounds of its tenants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'s> {
    pub(super) document: &'s Document,
    pub(super) defaults: &'s LimitsSection,
    pub(super) credentials: &'s Credentials,
    pub(super) handler: &'s HandlerSection,
    pub(super) own: &'s Policy,
}

/// A bound, and its line, unless it is the default.
#[derive(Debug, Clone, Copy)]
struct Bound {
    most: u64,
    line: Option<usize>,
}

impl Bound {
    fn text(self, amount: &Amount) -> String {
        let line = self.line.map_or_else(|| "the default".to_owned(), |line| format!("line {line}"));
        format!("{}, {line}", amount.unit.text(self.most))
    }
}

impl Bounds<'_> {
    fn name(&self) -> String {
        path("handlers", &self.handler.name)
    }

    /// The handler's value of each limit, and of `/tmp`.
    fn own_amount(&self, at: Option<usize>, amount: &Amount) -> Bound {
        let Some(at) = at else {
            let tmp = self.handler.grants.tmp;
            return Bound { most: tmp.map_or(0, |tmp| tmp.value), line: tmp.map(|tmp| tmp.line) };
        };
        let limit = [&self.handler.limits, self.defaults]
            .into_iter()
            .find_map(|limits| limits.get(at).copied().flatten());
        Bound { most: amounts::value(&self.own.limits, amount.limit), line: limit.map(|limit| limit.line) }
    }

    /// Records a mistake if the handler's `max` is less than its own value.
    pub(super) fn check(&self) {
        let max = amounts_of(&self.handler.max_limits, self.handler.max_grants.tmp);
        for (at, table, amount, max) in max {
            let own = self.own_amount(at, amount);
            if max.value < own.most {
                let key = format!("{}.max.{table}.{}", self.name(), amount.limit.key());
                let text = format!(
                    "{} is less than the handler's own value ({}); raise the former, or lower the latter",
                    amount.unit.text(max.value),
                    own.text(amount)
                );
                self.document.mistake(max.line, key, text);
            }
        }
    }

    /// The policy of a tenant that has its own.
    pub(super) fn tenant(&self, id: &str, section: &OwnSection) -> Policy {
        let tenant = path("tenants", id);
        self.amounts(&tenant, section);
        let mut policy =
            Policy { limits: apply::limits(self.own.limits.clone(), &section.limits), ..self.own.clone() };
        policy.config.extend(section.config.clone());
        if let Some(grants) = &section.grants {
            let key = format!("{tenant}.grants");
            for element in beyond(grants, &self.own.grants, &self.handler.max_grants) {
                let (handler, name) = (self.name(), element.name);
                let text = format!(
                    "{name} is not allowed by {handler}; add it to {handler}.max.grants.{0}, or leave it out",
                    element.key
                );
                self.document.mistake(element.line, format!("{key}.{}", element.key), text);
            }
            policy.grants = apply::grants(policy.grants, grants);
            self.credentials.grant(&mut policy.grants, &grants.credentials);
            policy.table = key;
        }
        policy
    }

    fn amounts(&self, tenant: &str, section: &OwnSection) {
        let tmp = section.grants.as_ref().and_then(|grants| grants.tmp);
        for (at, table, amount, asked) in amounts_of(&section.limits, tmp) {
            let max = match at {
                Some(at) => self.handler.max_limits.get(at).copied().flatten(),
                None => self.handler.max_grants.tmp,
            };
            let bound = max.map(|max| Bound { most: max.value, line: Some(max.line) });
            let bound = bound.unwrap_or_else(|| self.own_amount(at, amount));
            if asked.value > bound.most {
                let (handler, key) = (self.name(), amount.limit.key());
                let text = format!(
                    "{} is more than {handler} allows ({}); raise {handler}.max.{table}.{key}, or lower this value",
                    amount.unit.text(asked.value),
                    bound.text(amount)
                );
                self.document.mistake(asked.line, format!("{tenant}.{table}.{key}"), text);
            }
        }
    }
}

/// An element of a list of grants that is not covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beyond {
    pub(super) key: &'static str,
    pub(super) name: String,
    pub(super) line: usize,
}

/// The elements of the lists that are covered neither by the grants that are there already, nor by those of `max`.
pub(super) fn beyond(
    asked: &GrantsSection<(String, String)>,
    own: &Grants,
    max: &GrantsSection<String>,
) -> Vec<Beyond> {
    let variables = outside("environment", &asked.environment, |(name, _)| {
        let within = own.environment.contains_key(name) || contains(&max.environment, name);
        (!within).then(|| name.clone())
    });
    let inherited = outside("inherit_environment", &asked.inherit_environment, |name| {
        let within = own.inherit_environment.contains(name) || contains(&max.inherit_environment, name);
        (!within).then(|| name.clone())
    });
    let files = outside("files", &asked.files, |place| {
        let mut allowed = own.files.iter().chain(values(&max.files));
        (!allowed.any(|allowed| place.starts_with(allowed))).then(|| place.shown())
    });
    let hosts = outside("allowed_outbound_hosts", &asked.allowed_outbound_hosts, |host| {
        let mut allowed = own.allowed_outbound_hosts.iter().chain(values(&max.allowed_outbound_hosts));
        (!allowed.any(|allowed: &AllowedHost| allowed.covers(host))).then(|| host.to_string())
    });
    let networks = outside("allowed_private_networks", &asked.allowed_private_networks, |network| {
        let mut allowed = own.allowed_private_networks.iter().chain(values(&max.allowed_private_networks));
        (!allowed.any(|allowed| allowed.contains(network))).then(|| network.to_string())
    });
    let credentials = outside("credentials", &asked.credentials, |name| {
        let has = |credential: &Arc<Credential>| *credential.name == **name;
        let within = own.credentials.iter().any(has) || contains(&max.credentials, name);
        (!within).then(|| name.clone())
    });
    let stores = outside("key_value", &asked.key_value, |name| {
        let within = own.key_value.contains(name) || contains(&max.key_value, name);
        (!within).then(|| name.clone())
    });
    [variables, inherited, files, hosts, networks, credentials, stores].concat()
}

/// The elements that `name` names because they are not covered.
fn outside<T>(
    key: &'static str,
    asked: &Option<Vec<Spanned<T>>>,
    name: impl Fn(&T) -> Option<String>,
) -> Vec<Beyond> {
    let element =
        |element: &Spanned<T>| Some(Beyond { key, name: name(&element.value)?, line: element.line });
    asked.iter().flatten().filter_map(element).collect()
}

/// The amounts that are set, each with its place in [`LIMITS`] and the name of its table.
fn amounts_of<'s>(
    limits: &'s LimitsSection,
    tmp: Option<Spanned<u64>>,
) -> impl Iterator<Item = (Option<usize>, &'static str, &'static Amount, Spanned<u64>)> + 's {
    static KNOWN: &[Amount; LIMITS.len()] = &LIMITS;
    static KNOWN_TMP: &Amount = &TMP;
    let limits = KNOWN.iter().zip(limits).enumerate();
    let limits =
        limits.filter_map(|(at, (amount, limit))| limit.map(|limit| (Some(at), "limits", amount, limit)));
    limits.chain(tmp.map(|tmp| (None, "grants", KNOWN_TMP, tmp)))
}
