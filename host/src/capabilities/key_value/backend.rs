//! What a store does, whatever its kind. One operation at a time comes from an event, and every operation is on the keys of one
//! owner.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Acquire;
use std::time::Instant;

use rustix::rand::{GetRandomFlags, getrandom};

use super::bounds::{MAX_BATCH, MAX_KEY, MAX_VALUE};
use super::dynamodb::DynamoDbError;
use crate::engine::meter::Meter;
use crate::policy::Owner;

/// For whom an operation is.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Where the keys of the event's owner lie.
    pub(super) partition: Arc<str>,
    /// The owner of the threads that the event may have.
    pub(super) owner: Owner,
    /// Charged for the work.
    pub(super) meter: Meter,
    /// Set when the event is over.
    pub(super) over: Arc<AtomicBool>,
    /// The bytes that the event may still get.
    pub(super) most: u64,
    /// When it has to be done.
    pub(super) until: Instant,
}

impl Call {
    /// Ends an operation in several parts when its event is over.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.over.load(Acquire) { Err(StoreError::Over) } else { Ok(()) }
    }
}

/// Changes with each change of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(pub(super) u128);

impl Version {
    /// One that no value has had.
    pub(super) fn fresh() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        let filled = getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|_| StoreError::Thread)?;
        if filled < bytes.len() { Err(StoreError::Thread) } else { Ok(Self(u128::from_be_bytes(bytes))) }
    }
}

/// A value that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) value: Vec<u8>,
    pub(super) version: Version,
}

/// Some keys of a list, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) keys: Vec<String>,
    /// The key behind which the next ones are, if there may be more.
    pub(super) next: Option<String>,
}

/// What is added to a number, and what the sum may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Increment {
    pub(super) delta: i128,
    pub(super) least: i128,
    pub(super) most: i128,
}

impl Increment {
    /// The sum with a number.
    pub(super) fn on(self, number: i128) -> Result<i128, StoreError> {
        let sum = number.checked_add(self.delta);
        sum.filter(|sum| (self.least..=self.most).contains(sum)).ok_or(StoreError::OutOfRange)
    }

    /// The sum with a value, which is the text of a number, or 0 if it is not there.
    pub(super) fn on_value(self, value: Option<&[u8]>) -> Result<i128, StoreError> {
        let Some(value) = value else { return self.on(0) };
        // Longer texts are no numbers of 64 bits.
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= 20);
        let number = text.filter(|text| !text.starts_with('+')).and_then(|text| text.parse().ok());
        self.on(number.ok_or(StoreError::NotANumber)?)
    }
}

/// A value in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replacement {
    /// The version that is replaced; `None` if the key was not there.
    pub(super) of: Option<Version>,
    pub(super) value: Vec<u8>,
}

/// The result of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Swapped {
    Done,
    /// The value has changed to this.
    Lost(Option<Item>),
}

/// The data of one store.
pub(super) trait Backend: Debug + Send + Sync {
    /// Whether operations wait for another machine or a disk.
    fn blocks(&self) -> bool;

    fn get(&self, call: &Call, key: &str) -> Result<Option<Item>, StoreError>;

    fn exists(&self, call: &Call, key: &str) -> Result<bool, StoreError> {
        Ok(self.get(call, key)?.is_some())
    }

    fn set(&self, call: &Call, key: &str, value: &[u8]) -> Result<(), StoreError>;

    fn delete(&self, call: &Call, key: &str) -> Result<(), StoreError>;

    /// The keys behind this one, or the first ones.
    fn list(&self, call: &Call, after: Option<&str>) -> Result<Page, StoreError>;

    fn increment(&self, call: &Call, key: &str, increment: Increment) -> Result<i128, StoreError>;

    fn swap(&self, call: &Call, key: &str, replacement: &Replacement) -> Result<Swapped, StoreError>;

    /// The values of keys, in their order, unless they have too many bytes.
    fn get_many(&self, call: &Call, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut budget = Budget::of(call);
        let value = |key: &String| {
            call.check()?;
            let value = self.get(call, key)?.map(|item| item.value);
            budget.take(value.as_ref())?;
            Ok(value)
        };
        keys.iter().map(value).collect()
    }

    /// Sets values. Of a key that comes twice, the last value counts.
    fn set_many(&self, call: &Call, pairs: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        pairs.iter().try_for_each(|(key, value)| {
            call.check()?;
            self.set(call, key, value)
        })
    }

