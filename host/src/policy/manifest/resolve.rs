//! Resolves the content of the file to one policy for each handler and tenant.
//!
//! # The rule
//!
//! A **handler** has the limits of `[limits]`, or the default, unless it sets a limit itself; `[limits]` is
//! not a bound. Its grants are those in its own table.
//!
//! A **tenant** has the limits and grants of its handler, key by key, unless it sets the key itself; then its
//! value replaces the handler's whole value (`environment`, too, is one key). The value may be smaller, and
//! every element of a list must be covered by one of the handler's: a host by `*.example.com`, a network by a
//! larger one, a variable by its name.
//!
//! A tenant with **more** than its handler takes two lines: the tenant's own, and one under the handler's
//! `max`, which sets how far its tenants may go. A limit under `max` replaces the handler's as the bound; a
//! list under `max` is added to it. A value beyond the bound is a mistake that names both keys. It is never
//! reduced silently: a tenant that was promised 256 MiB must not find out in production that it has 128.
//!
//! **`config`** is data and not a grant: a tenant has the handler's keys and its own, and its own replace the handler's one by
//! one.
//!
//! So a line under a tenant cannot widen anything by accident, and a line under `max` has no effect by
//! itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::amounts::LimitsSection;
use super::apply;
use super::bounds::Bounds;
use super::credentials::{self, Credentials};
use super::document::{Document, Spanned, path, similar};
use super::sections::{HandlerSection, Sections, TenantSection};
use super::{Handler, Manifest, Routing, Tenant, UnknownTenant, key_value, placeholders, scripts, store};
use crate::policy::{Grants, Limits, Policy};

/// Makes the policies, and records contradictions.
pub(super) fn manifest(document: &Document, sections: Sections) -> Manifest {
    credentials::check(document, &sections);
    scripts::check(document, &sections);
    credentials::strangers::check(document, &sections);
    let mut policies = Policies { credentials: &sections.credentials, known: HashSet::new() };
    key_value::check(document, &sections);
    let limits = apply::limits(Limits::default(), &sections.limits);
    let handlers: Vec<Handler> = sections
        .handlers
        .iter()
        .map(|handler| policies.handler(document, &sections.limits, limits.clone(), handler))
        .collect();
    let index = handlers.iter().enumerate().map(|(at, handler)| (handler.name.as_str(), at)).collect();
    let known = Known { document, index };
    let unknown_tenant = sections
        .routing
        .unknown_tenant
        .as_ref()
        .and_then(|name| known.find(|| "routing.unknown_tenant".to_owned(), name));
    let mut tenants = HashMap::with_capacity(sections.tenants.len());
    tenants.extend(sections.tenants.into_iter().filter_map(|tenant| {
        let at = known.handler_of(&tenant)?;
        let (handler, of) = (handlers.get(at)?, sections.handlers.get(at)?);
        let bounds = Bounds {
            document,
            defaults: &sections.limits,
            credentials: &sections.credentials,
            handler: of,
            own: &handler.policy,
        };
        let policy = match &tenant.own {
            Some(own) => policies.share(bounds.tenant(&tenant.id.value, own)),
            None => Arc::clone(&handler.policy),
        };
        let script = scripts::resolve(document, &tenant, of);
        Some((tenant.id.value.into(), Tenant { handler: at, policy, script }))
    }));
    let store = sections
        .store
        .map(|section| store::resolve(document, section, limits.clone(), &sections.credentials));
    Manifest {
        routing: Routing {
            tenant: sections.routing.tenant,
            unknown_tenant: unknown_tenant.map_or(UnknownTenant::Reject, UnknownTenant::Handler),
            mixed_batches: sections.routing.mixed_batches,
            invalid_handler: sections.routing.invalid_handler,
        },
        default: Arc::new(Policy { limits, ..Policy::default_for("") }),
        handlers,
        tenants: Arc::new(tenants),
        stores: sections.stores,
        store,
        credentials: sections.credentials,
        receipts: sections.receipts,
        extra_ca_certificates: sections.extra_ca_certificates,
        build: sections.build,
    }
}

/// The policies so far, without duplicates.
#[derive(Debug)]
struct Policies<'s> {
    credentials: &'s Credentials,
    known: HashSet<Arc<Policy>>,
}

impl Policies<'_> {
    fn share(&mut self, policy: Policy) -> Arc<Policy> {
        if let Some(same) = self.known.get(&policy) {
            return Arc::clone(same);
        }
        let policy = Arc::new(policy);
        self.known.insert(Arc::clone(&policy));
        policy
    }

    fn handler(
        &mut self,
        document: &Document,
        defaults: &LimitsSection,
        limits: Limits,
        section: &HandlerSection,
    ) -> Handler {
        let mut grants = apply::grants(Grants::default(), &section.grants);
        self.credentials.grant(&mut grants, &section.grants.credentials);
        let policy = self.share(Policy {
            handler: section.name.as_str().into(),
            table: format!("{}.grants", path("handlers", &section.name)),
            limits: apply::limits(limits, &section.limits),
            grants,
            config: section.config.clone(),
            events: section.events,
            other_events: section.other_events,
            invoke_mode: section.invoke_mode,
        });
        let credentials = self.credentials;
        Bounds { document, defaults, credentials, handler: section, own: &policy }.check();
        Handler {
            name: section.name.clone(),
            source: section.source.clone(),
            script: section.script.as_ref().map(|script| Arc::clone(&script.value)),
            digest: section.digest.clone(),
            policy,
        }
    }
}

/// The handlers that there are.
#[derive(Debug)]
struct Known<'s> {
    document: &'s Document,
    index: BTreeMap<&'s str, usize>,
}

impl Known<'_> {
    fn find(&self, key: impl Fn() -> String, name: &Spanned<String>) -> Option<usize> {
        let found = self.index.get(name.value.as_str()).copied();
        if found.is_none() {
            let known: Vec<&str> = self.index.keys().copied().collect();
            let hint = match similar(&name.value, &known) {
                Some(similar) => format!("did you mean {similar:?}?"),
                None => format!("add [{}]", path("handlers", &name.value)),
            };
            self.document.mistake(name.line, key(), format!("there is no handler {:?}; {hint}", name.value));
        }
        found
    }

    fn handler_of(&self, tenant: &TenantSection) -> Option<usize> {
        let key = || format!("{}.handler", path("tenants", &tenant.id.value));
        match &tenant.handler {
            Some(name) => self.find(key, name),
            None if self.index.len() == 1 => Some(0),
            None => {
                let text = match self.index.len() {
                    0 => "the tenant has no handler; add one under [handlers]",
                    _ => "the tenant has no handler; it can be left out only if there is exactly one",
                };
                self.document.mistake(tenant.id.line, key(), text);
                None
            }
        }
    }
}

/// Whether the environment of a policy lacks anything yet.
pub(super) fn inherits(policy: &Policy) -> bool {
    !policy.grants.inherit_environment.is_empty() || placeholders::needed(&policy.grants)
}

/// Adds the inherited variables of the process to the environment of a policy. Fixed values take precedence
/// over inherited ones.
pub(super) fn inherit(policy: &Policy, value: &mut impl FnMut(&str) -> Option<String>) -> Policy {
    let mut policy = policy.clone();
    for name in &policy.grants.inherit_environment {
        if let Some(value) = value(name) {
            policy.grants.environment.entry(name.clone()).or_insert(value);
        }
    }
    placeholders::add(&mut policy.grants);
    policy
}

#[cfg(test)]
mod tests;
