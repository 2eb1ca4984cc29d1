//! Groups tenants that share a policy, and compares each policy with that of the handler.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::Path;

use bulkhead_host::capabilities::files::{self, FilesError};
use bulkhead_host::policy::manifest::store::StoreUrl;
use bulkhead_host::policy::manifest::{self, Manifest, UnknownTenant};
use bulkhead_host::policy::{self, Grants, Limits};
use bulkhead_host::text::printable::Shown as _;

use super::denied::denied;
use super::nearby::meant;
use super::report::{Change, Finding, Grant, Limit, Policy, Store};
use crate::files::Wanted;

/// Events that have the same policy.
#[derive(Debug)]
pub(super) struct Group<'m> {
    pub(super) policy: &'m policy::Policy,
    /// Describes the events under this policy that have no known tenant.
    pub(super) events: Option<String>,
    /// In the order of their ids.
    pub(super) tenants: Vec<&'m str>,
}

/// The policies of a handler. Its own policy comes first, and is included only if an event is under it or if
/// it is the only one.
pub(super) fn groups(manifest: &Manifest, at: usize) -> Vec<Group<'_>> {
    let Some(handler) = manifest.handlers.get(at) else { return Vec::new() };
    let own = Group { policy: &handler.policy, events: events(manifest, at), tenants: Vec::new() };
    let mut tenants: Vec<_> = manifest.tenants.iter().filter(|(_, tenant)| tenant.handler == at).collect();
    tenants.sort_by_key(|(id, _)| *id);
    let mut groups = vec![own];
    // Policies are compared by content, not by table: each tenant with grants of its own has a table of its
    // own.
    let mut known = HashMap::from([(content(&handler.policy), 0)]);
    for (id, tenant) in tenants {
        let at = *known.entry(content(&tenant.policy)).or_insert_with(|| {
            groups.push(Group { policy: &tenant.policy, events: None, tenants: Vec::new() });
            groups.len() - 1
        });
        groups[at].tenants.push(id);
    }
    if groups.len() > 1 && groups[0].events.is_none() && groups[0].tenants.is_empty() {
        groups.remove(0);
    }
    groups
}

/// What two policies have to have in common to be reported as one.
fn content(policy: &policy::Policy) -> (&Limits, &Grants, &BTreeMap<String, String>) {
    (&policy.limits, &policy.grants, &policy.config)
}

fn events(manifest: &Manifest, at: usize) -> Option<String> {
    match manifest.routing.unknown_tenant {
        UnknownTenant::Handler(handler) if handler == at && !manifest.has_tenants() => {
            Some("every event".to_owned())
        }
        UnknownTenant::Handler(handler) if handler == at => {
            Some("events of unknown tenants, or without a tenant".to_owned())
        }
        UnknownTenant::Reject if !manifest.has_tenants() && manifest.handlers.len() == 1 => {
            Some("every event".to_owned())
        }
        UnknownTenant::Reject if !manifest.has_tenants() => {
            Some(format!("every event, if _HANDLER is {}", manifest.handlers[at].name))
        }
        UnknownTenant::Handler(_) | UnknownTenant::Reject => None,
    }
}

impl Group<'_> {
    /// A policy and its differences from the policy of the handler.
    pub(super) fn report(&self, handler: &policy::Policy, imports: &[String]) -> Policy {
        Policy {
            events: self.events.clone(),
            tenants: self.tenants.iter().map(|id| (*id).to_owned()).collect(),
            limits: limits(self.policy, handler),
            grants: grants(self.policy, handler),
            denied: denied(imports, self.policy),
        }
    }
}

fn limits(policy: &policy::Policy, handler: &policy::Policy) -> Vec<Limit> {
    let defaults = manifest::shown(&policy::Policy::default_for(""));
    let all = manifest::shown(policy).into_iter().zip(manifest::shown(handler)).zip(defaults);
    // `tmp` is a grant.
    let limits = all.filter(|((own, _), _)| own.limit != policy::Limit::Tmp);
    limits
        .map(|((own, handler), default)| Limit {
            key: own.limit.key(),
            value: own.value,
            unit: own.unit,
            default: own.value == default.value,
            change: change(own.value, handler.value, handler.text),
            text: own.text,
        })
        .collect()
}

