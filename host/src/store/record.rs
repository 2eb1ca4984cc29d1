//! The record of a tenant: which component or script handles its events, under which limits and grants, from when and until
//! when.
//!
//! A record contains its tenant's id and the name of its store, so that it is not valid in another place. A tenant
//! that was removed has a record too, without a handler: so an earlier record of it does not become valid again.

mod handler;

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::envelope;
use super::key::{KeyError, SigningKey};
use super::layout::MAX_VERSION;
use crate::policy::PublicKey;
use crate::text::bounded;
use crate::text::json::Object;
use crate::text::printable::line;
pub use handler::{Code, ComponentCode, Handler, Native};

/// The clock of the machine that wrote a record may be ahead by this much.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Compiled for more builds of Bulkhead than this, most of them are not in use any more.
const MOST_NATIVE: usize = 16;

/// How much of a text in a record is reported.
const SHOWN: usize = 200;

/// The record of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The id of the tenant.
    pub tenant: String,
    /// The name of the store.
    pub store: String,
    /// Increases with each record of the tenant, from 1.
    pub version: u64,
    /// It is not valid before.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub not_before: SystemTime,
    /// It is not valid from here on.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub expires: SystemTime,
    /// `None` if the tenant was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<Handler>,
}

/// What a record is expected to be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The tenant whose record was asked for.
    pub tenant: &'a str,
    /// The name of the store.
    pub store: &'a str,
    /// The highest version that was seen.
    pub seen: u64,
    /// The time.
    pub now: SystemTime,
}

/// A record that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is too large.
    #[error("its file has {length} bytes; a record has at most {}", super::MAX_ENVELOPE)]
    TooLarge {
        /// The size of its file.
        length: u64,
    },
    /// Its file is not an envelope.
    #[error("its file is not a signed envelope: {0}")]
    Envelope(String),
    /// No trusted key has signed it.
    #[error("it is not signed by a key in public_keys of [store]")]
    Signature,
    /// It is signed, and not a record.
    #[error("its content is not valid: {0}")]
    Content(String),
    /// It belongs to another tenant.
    #[error("it is the record of the tenant {found:?}")]
    Tenant {
        /// That tenant.
        found: String,
    },
    /// It belongs to another store.
    #[error("it was written for the store {found:?}, and this store is {wanted:?}")]
    Store {
        /// That store.
        found: String,
        /// This store.
        wanted: String,
    },
    /// It is older than a record that was seen before.
    #[error("its version is {found}, and version {seen} was seen before")]
    Older {
        /// Its version.
        found: u64,
        /// The highest version that was seen.
        seen: u64,
    },
    /// It is not valid yet.
    #[error("it is not valid before {}", shown(*not_before))]
    NotYet {
        /// When it is.
        not_before: SystemTime,
    },
    /// It is not valid any more.
    #[error("it expired at {}; put the tenant again", shown(*expires))]
    Expired {
        /// Since when.
        expires: SystemTime,
    },
}

impl Record {
    /// The file of the record.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn seal(&self, key: &SigningKey) -> Result<Vec<u8>, KeyError> {
        // Text and numbers always serialise.
        envelope::seal(&serde_json::to_vec(self).unwrap_or_default(), key)
    }

    /// The record in a file, if one of these keys has signed it, whatever tenant it belongs to, and whether it is valid
    /// now or not.
    ///
    /// # Errors
    /// If the file is not a signed record.
    pub fn of_file(file: &[u8], keys: &[PublicKey]) -> Result<Self, RecordError> {
        let (payload, _) = envelope::open(file, keys)?;
        Self::of_payload(&payload)
    }

    /// The record in the payload of an envelope that was opened.
    ///
    /// # Errors
    /// If it is not a record.
    pub fn of_payload(payload: &[u8]) -> Result<Self, RecordError> {
        let content = |why: String| RecordError::Content(line(&why).into_owned());
        let Object(record): Object<Self> =
            serde_json::from_slice(payload).map_err(|error| content(bounded::text(error, SHOWN)))?;
        if !(1..=MAX_VERSION).contains(&record.version) {
            return Err(content(format!(
                "the version {} is not between 1 and {MAX_VERSION}",
                record.version
            )));
        }
        if record.not_before >= record.expires {
            return Err(content("it expires before it is valid".to_owned()));
        }
        if record.handler.as_ref().is_some_and(|handler| handler.native().len() > MOST_NATIVE) {
            return Err(content(format!("it names more than {MOST_NATIVE} files of native code")));
        }
        Ok(record)
    }

    /// The record in a file, if it is the one that is expected.
    ///
    /// # Errors
    /// If it is another one, or not valid now.
    pub fn open(file: &[u8], keys: &[PublicKey], expected: Expected<'_>) -> Result<Self, RecordError> {
        let record = Self::of_file(file, keys)?;
        record.check(expected).map(|()| record)
    }

    /// Whether it is the record that is expected.
    ///
    /// # Errors
    /// If it is another one, or not valid now.
    pub fn check(&self, expected: Expected<'_>) -> Result<(), RecordError> {
        let Expected { tenant, store, seen, now } = expected;
        if self.tenant != tenant {
            return Err(RecordError::Tenant { found: bounded::text(&self.tenant, SHOWN) });
        }
        if self.store != store {
            let found = bounded::text(&self.store, SHOWN);
            return Err(RecordError::Store { found, wanted: store.to_owned() });
        }
        if self.version < seen {
            return Err(RecordError::Older { found: self.version, seen });
        }
        if now.checked_add(CLOCK_SKEW).is_some_and(|now| now < self.not_before) {
            return Err(RecordError::NotYet { not_before: self.not_before });
        }
        if now >= self.expires { Err(RecordError::Expired { expires: self.expires }) } else { Ok(()) }
    }
}

/// A time in the form of records: RFC 3339, to the second.
pub fn shown(time: SystemTime) -> String {
    // What does not fit into the format is far in the future.
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_seconds(time.clamp(SystemTime::UNIX_EPOCH, last)).to_string()
}

fn write_time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(*time))
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_rfc3339(&text).map_err(|_| {
        let found = bounded::text(&text, SHOWN);
        serde::de::Error::custom(format_args!(
            "{found:?} is not a valid time; expected one such as 2026-11-30T09:00:00Z"
        ))
    })
}
