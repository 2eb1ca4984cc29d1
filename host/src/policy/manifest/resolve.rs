//! From what the file says to one policy for each handler and tenant.
//!
//! # The rule
//!
//! A **handler** has what `[limits]` says, or the default, unless it names a limit itself; `[limits]` is no bound.
//! Its grants are those that it names.
//!
//! A **tenant** has what its handler has, key by key, unless it names the key itself; then its own value replaces
//! the handler's whole value (`environment`, too, is one key). That value may be smaller, and every element of a
//! list must be covered by one of the handler's: a host by `*.example.com`, a network by a larger one, a
//! variable by its name.
//!
//! To give a tenant **more** than its handler has takes two lines: the tenant's own, and one under the handler's
//! `max`, which says how far its tenants may go. A limit under `max` replaces the handler's as the bound; a list
//! under `max` is added to it. What goes further is a mistake that names both keys. It is never cut down
//! silently: a tenant that was promised 256 MiB must not find out in production that it has 128.
//!
//! So a line under a tenant cannot widen anything by accident, and a line under `max` alone changes nothing.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::amounts::{self, Amount, LIMITS, LimitsSection, TMP};
use super::document::{Document, Spanned, path, similar};
use super::grants::GrantsSection;
use super::sections::{HandlerSection, Sections, TenantSection};
use super::{Handler, Manifest, Routing, Tenant, UnknownTenant};
use crate::policy::{AllowedHost, Grants, Limits, Policy};
use crate::text::printable::Shown as _;

/// Makes the policies, and notes what does not fit together.
pub(super) fn manifest(document: &Document<'_>, sections: Sections) -> Manifest {
    let mut policies = Policies::default();
    let limits = with(Limits::default(), &sections.limits);
    let handlers: Vec<Handler> = sections
        .handlers
        .iter()
        .map(|handler| policies.handler(document, &sections.limits, limits.clone(), handler))
        .collect();
    let index = handlers.iter().enumerate().map(|(at, handler)| (handler.name.as_str(), at)).collect();
    let known = Known { document, index };
    let unknown_tenant =
        sections.routing.unknown_tenant.as_ref().and_then(|name| known.find("routing.unknown_tenant", name));
    let tenant = |tenant: &TenantSection| {
        let at = known.handler_of(tenant)?;
        let (handler, of) = (handlers.get(at)?, sections.handlers.get(at)?);
        let bounds = Bounds { document, defaults: &sections.limits, handler: of, own: &handler.policy };
        let policy = policies.share(bounds.tenant(tenant));
        Some((tenant.id.value.as_str().into(), Tenant { handler: at, policy }))
    };
    let tenants = sections.tenants.iter().filter_map(tenant).collect();
    Manifest {
        routing: Routing {
            tenant: sections.routing.tenant,
            unknown_tenant: unknown_tenant.map_or(UnknownTenant::Reject, UnknownTenant::Handler),
            mixed_batches: sections.routing.mixed_batches,
            invalid_handler: sections.routing.invalid_handler,
        },
        default: Arc::new(Policy { limits, ..Policy::default_for("") }),
        handlers,
        tenants,
        receipts: sections.receipts,
        extra_ca_certificates: sections.extra_ca_certificates,
        build: sections.build,
    }
}

/// The policies so far, each once.
#[derive(Debug, Default)]
struct Policies(HashSet<Arc<Policy>>);

impl Policies {
    fn share(&mut self, policy: Policy) -> Arc<Policy> {
        if let Some(same) = self.0.get(&policy) {
            return Arc::clone(same);
        }
        let policy = Arc::new(policy);
        self.0.insert(Arc::clone(&policy));
        policy
    }

