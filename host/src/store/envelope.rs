//! The signed envelope of a record: DSSE 1.0.2.
//!
//! ```json
//! {"payload": "BASE64", "payloadType": "application/vnd.bulkhead.tenant.v1+json",
//!  "signatures": [{"keyid": "ed25519:…", "sig": "BASE64"}]}
//! ```
//!
//! What is signed is the pre-authentication encoding (PAE) of the type and the exact bytes of the payload. Exactly
//! these bytes are parsed afterwards. The `keyid` is the public key itself, and a hint only: it chooses which of the
//! trusted keys is tried.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

use super::key::{KeyError, SigningKey, verify};
use super::{MAX_ENVELOPE, RecordError};
use crate::policy::PublicKey;
use crate::text::bounded;
use crate::text::json::Object;
use crate::text::printable::line;

/// The type of the payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.bulkhead.tenant.v1+json";

/// More signatures than a record needs while a key is replaced by another.
const MOST_SIGNATURES: usize = 4;

/// How much of a text is reported that nobody has signed.
const SHOWN: usize = 200;

#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// The bytes that are signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Signs a payload, and puts it into an envelope.
///
/// # Errors
/// If the key cannot sign.
pub fn seal(payload: &[u8], key: &SigningKey) -> Result<Vec<u8>, KeyError> {
    let signature = key.sign(&pae(PAYLOAD_TYPE, payload))?;
    let envelope = Envelope {
        payload: STANDARD.encode(payload),
        payload_type: PAYLOAD_TYPE.to_owned(),
        signatures: vec![Signature { keyid: key.public().to_string(), sig: STANDARD.encode(signature) }],
    };
    // Text always serialises.
    Ok(serde_json::to_vec(&envelope).unwrap_or_default())
}

/// The payload of an envelope, and the key that signed it, if that is one of these.
///
/// # Errors
/// If the bytes are not such an envelope, or if none of the keys has signed it.
pub fn open<'k>(envelope: &[u8], keys: &'k [PublicKey]) -> Result<(Vec<u8>, &'k PublicKey), RecordError> {
    let length = u64::try_from(envelope.len()).unwrap_or(u64::MAX);
    if length > MAX_ENVELOPE {
        return Err(RecordError::TooLarge { length });
    }
    let not_envelope =
        |why: &dyn std::fmt::Display| RecordError::Envelope(line(&bounded::text(why, SHOWN)).into_owned());
    let Object(envelope): Object<Envelope> =
        serde_json::from_slice(envelope).map_err(|error| not_envelope(&error))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        let found = bounded::text(&envelope.payload_type, SHOWN);
        return Err(not_envelope(&format_args!("its payloadType is {found:?}, not {PAYLOAD_TYPE}")));
    }
    let payload =
        decode(&envelope.payload).ok_or_else(|| not_envelope(&"its payload is not valid base64"))?;
    let signed = pae(PAYLOAD_TYPE, &payload);
    let mut signatures = envelope.signatures.iter().take(MOST_SIGNATURES);
    match signatures.find_map(|signature| signer(signature, &signed, keys)) {
        Some(key) => Ok((payload, key)),
        None => Err(RecordError::Signature),
    }
}

/// Which of these keys has made a signature.
fn signer<'k>(signature: &Signature, signed: &[u8], keys: &'k [PublicKey]) -> Option<&'k PublicKey> {
    let sig = decode(&signature.sig)?;
    let named: Option<PublicKey> = signature.keyid.parse().ok();
    let may_be = |key: &&PublicKey| named.as_ref().is_none_or(|named| named == *key);
    keys.iter().filter(may_be).find(|key| verify(key, signed, &sig))
}

/// What somebody has signed whose key need not be trusted: enough to say whose key it is, and to keep what it refers to.
#[derive(Debug)]
pub struct Claim {
    /// The payload.
    pub payload: Vec<u8>,
    /// The keys that have signed it, if the envelope names them.
    pub keys: Vec<PublicKey>,
}

/// The payload of an envelope. Its signatures are not checked, so do not use it as if a trusted key had signed it.
pub fn claim(envelope: &[u8]) -> Option<Claim> {
    let Object(envelope): Object<Envelope> = serde_json::from_slice(envelope).ok()?;
    let payload = decode(&envelope.payload)?;
    let signed = pae(&envelope.payload_type, &payload);
    let signer = |signature: &Signature| {
        let key: PublicKey = signature.keyid.parse().ok()?;
        verify(&key, &signed, &decode(&signature.sig)?).then_some(key)
    };
    let keys = envelope.signatures.iter().take(MOST_SIGNATURES).filter_map(signer).collect();
    Some(Claim { payload, keys })
}

/// The same payload, signed with this key, too; `None` if it has signed it already. Signatures by other keys than these go.
///
/// # Errors
/// If none of these keys has signed it, or this one cannot.
pub fn sign_again(
    envelope: &[u8],
    keys: &[PublicKey],
    key: &SigningKey,
) -> Result<Option<Vec<u8>>, ResignError> {
    let (payload, _) = open(envelope, keys)?;
    let Object(before): Object<Envelope> = serde_json::from_slice(envelope)
        .map_err(|error| RecordError::Envelope(bounded::text(error, SHOWN)))?;
    let Envelope { payload: text, payload_type, signatures } = before;
    let signed = pae(PAYLOAD_TYPE, &payload);
    let signer = |signature: &Signature| signer(signature, &signed, keys);
    let signatures = signatures.into_iter().take(MOST_SIGNATURES);
    let mut signatures: Vec<(Signature, &PublicKey)> =
        signatures.filter_map(|signature| signer(&signature).map(|key| (signature, key))).collect();
    if signatures.iter().any(|(_, signer)| *signer == key.public()) {
        return Ok(None);
    }
    signatures.truncate(MOST_SIGNATURES - 1);
    let sig = STANDARD.encode(key.sign(&signed)?);
    let new = Signature { keyid: key.public().to_string(), sig };
    let signatures =
        [new].into_iter().chain(signatures.into_iter().map(|(signature, _)| signature)).collect();
    let envelope = Envelope { payload: text, payload_type, signatures };
    // Text always serialises.
    Ok(Some(serde_json::to_vec(&envelope).unwrap_or_default()))
}

/// An envelope cannot be signed with another key.
#[derive(Debug, thiserror::Error)]
pub enum ResignError {
    /// It is not one that a trusted key has signed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// DSSE allows both alphabets.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}
