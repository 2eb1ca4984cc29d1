//! Why a secret or a session cannot be had.

use std::sync::Arc;

/// There is no value. The text says why, and what to do; it never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(Arc<str>);

impl Unavailable {
    pub(super) fn new(reason: impl AsRef<str>) -> Self {
        Self(reason.as_ref().into())
    }

    /// The same, with the name of what is missing before it.
    pub(super) fn of(self, what: &str) -> Self {
        Self::new(format!("{what}: {self}"))
    }
}
