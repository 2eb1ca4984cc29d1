//! The digest of a file of the store, which is also its name.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::engine::artifact;

const PREFIX: &str = "sha256:";

/// A SHA-256, as `sha256:` and 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// The text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected sha256: and 64 hexadecimal digits in lower case")]
pub struct DigestError;

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(artifact::digest(bytes))
    }

    /// With its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits alone.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == 64).ok_or(DigestError)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        // Two spellings would be two files.
        if digits.bytes().all(is_digit) { Ok(Self(text.to_owned())) } else { Err(DigestError) }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first half of the SHA-256 of these bytes, to be compared and not to be shown.
pub fn short(bytes: &[u8]) -> u128 {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_digest_is_the_first_half() {
        assert_eq!(format!("{:x}", short(b"")), Digest::of(b"").digits()[..32]);
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Digest::of(b"");
        assert_eq!(digest.digits(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digest.to_string().parse(), Ok(digest.clone()));
        let digits = digest.digits().to_owned();
        for text in [
            digits.clone(),
            format!("sha256:{}", digits.to_uppercase()),
            format!("sha256:{}", &digits[1..]),
            format!("sha256:{digits}0"),
            format!("sha256:../{}", &digits[3..]),
            format!("sha512:{digits}"),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(DigestError), "{text}");
            assert!(serde_json::from_value::<Digest>(text.into()).is_err());
        }
    }
}
