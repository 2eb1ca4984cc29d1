//! Credentials that the host uses for a guest: for which hosts, and what it adds to requests to them.
//!
//! `[credentials.NAME]` says how requests are signed, and `[secrets.NAME]` where a secret comes from. Here they are data:
//! the value of a secret is never part of a policy. [`crate::capabilities::outbound`] applies them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use super::{AllowedHost, service_and_region};

/// `[credentials.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    /// Its name.
    pub name: Box<str>,
    /// `hosts`: the only hosts that it is used for. A handler that has the credential may also send requests to them.
    pub hosts: Vec<AllowedHost>,
    /// What is done with a request.
    pub authentication: Authentication,
}

impl Credential {
    /// The secrets that it puts into requests.
    pub fn secrets(&self) -> impl Iterator<Item = &Arc<Secret>> {
        let parts = match &self.authentication {
            Authentication::Aws(_) => None,
            Authentication::Secrets(parts) => Some(parts),
        };
        let templates = parts.into_iter().flat_map(|SecretParts { headers, query, basic }| {
            let basic = basic.iter().flat_map(|basic| [&basic.user, &basic.password]);
            headers.values().chain(query.values()).chain(basic)
        });
        templates.flat_map(|template| &template.parts).filter_map(|part| match part {
            Part::Secret(secret) => Some(secret),
            Part::Text(_) | Part::Tenant => None,
        })
    }

    /// The region of its first host, if it signs requests to AWS.
    pub fn region(&self) -> Option<String> {
        let Authentication::Aws(signing) = &self.authentication else { return None };
        let of_host = || self.hosts.iter().find_map(|host| Some(service_and_region(host.name()?)?.1));
        signing.region.as_deref().map(str::to_owned).or_else(of_host)
    }
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// `sign = "aws"`: it is signed with Signature Version 4.
    Aws(AwsSigning),
    /// `headers`, `query` and `basic`: secrets are put into it.
    Secrets(SecretParts),
}

/// How requests to AWS are signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AwsSigning {
    /// `region`, if it is not in the name of the host.
    pub region: Option<Box<str>>,
    /// `service`: the name that the service has in signatures, if it is not in the name of the host.
    pub service: Option<Box<str>>,
    /// `role` and what belongs to it. `None`: the role of the function.
    pub role: Option<Role>,
    /// `operations`, such as `dynamodb:GetItem`. Empty: all of them.
    pub operations: Vec<Box<str>>,
}

/// A role that is assumed, in a session for each tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Role {
    /// `role`: its ARN.
    pub arn: Box<str>,
    /// `session_tags`
    pub session_tags: BTreeMap<Box<str>, Template>,
    /// `session_policy`: JSON.
    pub session_policy: Option<Template>,
    /// `external_id`
    pub external_id: Option<Template>,
}

impl Role {
    /// Whether its sessions differ between tenants.
    pub fn names_tenant(&self) -> bool {
        let templates = self.session_tags.values().chain(&self.session_policy).chain(&self.external_id);
        templates.flat_map(|template| &template.parts).any(|part| *part == Part::Tenant)
    }
}

/// The parts of a request that hold secrets. Each replaces what the guest has sent under this name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SecretParts {
    /// `headers`: names in lower case.
    pub headers: BTreeMap<Box<str>, Template>,
    /// `query`: parameters of the URL.
    pub query: BTreeMap<Box<str>, Template>,
    /// `basic`: the header `authorization` with user and password.
    pub basic: Option<Basic>,
}

/// `basic = { user = "…", password = "{name}" }`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Basic {
    /// `user`
    pub user: Template,
    /// `password`
    pub password: Template,
}

/// A text with names in braces: `Bearer {stripe}`, `{tenant}`. Two braces stand for one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    /// The text, in parts.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Text as it is.
    Text(Box<str>),
    /// `{tenant}`: the id of the event's tenant.
    Tenant,
    /// The value of a secret.
    Secret(Arc<Secret>),
}

/// `[secrets.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Secret {
    /// Its name.
    pub name: Box<str>,
    /// `from`
    pub from: SecretSource,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// `env:NAME`: an environment variable of the process.
    Environment(Box<str>),
    /// `ssm:NAME`: a parameter of the Systems Manager, decrypted.
    Parameter(Box<str>),
    /// `secretsmanager:ID` or `secretsmanager:ID#KEY`: a secret, or the value of a key of its JSON.
    SecretsManager {
        /// The name or the ARN of the secret.
        id: Box<str>,
        /// The key.
        key: Option<Box<str>>,
    },
    /// `file:PATH`: a file, relative to the task root or absolute. Line ends at its end are not part of the secret.
    File(Box<str>),
}

/// As in `from`.
impl Display for SecretSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::SecretsManager { id, key: None } => write!(f, "secretsmanager:{id}"),
            Self::SecretsManager { id, key: Some(key) } => write!(f, "secretsmanager:{id}#{key}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

/// With names in the place of values.
impl Display for Template {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Tenant => f.write_str("{tenant}"),
            Part::Secret(secret) => write!(f, "{{{}}}", secret.name),
        })
    }
}
