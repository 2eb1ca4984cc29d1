//! `[credentials.NAME]`: for which hosts a credential is, and what the host adds to requests to them.

mod aws;
mod granted;
mod hosts;
mod own_role;
mod parts;
mod session;
pub(super) mod strangers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use granted::{check, overlap};
use hosts::HostEntry;
use own_role::Duties;
#[cfg(test)]
pub(super) use parts::BASIC;

use super::document::{Entry, Table};
use super::secrets::{self, Secrets};
use super::sections;
use crate::policy::allowed_host::Host;
use crate::policy::{Authentication, Credential, Secret, SecretParts};

/// The keys of a credential.
pub(super) const KEYS: [&str; 12] = [
    "hosts",
    "sign",
    "region",
    "service",
    "role",
    "session_tags",
    "session_policy",
    "external_id",
    "operations",
    "headers",
    "query",
    "basic",
];
/// Those that say how requests to AWS are signed.
const OF_AWS: [&str; 7] =
    ["region", "service", "role", "session_tags", "session_policy", "external_id", "operations"];
/// Those that put secrets into requests.
const OF_SECRETS: [&str; 3] = ["headers", "query", "basic"];

const EXAMPLE: &str =
    "{ hosts = [\"https://api.stripe.com\"], headers = { authorization = \"Bearer {stripe}\" } }";

/// The credentials and secrets that a file defines, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    by_name: BTreeMap<Box<str>, Arc<Credential>>,
    secrets: Secrets,
}

impl Credentials {
    /// All credentials, whether or not one is granted.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Credential>> {
        self.by_name.values()
    }

    /// All secrets, whether or not one is used.
    pub fn secrets(&self) -> impl Iterator<Item = &Arc<Secret>> {
        self.secrets.values()
    }
}

/// Reads the tables of secrets and of credentials.
pub(super) fn credentials(root: &Table<'_>) -> Credentials {
    let secrets = secrets::secrets(root);
    let table = root.table("credentials", &format!("{{ stripe = {EXAMPLE} }}"));
    let entries = table.iter().flat_map(Table::entries);
    let duties = Duties::of(root, &secrets);
    let read = |entry: Entry<'_>| {
        let credential = credential(&entry, &secrets);
        duties.check(&entry, &credential);
        (entry.key.into(), Arc::new(credential))
    };
    let by_name = entries.map(read).collect();
    Credentials { by_name, secrets }
}

/// Reads a credential. One with a mistake is kept, so that the grants that name it are not reported as well.
fn credential(entry: &Entry<'_>, secrets: &Secrets) -> Credential {
    entry.understood(sections::name(entry.key));
    let mut credential = Credential {
        name: entry.key.into(),
        hosts: Vec::new(),
        authentication: Authentication::Secrets(SecretParts::default()),
    };
    if let Some(table) = entry.table(EXAMPLE) {
        table.only(&KEYS, |_| None);
        let hosts = hosts::hosts(entry, &table);
        if let Some(authentication) = authentication(entry, &table, &hosts, secrets) {
            credential.authentication = authentication;
        }
        credential.hosts = hosts.into_iter().map(|host| host.value).collect();
    }
    credential
}

fn authentication(
    entry: &Entry<'_>,
    table: &Table<'_>,
    hosts: &[HostEntry<'_>],
    secrets: &Secrets,
) -> Option<Authentication> {
    let first = |keys: &[&str]| keys.iter().find_map(|key| table.entry(key));
    match (table.entry("sign"), first(&OF_SECRETS)) {
        (Some(sign), None) => {
            sign.one_of(&[("aws", ())])?;
            Some(Authentication::Aws(aws::signing(table, hosts)))
        }
        (None, Some(_)) => {
            for entry in OF_AWS.iter().filter_map(|key| table.entry(key)) {
                entry.mistake("this is for requests that are signed; leave it out");
            }
            for host in hosts.iter().filter(|host| matches!(host.value.host(), Host::Subdomains(_))) {
                host.entry.mistake(format!(
                    "`{}` sends the secret to every host below this domain, of which one may be a stranger's; name its hosts \
                     (only credentials with `sign` may have a wildcard)",
                    host.value
                ));
            }
            Some(Authentication::Secrets(parts::parts(table, secrets)))
        }
        (Some(_), Some(entry)) => {
            entry.mistake(
                "a credential either signs requests or puts secrets into them; leave out this or `sign`",
            );
            None
        }
        (None, None) => {
            entry.mistake(match first(&OF_AWS) {
                Some(_) => "the key `sign` is missing; add sign = \"aws\"",
                None => "it adds nothing to a request; add headers, query or basic, or sign = \"aws\"",
            });
            None
        }
    }
}
