//! The public key of someone who may write records into a store, as text: `ed25519:…` or `p256:…`, followed by
//! the key in base64. [`crate::store`] checks signatures with it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Ed25519.
    Ed25519,
    /// ECDSA on the curve P-256 with SHA-256.
    P256,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Ed25519, Self::P256];

    /// The word before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
        }
    }

    /// The length of a key in bytes.
    fn length(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            // Uncompressed: the number 4, and two coordinates.
            Self::P256 => 65,
        }
    }
}

/// A public key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kind: KeyKind,
    bytes: Vec<u8>,
}

/// The text is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// It does not begin with a kind.
    #[error(
        "the key does not begin with ed25519: or p256:; `bulkhead keygen` prints the public key of a key file"
    )]
    Kind,
    /// The rest is not base64.
    #[error("the key is not valid base64 after its colon")]
    Base64,
    /// The rest has another length, or another form.
    #[error("the key is not valid: a key of the kind {} has {} bytes{}", kind.name(), kind.length(), form(*kind))]
    Form {
        /// The kind that it claims to be.
        kind: KeyKind,
    },
}

fn form(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ed25519 => "",
        KeyKind::P256 => ", of which the first is 4 (an uncompressed point)",
    }
}

impl PublicKey {
    /// A key of this kind.
    ///
    /// # Errors
    /// If the bytes do not have the form of such a key.
    pub fn new(kind: KeyKind, bytes: &[u8]) -> Result<Self, PublicKeyError> {
        let has_form = bytes.len() == kind.length()
            && match kind {
                KeyKind::Ed25519 => true,
                KeyKind::P256 => bytes.first() == Some(&4),
            };
        if has_form { Ok(Self { kind, bytes: bytes.to_vec() }) } else { Err(PublicKeyError::Form { kind }) }
    }

    /// Its kind.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let (name, key) = text.split_once(':').ok_or(PublicKeyError::Kind)?;
        let kind = KeyKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(PublicKeyError::Kind)?;
        Self::new(kind, &STANDARD.decode(key).map_err(|_| PublicKeyError::Base64)?)
    }
}

impl Display for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), STANDARD.encode(&self.bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key: PublicKey = ED25519.parse().unwrap();
        assert_eq!((key.kind(), key.bytes().len(), key.bytes()[0]), (KeyKind::Ed25519, 32, 0xd7));
        assert_eq!(key.to_string(), ED25519);
        let point = PublicKey::new(KeyKind::P256, &[&[4][..], &[7; 64]].concat()).unwrap();
        assert_eq!(point.to_string().parse(), Ok(point));
    }

    #[test]
    fn what_is_not_a_key_says_why() {
        let short = format!("ed25519:{}", STANDARD.encode([1; 31]));
        let compressed = format!("p256:{}", STANDARD.encode([2; 65]));
        for (text, expected) in [
            ("", "does not begin with ed25519: or p256:"),
            ("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "does not begin with"),
            ("rsa:AAAA", "does not begin with"),
            ("ED25519:AAAA", "does not begin with"),
            ("ed25519:!", "not valid base64"),
            ("ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURp=", "not valid base64"),
            (&short, "a key of the kind ed25519 has 32 bytes"),
            (&compressed, "has 65 bytes, of which the first is 4"),
        ] {
            let error = text.parse::<PublicKey>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
