//! What the function's role needs for credentials and for key-value stores: roles whose sessions it opens, secrets that it reads,
//! and tables.

use std::collections::BTreeSet;

use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::policy::{Authentication, SecretSource, service_and_region};
use serde::Serialize;

use super::tables::{Table, tables};

/// Exactly what the granted credentials and the stores of a manifest name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Access {
    /// The ARNs of roles.
    roles: BTreeSet<String>,
    /// The name of one of them, for an example.
    tenant_role: Option<String>,
    /// Parameters of the Systems Manager.
    parameters: BTreeSet<Resource>,
    /// Secrets of Secrets Manager.
    secrets: BTreeSet<Resource>,
    /// Whether a name has to become an ARN where the function is.
    is_relative: bool,
    /// The tables of its key-value stores.
    tables: Vec<Table>,
    /// Whether one of them is to be made with the function.
    has_own_table: bool,
    /// The services to which requests are signed with the function's own role.
    own: BTreeSet<String>,
}

/// An ARN, or its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Resource {
    arn: Option<String>,
    end: String,
}

impl Access {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let tables = tables(manifest);
        let has_own_table = tables.iter().any(|table| !table.is_elsewhere());
        let mut access = Self { tables, has_own_table, ..Self::default() };
        for credential in manifest.granted_credentials().values() {
            let Authentication::Aws(signing) = &credential.authentication else { continue };
            if let Some(role) = &signing.role {
                access.roles.insert(role.arn.to_string());
                continue;
            }
            let of_hosts =
                credential.hosts.iter().filter_map(|host| Some(service_and_region(host.name()?)?.0));
            match &signing.service {
                Some(service) => access.own.extend([service.to_string()]),
                None => access.own.extend(of_hosts),
            }
        }
        for secret in manifest.secrets().values() {
            match &secret.from {
                SecretSource::Parameter(name) => access.parameters.extend([parameter(name)]),
                SecretSource::SecretsManager { id, .. } => access.secrets.extend([in_secrets_manager(id)]),
                SecretSource::Environment(_) | SecretSource::File(_) => {}
            }
        }
        let name = access.roles.first().and_then(|role| Some(role.rsplit_once('/')?.1.to_owned()));
        access.tenant_role = name;
        let all = access.parameters.iter().chain(&access.secrets);
        let is_elsewhere = access.tables.iter().any(Table::is_elsewhere);
        access.is_relative = is_elsewhere || all.into_iter().any(|resource| resource.arn.is_none());
        access
    }
}

/// A parameter. Its version or its label is not a part of its ARN.
fn parameter(name: &str) -> Resource {
    if let Some((arn, rest)) = name.starts_with("arn:").then(|| name.split_once(":parameter")).flatten() {
        let rest = rest.split(':').next().unwrap_or_default();
        return Resource { arn: Some(format!("{arn}:parameter{rest}")), end: String::new() };
    }
    let name = name.split(':').next().unwrap_or_default();
    let slash = if name.starts_with('/') { "" } else { "/" };
    Resource { arn: None, end: format!("parameter{slash}{name}") }
}

/// A secret. Secrets Manager adds a dash and six characters to its name.
fn in_secrets_manager(id: &str) -> Resource {
    match id.starts_with("arn:") {
        true => Resource { arn: Some(id.to_owned()), end: String::new() },
        false => Resource { arn: None, end: format!("secret:{id}-??????") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_the_secrets_that_are_granted_and_no_others() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/shared/c";
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:e-AbCdEf";
        let toml = format!(
            "secrets = {{ a.from = 'ssm:/prod/a:3', b.from = 'ssm:b', c.from = 'ssm:{arn}:live', \
             d.from = 'secretsmanager:prod/d#key', e.from = 'secretsmanager:{secret}', f.from = 'env:F', \
             unused.from = 'ssm:unused' }}\n\
             [credentials.one]\nhosts = ['https://a.b']\nheaders = {{ a = '{{a}}', b = '{{b}}', c = '{{c}}' }}\n\
             [credentials.two]\nhosts = ['https://b.b']\nheaders = {{ d = '{{d}}', e = '{{e}}', f = '{{f}}' }}\n\
             [credentials.other]\nhosts = ['https://c.b']\nheaders = {{ a = '{{unused}}' }}\n\
             [handlers.h]\ngrants.credentials = ['one', 'two']\n"
        );
        let access = Access::of(&Manifest::parse(&toml).unwrap());
        let shown = |resources: &BTreeSet<Resource>| {
            resources.iter().map(|one| one.arn.clone().unwrap_or_else(|| one.end.clone())).collect::<Vec<_>>()
        };
        assert_eq!(shown(&access.parameters), ["parameter/b", "parameter/prod/a", arn]);
        assert_eq!(shown(&access.secrets), ["secret:prod/d-??????", secret]);
        assert!(access.is_relative && access.roles.is_empty() && access.own.is_empty());
    }

    #[test]
    fn a_role_opens_sessions_of_the_roles_of_credentials() {
        let role = "arn:aws:iam::123456789012:role/tenant";
        let toml = format!(
            "[credentials.a]\nhosts = ['https://sqs.eu-west-1.amazonaws.com']\nsign = 'aws'\nrole = '{role}'\n\
             [credentials.b]\nhosts = ['https://sns.eu-west-1.amazonaws.com']\nsign = 'aws'\n\
             [credentials.c]\nhosts = ['http://127.0.0.1:1']\nsign = 'aws'\nservice = 's3'\nregion = 'eu-west-1'\n\
             [handlers.h]\ngrants.credentials = ['a', 'b', 'c']\n"
        );
        let access = Access::of(&Manifest::parse(&toml).unwrap());
        assert_eq!(access.roles, [role.to_owned()].into());
        assert_eq!(access.tenant_role.as_deref(), Some("tenant"));
        assert_eq!(access.own, ["s3".to_owned(), "sns".to_owned()].into());
        assert!(!access.is_relative);
    }
}
