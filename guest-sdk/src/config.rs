//! The configuration of a handler or a tenant: the texts under `config` in `bulkhead.toml`.
//!
//! ```
//! #[bulkhead::handler]
//! fn greet(name: String) -> Result<String, bulkhead::config::Error> {
//!     let greeting = bulkhead::config::get("greeting")?;
//!     Ok(format!("{} {name}!", greeting.as_deref().unwrap_or("Hello")))
//! }
//! # fn main() {}
//! ```
//!
//! ```toml
//! [handlers.greet.config]
//! greeting = "Good morning"
//! [tenants.acme.config]
//! greeting = "Howdy"
//! ```
//!
//! It is read through `wasi:config/store@0.2.0-rc.1`, which other hosts provide, too.

use std::fmt;

use crate::Diagnostic;
use crate::bindings::config::wasi::config0_2_0_rc_1::store;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::error_impl_error, reason = "the only error of the module")]
pub struct Error(String);

/// The value of a key, if there is one.
///
/// # Errors
/// If the host has a source of configuration that failed. Bulkhead never fails.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    within_component()?;
    store::get(key).map_err(Error::of)
}

/// All keys with their values.
///
/// # Errors
/// If the host has a source of configuration that failed. Bulkhead never fails.
pub fn all() -> Result<Vec<(String, String)>, Error> {
    within_component()?;
    store::get_all().map_err(Error::of)
}

fn within_component() -> Result<(), Error> {
    match cfg!(target_family = "wasm") {
        true => Ok(()),
        false => {
            Err(Error("only a component has a configuration; pass the value to what you test".to_owned()))
        }
    }
}

impl Error {
    fn of(error: store::Error) -> Self {
        match error {
            store::Error::Upstream(text) | store::Error::Io(text) => Self(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration cannot be read: {}", self.0)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: "ConfigUnavailable".to_owned(), error_message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_of_a_component_there_is_none() {
        let error = get("greeting").unwrap_err();
        assert_eq!(all().unwrap_err(), error);
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.error_type, "ConfigUnavailable");
        assert!(diagnostic.error_message.ends_with("pass the value to what you test"), "{diagnostic:?}");
    }
}
