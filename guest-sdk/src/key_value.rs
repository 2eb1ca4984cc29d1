//! Values that outlive the sandbox, in a store that `bulkhead.toml` grants.
//!
//! ```
//! use bulkhead::key_value::{Error, Store};
//!
//! fn count(store: &Store, page: &str) -> Result<i64, Error> {
//!     store.increment(&format!("visits/{page}"), 1)
//! }
//!
//! #[bulkhead::handler]
//! fn visit(page: String) -> Result<i64, Error> {
//!     count(&Store::open("visits")?, &page)
//! }
//!
//! // In a unit test, a store is in memory.
//! let store = Store::in_memory();
//! count(&store, "home").unwrap();
//! assert_eq!(count(&store, "home").unwrap(), 2);
//! ```
//!
//! ```toml
//! [stores.visits]
//! kind = "dynamodb"
//! table = "visits"
//! [handlers.visit.grants]
//! key_value = ["visits"]
//! ```
//!
//! A tenant sees only its own keys, whatever it asks for. A key has 1 to 1,024 bytes, and a value up to 396 KiB.
//!
//! The store is used through `wasi:keyvalue@0.2.0-draft2`, which Spin provides, too.

mod error;
mod memory;

use std::cell::RefCell;

pub use error::Error;

use crate::bindings::key_value::wasi::keyvalue0_2_0_draft2::{atomics, batch, store};
use memory::Memory;

/// How often [`Store::update`] tries again.
const MAX_TRIES: usize = 10;

/// An open store.
#[derive(Debug)]
pub struct Store(Inner);

#[derive(Debug)]
enum Inner {
    Host(store::Bucket),
    Memory(RefCell<Memory>),
}

/// The keys of a store, in parts as the host gives them.
#[derive(Debug)]
pub struct Keys<'s> {
    store: &'s Store,
    /// Those of the last part, the next one last.
    part: Vec<String>,
    /// Where the next part begins. `None` behind the last one.
    next: Option<Option<String>>,
}

impl Store {
    /// Opens a store by its name in `bulkhead.toml`. With an empty name, or `default`, it is the only one that is granted.
    ///
    /// # Errors
    /// If there is no such store, or if it is not granted.
    pub fn open(name: &str) -> Result<Self, Error> {
        if !cfg!(target_family = "wasm") {
            return Err(Error::NoHost);
        }
        Ok(Self(Inner::Host(store::open(name)?)))
    }

