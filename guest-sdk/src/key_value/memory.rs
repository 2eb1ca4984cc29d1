//! A store for unit tests.

use std::collections::BTreeMap;

use super::Error;

/// The values by their keys.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    pub(super) fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    pub(super) fn set(&mut self, key: &str, value: &[u8]) {
        self.0.insert(key.to_owned(), value.to_owned());
    }

    pub(super) fn delete(&mut self, key: &str) {
        self.0.remove(key);
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn increment(&mut self, key: &str, delta: i64) -> Result<i64, Error> {
        let number = match self.0.get(key) {
            None => 0,
            Some(value) => {
                let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
                number.ok_or_else(|| Error::Failed("the value is not a decimal number".to_owned()))?
            }
        };
        let sum = number.checked_add(delta);
        let sum = sum.ok_or_else(|| Error::Failed("the sum is out of the range of the number".to_owned()))?;
        self.set(key, sum.to_string().as_bytes());
        Ok(sum)
    }
}