    fn handler(
        &mut self,
        document: &Document<'_>,
        defaults: &LimitsSection,
        limits: Limits,
        section: &HandlerSection,
    ) -> Handler {
        let policy = self.share(Policy {
            handler: section.name.clone(),
            table: format!("{}.grants", path("handlers", &section.name)),
            limits: with(limits, &section.limits),
            grants: granted(Grants::default(), &section.grants),
            events: section.events,
            other_events: section.other_events,
            invoke_mode: section.invoke_mode,
        });
        Bounds { document, defaults, handler: section, own: &policy }.check();
        Handler {
            name: section.name.clone(),
            source: section.source.clone(),
            digest: section.digest.clone(),
            policy,
        }
    }
}

/// The handlers that there are.
#[derive(Debug)]
struct Known<'s> {
    document: &'s Document<'s>,
    index: BTreeMap<&'s str, usize>,
}

impl Known<'_> {
    fn find(&self, key: &str, name: &Spanned<String>) -> Option<usize> {
        let found = self.index.get(name.value.as_str()).copied();
        if found.is_none() {
            let known: Vec<&str> = self.index.keys().copied().collect();
            let hint = match similar(&name.value, &known) {
                Some(similar) => format!("did you mean {similar:?}?"),
                None => format!("add [{}]", path("handlers", &name.value)),
            };
            self.document.mistake(name.line, key, format!("there is no handler {:?}; {hint}", name.value));
        }
        found
    }

    fn handler_of(&self, tenant: &TenantSection) -> Option<usize> {
        let key = format!("{}.handler", path("tenants", &tenant.id.value));
        match &tenant.handler {
            Some(name) => self.find(&key, name),
            None if self.index.len() == 1 => Some(0),
            None => {
                let text = match self.index.len() {
                    0 => "the tenant has no handler; add one under [handlers]",
                    _ => "the tenant has no handler; it can be left out only where there is exactly one",
                };
                self.document.mistake(tenant.id.line, key, text);
                None
            }
        }
    }
}

/// What one handler has, and so what its tenants may have.
#[derive(Debug, Clone, Copy)]
struct Bounds<'s> {
    document: &'s Document<'s>,
    defaults: &'s LimitsSection,
    handler: &'s HandlerSection,
    own: &'s Policy,
}

/// A bound, and the line that says it, unless it is the default.
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

    /// What the handler has of each limit, and of `/tmp`.
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

    /// Notes where the handler's `max` is less than what it has itself.
    fn check(&self) {
        let max = amounts_of(&self.handler.max_limits, self.handler.max_grants.tmp);
        for (at, table, amount, max) in max {
            let own = self.own_amount(at, amount);
            if max.value < own.most {
                let key = format!("{}.max.{table}.{}", self.name(), amount.limit.key());
                let text = format!(
                    "{} is less than the handler has itself ({}); raise this, or lower that",
                    amount.unit.text(max.value),
                    own.text(amount)
                );
                self.document.mistake(max.line, key, text);
            }
        }
    }

    /// The policy of a tenant.
    fn tenant(&self, section: &TenantSection) -> Policy {
        let tenant = path("tenants", &section.id.value);
        self.amounts(&tenant, section);
        let mut policy =
            Policy { limits: with(self.own.limits.clone(), &section.limits), ..self.own.clone() };
        if let Some(grants) = &section.grants {
            let key = format!("{tenant}.grants");
            self.variables(&key, grants);
            self.places(&key, grants);
            policy.grants = granted(policy.grants, grants);
            policy.table = key;
        }
        policy
    }

    fn amounts(&self, tenant: &str, section: &TenantSection) {
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
                    "{} is more than {handler} allows ({}); raise {handler}.max.{table}.{key}, or lower this",
                    amount.unit.text(asked.value),
                    bound.text(amount)
                );
                self.document.mistake(asked.line, format!("{tenant}.{table}.{key}"), text);
            }
        }
    }

    fn variables(&self, tenant: &str, asked: &GrantsSection<(String, String)>) {
        let (own, max) = (&self.own.grants, &self.handler.max_grants);
        self.within(tenant, "environment", &asked.environment, |(name, _)| {
            (own.environment.contains_key(name) || contains(&max.environment, name))
                .then_some(())
                .ok_or_else(|| name.clone())
        });
        self.within(tenant, "inherit_environment", &asked.inherit_environment, |name| {
            let within = own.inherit_environment.contains(name) || contains(&max.inherit_environment, name);
            within.then_some(()).ok_or_else(|| name.clone())
        });
    }

    fn places(&self, tenant: &str, asked: &GrantsSection<(String, String)>) {
        let (own, max) = (&self.own.grants, &self.handler.max_grants);
        self.within(tenant, "files", &asked.files, |place| {
            let mut allowed = own.files.iter().chain(values(&max.files));
            let within = allowed.any(|allowed| place.starts_with(allowed));
            within.then_some(()).ok_or_else(|| place.shown())
        });
        self.within(tenant, "allowed_outbound_hosts", &asked.allowed_outbound_hosts, |host| {
            let mut allowed = own.allowed_outbound_hosts.iter().chain(values(&max.allowed_outbound_hosts));
            allowed
                .any(|allowed: &AllowedHost| allowed.covers(host))
                .then_some(())
                .ok_or_else(|| host.to_string())
        });
        self.within(tenant, "allowed_private_networks", &asked.allowed_private_networks, |network| {
            let mut allowed =
                own.allowed_private_networks.iter().chain(values(&max.allowed_private_networks));
            allowed.any(|allowed| allowed.contains(network)).then_some(()).ok_or_else(|| network.to_string())
        });
    }

    /// Notes each element that `check` does not find among what the tenant may have, and gives the name of.
    fn within<T>(
        &self,
        tenant: &str,
        key: &str,
        asked: &Option<Vec<Spanned<T>>>,
        check: impl Fn(&T) -> Result<(), String>,
    ) {
        for element in asked.iter().flatten() {
            if let Err(name) = check(&element.value) {
                let handler = self.name();
                let text = format!(
                    "{name} is more than {handler} allows; add it to {handler}.max.grants.{key}, or leave it out"
                );
                self.document.mistake(element.line, format!("{tenant}.{key}"), text);
            }
        }
    }
}

