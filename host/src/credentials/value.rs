//! The value of a secret.

use std::fmt::{self, Debug, Formatter};

use super::Unavailable;

/// The largest secret. Servers accept 8 to 16 KiB of headers.
const MAX_SECRET: usize = 8 * 1024;

/// The value of a secret, which nothing prints.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Box<str>);

impl SecretValue {
    /// # Errors
    /// If it is empty or too large.
    pub(super) fn new(value: String) -> Result<Self, Unavailable> {
        match value.len() {
            0 => Err(Unavailable::new("its value is empty")),
            1..=MAX_SECRET => Ok(Self(value.into())),
            _ => Err(Unavailable::new(format!("its value has more than {MAX_SECRET} bytes"))),
        }
    }

    /// The value, for a request. It must not go anywhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Debug for SecretValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = SecretValue::new("hunter2".to_owned()).unwrap();
        assert_eq!((format!("{secret:?}").as_str(), secret.expose()), ("SecretValue", "hunter2"));
    }

    #[test]
    fn a_secret_has_a_size() {
        assert!(SecretValue::new("x".repeat(MAX_SECRET)).is_ok());
        for bad in [String::new(), "x".repeat(MAX_SECRET + 1)] {
            assert!(SecretValue::new(bad).is_err());
        }
    }
}
