//! [`Error`]: why an operation on a store failed.

use std::fmt;

use crate::Diagnostic;
use crate::bindings::key_value::wasi::keyvalue0_2_0_draft2::store;

/// Why an operation failed. As the error of a handler it has an `errorType` of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::error_impl_error, reason = "the only error of the module")]
pub enum Error {
    /// There is no store of this name: `NoSuchStore`.
    NoSuchStore,
    /// The store is not granted: `StoreDenied`. The log has the line that would grant it.
    Denied,
    /// Others changed the value again and again: `StoreContended`.
    Contended,
    /// The store failed, a limit was reached, or something is not valid: `StoreFailed`.
    Failed(String),
    /// There is no host outside of a component: `NoHost`.
    NoHost,
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoSuchStore => Self::NoSuchStore,
            store::Error::AccessDenied => Self::Denied,
            store::Error::Other(text) => Self::Failed(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchStore => "there is no store of this name; add it to [stores] of bulkhead.toml",
            Self::Denied => {
                "the store is not granted; add its name to `key_value` in the grants of bulkhead.toml"
            }
            Self::Contended => "the value was changed by others again and again",
            Self::Failed(text) => text,
            Self::NoHost => "only a component can open a store; use `Store::in_memory` in unit tests",
        })
    }
}

impl std::error::Error for Error {}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match &error {
            Error::NoSuchStore => "NoSuchStore",
            Error::Denied => "StoreDenied",
            Error::Contended => "StoreContended",
            Error::Failed(_) => "StoreFailed",
            Error::NoHost => "NoHost",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_a_type_and_says_what_to_do() {
        for (error, error_type, text) in [
            (store::Error::NoSuchStore.into(), "NoSuchStore", "[stores]"),
            (store::Error::AccessDenied.into(), "StoreDenied", "key_value"),
            (store::Error::Other("busy".to_owned()).into(), "StoreFailed", "busy"),
            (Error::Contended, "StoreContended", "again"),
            (Error::NoHost, "NoHost", "Store::in_memory"),
        ] {
            let diagnostic = Diagnostic::from(error);
            assert_eq!(diagnostic.error_type, error_type);
            assert!(diagnostic.error_message.contains(text), "{diagnostic:?}");
        }
    }
}
