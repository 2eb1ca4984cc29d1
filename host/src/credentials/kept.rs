//! What the caches of a broker keep, and by what. They share one type of each, because the code of a cache of one more type would
//! make the bootstrap larger.

use std::sync::Arc;

use super::{SecretValue, Unavailable};
use crate::aws::Credentials;
use crate::policy::{Credential, Secret};

/// Whose value it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The role of the function.
    Role,
    /// A secret.
    Secret(Arc<Secret>),
    /// A session for a tenant. Two credentials of one name are different ones if anything else differs.
    Session(Arc<Credential>, Option<Arc<str>>),
}

impl Key {
    /// The tenant of a session.
    pub(super) fn tenant(&self) -> Option<&str> {
        match self {
            Self::Session(_, tenant) => tenant.as_deref(),
            Self::Role | Self::Secret(_) => None,
        }
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Of the role, or of a session.
    Keys(Arc<Credentials>),
    /// Of a secret.
    Secret(Arc<SecretValue>),
}

impl Value {
    /// The keys of a role or a session.
    pub(super) fn keys(&self) -> Result<Arc<Credentials>, Unavailable> {
        match self {
            Self::Keys(keys) => Ok(Arc::clone(keys)),
            Self::Secret(_) => Err(Unavailable::new("it is a secret")),
        }
    }

    /// The value of a secret.
    pub(super) fn secret(&self) -> Result<Arc<SecretValue>, Unavailable> {
        match self {
            Self::Secret(secret) => Ok(Arc::clone(secret)),
            Self::Keys(_) => Err(Unavailable::new("it is not a secret")),
        }
    }
}
