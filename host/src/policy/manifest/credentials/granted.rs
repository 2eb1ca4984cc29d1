//! The credentials of each handler and tenant, and what else must not be granted beside them.

use std::path::Path;
use std::sync::Arc;

use super::Credentials;
use crate::policy::manifest::apply;
use crate::policy::manifest::document::{Document, Spanned, path, similar};
use crate::policy::manifest::grants::GrantsSection;
use crate::policy::manifest::sections::Sections;
use crate::policy::{Credential, Grants, SecretSource};

/// The names of credentials in a table of grants.
type Names = Option<Vec<Spanned<String>>>;

impl Credentials {
    /// Adds the credentials that a section names, in place of those that are there. Names that are not known have a
    /// mistake already.
    pub(in crate::policy::manifest) fn grant(&self, grants: &mut Grants, names: &Names) {
        if names.is_some() {
            grants.credentials = self.named(names);
        }
    }

    /// The credentials of these names, each once.
    pub(in crate::policy::manifest) fn named(&self, names: &Names) -> Vec<Arc<Credential>> {
        let mut named: Vec<Arc<Credential>> = Vec::new();
        for credential in apply::values(names).filter_map(|name| self.by_name.get(name.as_str())) {
            if !named.contains(credential) {
                named.push(Arc::clone(credential));
            }
        }
        named
    }

    /// Records names that are not known.
    pub(in crate::policy::manifest) fn check(&self, document: &Document, table: &str, names: &Names) {
        for name in names.iter().flatten() {
            if !self.by_name.contains_key(name.value.as_str()) {
                let known: Vec<&str> = self.by_name.keys().map(AsRef::as_ref).collect();
                let hint = match similar(&name.value, &known) {
                    Some(similar) => format!("did you mean {similar:?}?"),
                    None => format!("add [{}]", path("credentials", &name.value)),
                };
                let text = format!("there is no credential {:?}; {hint}", name.value);
                document.mistake(name.line, format!("{table}.credentials"), text);
            }
        }
    }
}

/// Two credentials that are for one host, if there are any.
pub(in crate::policy::manifest) fn overlap(credentials: &[Arc<Credential>]) -> Option<String> {
    for (at, first) in credentials.iter().enumerate() {
        for second in credentials.iter().skip(at + 1) {
            // Each host is one place or the subdomains of a domain, so two that overlap are one in the other.
            let both = first.hosts.iter().find_map(|host| {
                let other = second.hosts.iter().find(|other| host.covers(other) || other.covers(host))?;
                Some(if host.covers(other) { other } else { host })
            });
            if let Some(host) = both {
                return Some(format!(
                    "{:?} and {:?} are both for {host}, and it is not clear which is used; grant one of them, or change their \
                     hosts",
                    first.name, second.name
                ));
            }
        }
    }
    None
}

/// Records credentials that cannot be granted, and grants with which a handler would see a secret.
pub(in crate::policy::manifest) fn check(document: &Document, sections: &Sections) {
    let credentials = &sections.credentials;
    let grants = |table: &str, section: &GrantsSection<(String, String)>| {
        credentials.check(document, table, &section.credentials);
        if let Some(text) = overlap(&credentials.named(&section.credentials))
            && let Some(last) = section.credentials.iter().flatten().next_back()
        {
            document.mistake(last.line, format!("{table}.credentials"), text);
        }
        readable(document, table, credentials, section);
    };
    for handler in &sections.handlers {
        let table = path("handlers", &handler.name);
        grants(&format!("{table}.grants"), &handler.grants);
        let max = format!("{table}.max.grants");
        credentials.check(document, &max, &handler.max_grants.credentials);
        readable(document, &max, credentials, &handler.max_grants);
    }
    for tenant in &sections.tenants {
        if let Some(section) = tenant.grants() {
            grants(&format!("{}.grants", path("tenants", &tenant.id.value)), section);
        }
    }
}

/// Records variables and directories in which a secret is.
fn readable<V>(document: &Document, table: &str, credentials: &Credentials, section: &GrantsSection<V>) {
    for secret in credentials.secrets() {
        let name = &secret.name;
        match &secret.from {
            SecretSource::Environment(variable) => {
                for granted in section.inherit_environment.iter().flatten() {
                    if *granted.value == **variable {
                        let text = format!(
                            "{variable} is the secret {name:?}, which a handler must not have; leave it out, and grant a \
                             credential"
                        );
                        document.mistake(granted.line, format!("{table}.inherit_environment"), text);
                    }
                }
            }
            SecretSource::File(file) => {
                for granted in section.files.iter().flatten() {
                    let file = Path::new(&**file);
                    // The second is Lambda's task root.
                    let below = file.strip_prefix(".").or_else(|_| file.strip_prefix("/var/task"));
                    let file = below.unwrap_or(file);
                    if file.starts_with(&granted.value) {
                        let text = format!(
                            "the directory contains the secret {name:?}, which a handler must not have; move the file"
                        );
                        document.mistake(granted.line, format!("{table}.files"), text);
                    }
                }
            }
            SecretSource::Parameter(_) | SecretSource::SecretsManager { .. } => {}
        }
    }
}
