//! What one operation may take, whatever the kind of the store.

use std::time::Duration;

use super::backend::StoreError;

/// The longest key: DynamoDB's sort keys are no longer.
pub(super) const MAX_KEY: usize = 1024;
/// The largest value. An item of DynamoDB has 400 KB at most, with its keys and the names of its attributes.
pub(super) const MAX_VALUE: usize = 396 * 1024;
/// The keys in one part of a list.
pub(super) const MAX_PAGE: usize = 1000;
/// The keys of one operation on several.
pub(super) const MAX_BATCH: usize = 1000;
/// The buckets and replacements that a guest may have open.
pub(super) const MAX_OPEN: usize = 256;
/// The bytes of values that replacements keep. Others are read once more when the guest asks for them.
pub(super) const MAX_HELD: usize = 1024 * 1024;
/// The time for one operation, with all that is repeated for it.
pub(super) const TIME: Duration = Duration::from_secs(5);

pub(super) fn check_key(key: &str) -> Result<(), StoreError> {
    match key.len() {
        1..=MAX_KEY => Ok(()),
        length => Err(StoreError::Key(length)),
    }
}

pub(super) fn check_value(value: &[u8]) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE { Err(StoreError::ValueTooLarge(value.len())) } else { Ok(()) }
}

pub(super) fn check_batch(keys: usize) -> Result<(), StoreError> {
    if keys > MAX_BATCH { Err(StoreError::Batch(keys)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_have_a_size() {
        assert!(check_key(&"k".repeat(MAX_KEY)).is_ok() && check_key("k").is_ok());
        assert_eq!(check_key("").unwrap_err().to_string(), "the key is empty; expected 1 to 1024 bytes");
        assert_eq!(
            check_key(&"é".repeat(513)).unwrap_err().to_string(),
            "the key has 1026 bytes; expected 1 to 1024 bytes"
        );
        assert!(check_value(&vec![0; MAX_VALUE]).is_ok());
        assert_eq!(
            check_value(&vec![0; MAX_VALUE + 1]).unwrap_err().to_string(),
            "the value has 405505 bytes; at most 405504 are allowed"
        );
        assert!(check_batch(MAX_BATCH).is_ok() && check_batch(MAX_BATCH + 1).is_err());
    }
}
