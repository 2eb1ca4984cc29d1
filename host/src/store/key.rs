//! Signatures: made with a private key by the command, and checked with [public keys](PublicKey) by the bootstrap.
//!
//! A private key is a file in PKCS#8 and PEM, as `openssl genpkey` writes it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::policy::{KeyKind, PublicKey};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Whether this key has signed the message.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match key.kind() {
        KeyKind::Ed25519 => &ED25519,
        KeyKind::P256 => &ECDSA_P256_SHA256_ASN1,
    };
    UnparsedPublicKey::new(algorithm, key.bytes()).verify(message, signature).is_ok()
}

/// A private key.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// A private key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not in PEM.
    #[error(
        "this is not a private key in PKCS#8 and PEM, which begins with {BEGIN}; `bulkhead keygen` makes one"
    )]
    Pem,
    /// It is of another kind, or damaged.
    #[error("this is not a key for Ed25519 or for ECDSA on the curve P-256; `bulkhead keygen` makes one")]
    Kind,
    /// The operating system gave no random bytes, or the key cannot sign.
    #[error("the operating system returned no random bytes")]
    Random,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key, as the content of its file.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub fn generate(kind: KeyKind) -> Result<String, KeyError> {
        let random = SystemRandom::new();
        let document = match kind {
            KeyKind::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
            KeyKind::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        };
        let text = STANDARD.encode(document.map_err(|_| KeyError::Random)?.as_ref());
        let mut pem = format!("{BEGIN}\n");
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        Ok(pem + END + "\n")
    }

    /// The key in the content of a file.
    ///
    /// # Errors
    /// If there is no key in it that can sign.
    pub fn read(pem: &str) -> Result<Self, KeyError> {
        let (_, rest) = pem.split_once(BEGIN).ok_or(KeyError::Pem)?;
        let (text, _) = rest.split_once(END).ok_or(KeyError::Pem)?;
        let text: String = text.split_whitespace().collect();
        let der = STANDARD.decode(text).map_err(|_| KeyError::Pem)?;
        // OpenSSL does not write the public key into the file.
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            let public = PublicKey::new(KeyKind::Ed25519, pair.public_key().as_ref());
            return Ok(Self { public: public.map_err(|_| KeyError::Kind)?, pair: Pair::Ed25519(pair) });
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new());
        let pair = pair.map_err(|_| KeyError::Kind)?;
        let public = PublicKey::new(KeyKind::P256, pair.public_key().as_ref());
        Ok(Self { public: public.map_err(|_| KeyError::Kind)?, pair: Pair::P256(pair) })
    }

    /// The key that checks its signatures.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Random)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form in which OpenSSL writes them, and their public keys.
    const OPENSSL: [(&str, &str); 2] = [
        (
            include_str!("../../schema/vectors/ed25519.pem"),
            "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        ),
        (
            include_str!("../../schema/vectors/p256.pem"),
            "p256:BH2zuFsc+h3rkGYWJ2TkfnWpTwBvTBf6B3amOV6Mu2PrxMX9fPjIdWAWBCZIQOz+DiogwrXqZ54PhxczHR8FEi8=",
        ),
    ];

    #[test]
    fn a_new_key_signs_what_its_public_key_verifies() {
        for kind in KeyKind::ALL {
            let key = SigningKey::read(&SigningKey::generate(kind).unwrap()).unwrap();
            let other = SigningKey::read(&SigningKey::generate(kind).unwrap()).unwrap();
            assert_eq!(key.public().kind(), kind);
            assert_eq!(key.public().to_string().parse().as_ref(), Ok(key.public()));
            let signature = key.sign(b"message").unwrap();
            assert!(verify(key.public(), b"message", &signature));
            assert!(!verify(key.public(), b"massage", &signature));
            assert!(!verify(other.public(), b"message", &signature));
            for at in 0..signature.len() {
                let mut flipped = signature.clone();
                flipped[at] ^= 1;
                assert!(!verify(key.public(), b"message", &flipped), "{kind:?}, byte {at}");
            }
            assert!(!verify(key.public(), b"message", &signature[1..]));
            assert!(!verify(key.public(), b"message", b""));
        }
    }

    #[test]
    fn keys_of_openssl_are_read() {
        for (pem, public) in OPENSSL {
            let key = SigningKey::read(pem).unwrap();
            assert_eq!(key.public().to_string(), public);
            let shown = format!("{key:?}");
            assert!(shown.starts_with("SigningKey { public: ") && shown.len() < 150, "{shown}");
        }
    }

    #[test]
    fn what_is_not_a_private_key_says_so() {
        let body = |body: &str| format!("{BEGIN}\n{body}\n{END}\n");
        for (text, expected) in [
            ("", KeyError::Pem),
            ("-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----", KeyError::Pem),
            (BEGIN, KeyError::Pem),
            (&body("?"), KeyError::Pem),
            (&body("AAAA"), KeyError::Kind),
        ] {
            assert_eq!(SigningKey::read(text).unwrap_err(), expected, "{text}");
        }
    }
}