    fn delete_many(&self, call: &Call, keys: &[String]) -> Result<(), StoreError> {
        keys.iter().try_for_each(|key| {
            call.check()?;
            self.delete(call, key)
        })
    }
}

/// The bytes that an operation on several keys may still read.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Budget {
    pub(super) fn of(call: &Call) -> Self {
        Self(call.most)
    }

    /// Takes the bytes of a value.
    pub(super) fn take(&mut self, value: Option<&Vec<u8>>) -> Result<(), StoreError> {
        let bytes = value.map_or(0, |value| u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.0 = self.0.checked_sub(bytes).ok_or(StoreError::TooMuch)?;
        Ok(())
    }

    /// The bytes that are left.
    pub(super) fn left(&self) -> u64 {
        self.0
    }
}

/// An operation has failed. The guest gets this text.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// The key has no valid length.
    #[error("the key {}; expected 1 to {MAX_KEY} bytes", length_of(*.0))]
    Key(usize),
    #[error("the value has {0} bytes; at most {MAX_VALUE} are allowed")]
    ValueTooLarge(usize),
    #[error("the operation has {0} keys; at most {MAX_BATCH} are allowed")]
    Batch(usize),
    #[error("the value is not a decimal number")]
    NotANumber,
    #[error("the sum is out of the range of the number")]
    OutOfRange,
    /// The bytes that it would return are more than the event may get.
    #[error("the values have more bytes than the event may still get")]
    TooMuch,
    /// Others change the value all the time.
    #[error("the value was changed by others too often meanwhile; try again")]
    Contended,
    /// A store for development has a limit of its own.
    #[error(
        "the store is full: one of the kind {kind:?} keeps at most {most} bytes for each owner, and {all} in all"
    )]
    Full { kind: &'static str, most: u64, all: u64 },
    #[error("the event is over")]
    Over,
    /// The thread has ended without a result.
    #[error("the host has failed")]
    Thread,
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The file of a store cannot be used.
    #[cfg(feature = "file-stores")]
    #[error("the file of the store cannot be used")]
    File(#[from] super::file::FileError),
}

fn length_of(length: usize) -> String {
    if length == 0 { "is empty".to_owned() } else { format!("has {length} bytes") }
}

impl StoreError {
    /// What the operator has to know.
    pub(super) fn warning(&self) -> Option<String> {
        match self {
            Self::Full { .. } | Self::Thread => Some(self.to_string()),
            Self::DynamoDb(error) => Some(error.warning()),
            #[cfg(feature = "file-stores")]
            Self::File(error) => Some(error.to_string()),
            Self::Key(_)
            | Self::ValueTooLarge(_)
            | Self::Batch(_)
            | Self::NotANumber
            | Self::OutOfRange
            | Self::TooMuch
            | Self::Contended
            | Self::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_stays_in_its_range_and_a_text_has_to_be_a_number() {
        let s64 =
            |delta: i64| Increment { delta: delta.into(), least: i64::MIN.into(), most: i64::MAX.into() };
        let sum =
            |delta: i64, value: &str| s64(delta).on_value(Some(value.as_bytes())).map_err(|e| e.to_string());
        assert_eq!(s64(-3).on_value(None).unwrap(), -3);
        assert_eq!(sum(1, "41"), Ok(42));
        assert_eq!(sum(-1, "-41"), Ok(-42));
        assert_eq!(sum(1, "9223372036854775806"), Ok(i64::MAX.into()));
        let out = Err("the sum is out of the range of the number".to_owned());
        assert_eq!((sum(1, "9223372036854775807"), sum(-1, "-9223372036854775808")), (out.clone(), out));
        let text = Err("the value is not a decimal number".to_owned());
        for value in ["", "x", "1 ", " 1", "1.5", "0x1", "+1", "1e3", "100000000000000000000000"] {
            assert_eq!(sum(1, value), text, "{value:?}");
        }
        let u64s = Increment { delta: u64::MAX.into(), least: 0, most: u64::MAX.into() };
        assert_eq!(u64s.on_value(None).unwrap(), u64::MAX.into());
        assert!(u64s.on_value(Some(b"1")).is_err() && u64s.on_value(Some(b"-1")).is_ok());
    }
}
