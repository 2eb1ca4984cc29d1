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
    /// If it cannot be a secret.
    pub(super) fn new(value: String) -> Result<Self, Unavailable> {
        match check(&value) {
            Ok(()) => Ok(Self(value.into())),
            Err(why) => Err(Unavailable::new(why)),
        }
    }

    /// The value, for a request. It must not go anywhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Whether a text can be the value of a secret.
///
/// # Errors
/// If it cannot. The error does not contain it.
pub fn check(value: &str) -> Result<(), &'static str> {
    // A header has none of these, and a service that has them elsewhere is not known.
    let is_odd = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    match value.len() {
        0 => Err("its value is empty"),
        1..=MAX_SECRET if value.bytes().any(is_odd) => Err(
            "its value contains a line break or another control character, which a request cannot contain",
        ),
        1..=MAX_SECRET => Ok(()),
        _ => Err("its value has more than 8192 bytes"),
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

    #[test]
    fn p10_5_a_secret_is_text_that_a_header_can_have() {
        for good in ["a b", "a\tb", "schlüssel", "🔑"] {
            assert_eq!(check(good), Ok(()), "{good}");
            let header = hyper::header::HeaderValue::from_str(good);
            assert!(header.is_ok(), "{good}");
        }
        for bad in ["two\r\nlines: x", "a\n", "a\rb", "a\0", "a\x7f", "\x1b[1m"] {
            let why = check(bad).unwrap_err();
            assert!(why.contains("a line break") && hyper::header::HeaderValue::from_str(bad).is_err());
        }
    }
}