    /// An empty store for unit tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self(Inner::Memory(RefCell::default()))
    }

    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// If the store fails, or a limit is reached.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        match &self.0 {
            Inner::Host(bucket) => Ok(bucket.get(key)?),
            Inner::Memory(memory) => Ok(memory.borrow().get(key)),
        }
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// If the key or the value is too long, the store fails, or a limit is reached.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        match &self.0 {
            Inner::Host(bucket) => Ok(bucket.set(key, value.as_ref())?),
            Inner::Memory(memory) => {
                memory.borrow_mut().set(key, value.as_ref());
                Ok(())
            }
        }
    }

    /// Removes a key, if it is there.
    ///
    /// # Errors
    /// If the store fails, or a limit is reached.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        match &self.0 {
            Inner::Host(bucket) => Ok(bucket.delete(key)?),
            Inner::Memory(memory) => {
                memory.borrow_mut().delete(key);
                Ok(())
            }
        }
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// If the store fails, or a limit is reached.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        match &self.0 {
            Inner::Host(bucket) => Ok(bucket.exists(key)?),
            Inner::Memory(memory) => Ok(memory.borrow().get(key).is_some()),
        }
    }

    /// All keys. The host gives up to 1,000 of them at a time, and each time is an operation.
    pub fn keys(&self) -> Keys<'_> {
        Keys { store: self, part: Vec::new(), next: Some(None) }
    }

    /// Adds to a number, which is 0 if the key is not there, and returns the sum. The value is the number as decimal text.
    ///
    /// # Errors
    /// If the value is not a number, the sum is out of range, the store fails, or a limit is reached.
    pub fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        match &self.0 {
            Inner::Host(bucket) => Ok(atomics::increment(bucket, key, delta)?),
            Inner::Memory(memory) => memory.borrow_mut().increment(key, delta),
        }
    }

    /// Replaces a value by what `change` makes of it, unless the value changes meanwhile; then again, up to ten times. Returns the
    /// new value.
    ///
    /// ```
    /// # use bulkhead::key_value::Store;
    /// let store = Store::in_memory();
    /// let append = |old: Option<Vec<u8>>| [old.unwrap_or_default(), b"x".to_vec()].concat();
    /// store.update("key", append).unwrap();
    /// assert_eq!(store.update("key", append).unwrap(), b"xx");
    /// ```
    ///
    /// # Errors
    /// [`Error::Contended`] if others change the value all the time; or if the store fails, or a limit is reached.
    pub fn update(
        &self,
        key: &str,
        mut change: impl FnMut(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let bucket = match &self.0 {
            Inner::Host(bucket) => bucket,
            Inner::Memory(memory) => {
                let old = memory.borrow().get(key);
                let new = change(old);
                memory.borrow_mut().set(key, &new);
                return Ok(new);
            }
        };
        let mut cas = atomics::Cas::new(bucket, key)?;
        for _ in 0..MAX_TRIES {
            let new = change(cas.current()?);
            match atomics::swap(cas, &new) {
                Ok(()) => return Ok(new),
                Err(atomics::CasError::StoreError(error)) => return Err(error.into()),
                Err(atomics::CasError::CasFailed(again)) => cas = again,
            }
        }
        Err(Error::Contended)
    }

    /// The values of keys, in their order. It counts as one operation for each key.
    ///
    /// # Errors
    /// If there are more than 1,000 keys, the store fails, or a limit is reached.
    pub fn get_many(&self, keys: &[impl AsRef<str>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        match &self.0 {
            Inner::Host(bucket) => {
                let keys: Vec<String> = keys.iter().map(|key| key.as_ref().to_owned()).collect();
                let found = batch::get_many(bucket, &keys)?;
                Ok(found.into_iter().map(|(_, value)| value).collect())
            }
            Inner::Memory(memory) => Ok(keys.iter().map(|key| memory.borrow().get(key.as_ref())).collect()),
        }
    }

    /// Sets the values of keys. If it fails, some of them may be set. It counts as one operation for each key.
    ///
    /// # Errors
    /// If there are more than 1,000 keys, one or its value is too long, the store fails, or a limit is reached.
    pub fn set_many(&self, pairs: &[(String, Vec<u8>)]) -> Result<(), Error> {
        match &self.0 {
            Inner::Host(bucket) => Ok(batch::set_many(bucket, pairs)?),
            Inner::Memory(memory) => {
                pairs.iter().for_each(|(key, value)| memory.borrow_mut().set(key, value));
                Ok(())
            }
        }
    }

    /// Removes keys. If it fails, some of them may be removed. It counts as one operation for each key.
    ///
    /// # Errors
    /// If there are more than 1,000 keys, the store fails, or a limit is reached.
    pub fn delete_many(&self, keys: &[impl AsRef<str>]) -> Result<(), Error> {
        match &self.0 {
            Inner::Host(bucket) => {
                let keys: Vec<String> = keys.iter().map(|key| key.as_ref().to_owned()).collect();
                Ok(batch::delete_many(bucket, &keys)?)
            }
            Inner::Memory(memory) => {
                keys.iter().for_each(|key| memory.borrow_mut().delete(key.as_ref()));
                Ok(())
            }
        }
    }

    fn part(&self, cursor: Option<&str>) -> Result<(Vec<String>, Option<String>), Error> {
        match &self.0 {
            Inner::Host(bucket) => {
                let store::KeyResponse { keys, cursor } = bucket.list_keys(cursor)?;
                Ok((keys, cursor))
            }
            Inner::Memory(memory) => Ok((memory.borrow().keys(), None)),
        }
    }
}

impl Iterator for Keys<'_> {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(key) = self.part.pop() {
                return Some(Ok(key));
            }
            let cursor = self.next.take()?;
            match self.store.part(cursor.as_deref()) {
                Ok((keys, cursor)) => {
                    self.part = keys;
                    self.part.reverse();
                    self.next = cursor.map(Some);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_in_memory_is_one() {
        let store = Store::in_memory();
        assert_eq!(store.get("a").unwrap(), None);
        store.set("a", "1").unwrap();
        assert!(store.exists("a").unwrap());
        assert_eq!(store.increment("a", 4).unwrap(), 5);
        assert_eq!(store.increment("b", -1).unwrap(), -1);
        assert_eq!(
            store.get_many(&["b", "c", "a"]).unwrap(),
            [Some(b"-1".to_vec()), None, Some(b"5".to_vec())]
        );
        store.set_many(&[("c".to_owned(), b"x".to_vec())]).unwrap();
        let keys = store.keys().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(keys, ["a", "b", "c"]);
        assert!(matches!(store.increment("c", 1), Err(Error::Failed(_))));
        store.delete_many(&["a", "b"]).unwrap();
        store.delete("c").unwrap();
        assert_eq!(store.keys().count(), 0);
    }

    #[test]
    fn outside_of_a_component_there_is_no_other() {
        assert_eq!(Store::open("cache").unwrap_err(), Error::NoHost);
    }
}
