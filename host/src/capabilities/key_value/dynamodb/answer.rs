//! Reads items of DynamoDB, and writes what is in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::DynamoDbError;
use crate::capabilities::key_value::backend::{Item, Version};

/// What an item contains.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) value: Content,
    version: Version,
}

/// A value or a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    Number(i128),
}

impl Content {
    /// As the guest gets it.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => number.to_string().into_bytes(),
        }
    }
}

impl Stored {
    pub(super) fn into_item(self) -> Item {
        Item { value: self.value.into_bytes(), version: self.version }
    }
}

pub(super) fn encoded(value: &[u8]) -> String {
    STANDARD.encode(value)
}

pub(super) fn text_of(version: Version) -> String {
    format!("{:032x}", version.0)
}

/// An item, if there is one.
pub(super) fn item_of(attributes: &Value) -> Result<Option<Stored>, DynamoDbError> {
    if attributes.is_null() {
        return Ok(None);
    }
    let version = attributes["version"]["S"].as_str().and_then(|text| u128::from_str_radix(text, 16).ok());
    let value = match attributes["value"]["B"].as_str() {
        Some(text) => STANDARD.decode(text).ok().map(Content::Bytes),
        None => number_of(attributes).map(Content::Number),
    };
    match (value, version) {
        (Some(value), Some(version)) => Ok(Some(Stored { value, version: Version(version) })),
        (Some(_) | None, _) => Err(DynamoDbError::Item),
    }
}

/// An item with its key.
pub(super) fn keyed(attributes: &Value) -> Result<(String, Stored), DynamoDbError> {
    let stored = item_of(attributes)?.ok_or(DynamoDbError::Answer)?;
    Ok((key_of(attributes)?, stored))
}

/// The key of an item.
pub(super) fn key_of(attributes: &Value) -> Result<String, DynamoDbError> {
    attributes["key"]["S"].as_str().map(str::to_owned).ok_or(DynamoDbError::Answer)
}

/// The number of an item, or of the attributes that were changed.
pub(super) fn number_of(attributes: &Value) -> Option<i128> {
    attributes["number"]["N"].as_str()?.parse().ok()
}