/// The amounts that are given, each with its place in [`LIMITS`] and the name of its table.
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

fn values<T>(list: &Option<Vec<Spanned<T>>>) -> impl Iterator<Item = &T> {
    list.iter().flatten().map(|element| &element.value)
}

fn contains(list: &Option<Vec<Spanned<String>>>, name: &str) -> bool {
    values(list).any(|value| value == name)
}

/// The limits, changed where the section has a key.
fn with(mut limits: Limits, section: &LimitsSection) -> Limits {
    for (amount, limit) in LIMITS.iter().zip(section) {
        if let Some(limit) = limit {
            amounts::set(&mut limits, amount.limit, limit.value);
        }
    }
    limits
}

/// The grants, replaced where the section has a key.
fn granted(mut grants: Grants, section: &GrantsSection<(String, String)>) -> Grants {
    fn replace<T: Clone, C: FromIterator<T>>(grant: &mut C, list: &Option<Vec<Spanned<T>>>) {
        if list.is_some() {
            *grant = values(list).cloned().collect();
        }
    }
    replace(&mut grants.environment, &section.environment);
    replace(&mut grants.inherit_environment, &section.inherit_environment);
    replace(&mut grants.files, &section.files);
    replace(&mut grants.allowed_outbound_hosts, &section.allowed_outbound_hosts);
    replace(&mut grants.allowed_private_networks, &section.allowed_private_networks);
    if let Some(tmp) = section.tmp {
        grants.tmp = amounts::narrow(tmp.value);
    }
    grants
}

/// The inherited variables of a policy that the process has are in its environment from now on. What is fixed
/// goes before what is inherited.
pub(super) fn inherit(policy: &Policy, value: &mut impl FnMut(&str) -> Option<String>) -> Policy {
    let mut policy = policy.clone();
    for name in &policy.grants.inherit_environment {
        if let Some(value) = value(name) {
            policy.grants.environment.entry(name.clone()).or_insert(value);
        }
    }
    policy
}

#[cfg(test)]
mod tests;