/// `text` shows what the handler has.
fn change(own: u64, handler: u64, text: String) -> Option<Change> {
    match own.cmp(&handler) {
        std::cmp::Ordering::Less => Some(Change::Narrower(text)),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(Change::Wider(text)),
    }
}

/// The grants of a policy, and those that the handler has and the tenant does not.
fn grants(own: &policy::Policy, handler: &policy::Policy) -> Vec<Grant> {
    let (values, instead) = (values(own), values(handler));
    let mut grants: Vec<Grant> = values
        .into_iter()
        .zip(instead)
        .map(|((key, values), (_, instead))| {
            let in_place_of = (values != instead).then_some(instead);
            Grant { key, values, in_place_of }
        })
        .collect();
    // The names may be equal, and the values differ.
    let texts = [
        ("environment", &own.grants.environment, &handler.grants.environment),
        ("config", &own.config, &handler.config),
    ];
    for (key, _, handler) in texts.into_iter().filter(|(_, own, handler)| own != handler) {
        if let Some(grant) = grants.iter_mut().find(|grant| grant.key == key) {
            grant.in_place_of = Some(handler.keys().cloned().collect());
        }
    }
    grants.retain(|grant| !grant.values.is_empty() || grant.in_place_of.is_some());
    grants
}

/// The values of all grants. `config` is none, but is shown with them.
fn values(policy: &policy::Policy) -> [(&'static str, Vec<String>); 9] {
    let grants = &policy.grants;
    let tmp = manifest::shown(policy).into_iter().filter(|shown| shown.limit == policy::Limit::Tmp);
    [
        ("environment", grants.environment.keys().cloned().collect()),
        ("inherit_environment", grants.inherit_environment.iter().cloned().collect()),
        ("files", grants.files.iter().map(|place| place.display().to_string()).collect()),
        ("tmp", tmp.filter(|shown| shown.value > 0).map(|shown| shown.text).collect()),
        ("allowed_outbound_hosts", grants.allowed_outbound_hosts.iter().map(ToString::to_string).collect()),
        (
            "allowed_private_networks",
            grants.allowed_private_networks.iter().map(ToString::to_string).collect(),
        ),
        ("credentials", grants.credentials.iter().map(|credential| credential.name.to_string()).collect()),
        ("key_value", grants.key_value.iter().cloned().collect()),
        ("config", policy.config.keys().cloned().collect()),
    ]
}

/// The store of a manifest, and what its tenants may have at most.
pub(super) fn store(store: &manifest::Store) -> Store {
    let largest = store.largest();
    let (directory, bucket) = match &store.url {
        StoreUrl::Directory(path) => (Some(path.clone()), None),
        StoreUrl::Bucket(bucket) => (None, Some(bucket.to_string())),
    };
    Store {
        name: store.name.clone(),
        directory,
        bucket,
        scripts: store.scripts,
        public_keys: store.public_keys.iter().map(ToString::to_string).collect(),
        credentials: store.credentials().iter().map(|credential| credential.name.to_string()).collect(),
        limits: limits(&largest, &largest),
    }
}

/// Mistakes in the directories that a policy grants.
pub(super) fn directories(root: &Path, policy: &policy::Policy) -> Vec<Finding> {
    let granted = policy.grants.files.iter();
    let wrong = granted.filter_map(|place| files::check(root, place).err());
    wrong
        .map(|error| {
            let place = manifest::place_of(root, &policy.table, "files");
            Finding::of(format!("{place}: {}", directory(root, &error)))
        })
        .collect()
}

/// What is wrong with a directory, and what may be meant if it is not there.
fn directory(root: &Path, error: &FilesError) -> String {
    let FilesError::Open { path, error: reason } = error else { return error.to_string() };
    if reason.kind() != ErrorKind::NotFound {
        return error.to_string();
    }
    let meant = match meant(root, path, Wanted::Folder) {
        near if near.is_empty() => "; add it to the package, or remove it from the grant".to_owned(),
        near => near,
    };
    format!("`{}` does not exist{meant}", path.shown())
}
