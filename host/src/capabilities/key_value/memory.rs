//! A store in the memory of the process, for development and tests. It ends with the process, and no other environment sees it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::backend::{Backend, Call, Increment, Item, Page, Replacement, StoreError, Swapped, Version};
use super::bounds::MAX_PAGE;

/// The bytes of all owners.
const MOST: u64 = 64 * 1024 * 1024;
/// The bytes of one owner. Tenants that the manifest does not name are owners, too.
const MOST_OF_OWNER: u64 = MOST / 4;
/// What an entry takes beside its key and its value, about.
const ENTRY: usize = 128;

/// The data of one store.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: u64,
    /// The last version.
    version: u128,
    owners: BTreeMap<Arc<str>, Owned>,
}

#[derive(Debug, Default)]
struct Owned {
    bytes: u64,
    items: BTreeMap<String, Item>,
}

fn size(key: &str, value: usize) -> u64 {
    u64::try_from(key.len() + value + ENTRY).unwrap_or(u64::MAX)
}

impl State {
    fn get(&self, call: &Call, key: &str) -> Option<&Item> {
        self.owners.get(&call.partition)?.items.get(key)
    }

    fn put(&mut self, call: &Call, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let (after, before) = (size(key, value.len()), self.size_of(call, key));
        let owned = self.owners.get(&call.partition).map_or(0, |owned| owned.bytes);
        if after > before && (owned - before + after > MOST_OF_OWNER || self.bytes - before + after > MOST) {
            return Err(StoreError::Full { kind: "memory", most: MOST_OF_OWNER, all: MOST });
        }
        self.version += 1;
        let item = Item { value, version: Version(self.version) };
        let owner = self.owners.entry(Arc::clone(&call.partition)).or_default();
        owner.items.insert(key.to_owned(), item);
        owner.bytes = owner.bytes - before + after;
        self.bytes = self.bytes - before + after;
        Ok(())
    }

    fn remove(&mut self, call: &Call, key: &str) {
        let bytes = self.size_of(call, key);
        let Some(owner) = self.owners.get_mut(&call.partition) else { return };
        owner.items.remove(key);
        owner.bytes -= bytes;
        self.bytes -= bytes;
        // Anyone can make up owners.
        if owner.items.is_empty() {
            self.owners.remove(&call.partition);
        }
    }

    fn size_of(&self, call: &Call, key: &str) -> u64 {
        self.get(call, key).map_or(0, |item| size(key, item.value.len()))
    }
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Memory {
    fn blocks(&self) -> bool {
        false
    }

    fn get(&self, call: &Call, key: &str) -> Result<Option<Item>, StoreError> {
        Ok(self.lock().get(call, key).cloned())
    }

    fn exists(&self, call: &Call, key: &str) -> Result<bool, StoreError> {
        Ok(self.lock().get(call, key).is_some())
    }

    fn set(&self, call: &Call, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.lock().put(call, key, value.to_owned())
    }

    fn delete(&self, call: &Call, key: &str) -> Result<(), StoreError> {
        self.lock().remove(call, key);
        Ok(())
    }

    fn list(&self, call: &Call, after: Option<&str>) -> Result<Page, StoreError> {
        let state = self.lock();
        let Some(owner) = state.owners.get(&call.partition) else { return Ok(Page::default()) };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut keys = owner.items.range::<str, _>((start, Bound::Unbounded)).map(|(key, _)| key);
        let page: Vec<String> = keys.by_ref().take(MAX_PAGE).cloned().collect();
        let next = keys.next().and_then(|_| page.last().cloned());
        Ok(Page { keys: page, next })
    }

    fn increment(&self, call: &Call, key: &str, increment: Increment) -> Result<i128, StoreError> {
        let mut state = self.lock();
        let sum = increment.on_value(state.get(call, key).map(|item| item.value.as_slice()))?;
        state.put(call, key, sum.to_string().into_bytes())?;
        Ok(sum)
    }

    fn swap(&self, call: &Call, key: &str, replacement: &Replacement) -> Result<Swapped, StoreError> {
        let mut state = self.lock();
        let now = state.get(call, key);
        if now.map(|item| item.version) != replacement.of {
            return Ok(Swapped::Lost(now.cloned()));
        }
        state.put(call, key, replacement.value.clone())?;
        Ok(Swapped::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::key_value::tests::{call, conforms};

    #[test]
    fn it_is_a_store() {
        conforms(&Memory::default());
    }

    #[test]
    fn one_owner_cannot_take_the_room_of_all() {
        let memory = Memory::default();
        let (one, two, value) = (call("one"), call("two"), vec![0; 1 << 20]);
        let full = (0..).find(|n| memory.set(&one, &n.to_string(), &value).is_err()).unwrap();
        assert_eq!(full, 15);
        let error = memory.set(&one, "x", &value).unwrap_err();
        assert!(error.to_string().contains("at most 16777216 bytes for each owner"), "{error}");
        assert!(error.warning().is_some());
        memory.set(&two, "x", &value).unwrap();
        for owner in 0..4 {
            let call = call(&owner.to_string());
            let full = (0..).find(|n: &u32| memory.set(&call, &n.to_string(), &value).is_err());
            assert!(full.is_some());
        }
        assert!(memory.lock().bytes <= MOST);
        for n in 0..full {
            memory.delete(&one, &n.to_string()).unwrap();
        }
        assert!(!memory.lock().owners.contains_key("one"), "nothing is left of an owner without keys");
        memory.set(&one, "x", &value).unwrap();
    }
}
