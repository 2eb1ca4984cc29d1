//! The operations of `wasi:keyvalue`, for both ids.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wasmtime::component::{Resource, ResourceTable};

use super::backend::{Backend, Call, Increment, Item, Page, Replacement, StoreError, Swapped, Version};
use super::bounds::{MAX_HELD, MAX_OPEN, check_batch, check_key, check_value};
use super::stores::Job;
use super::{Failed, KeyValue};

/// An open store. It does not depend on the owner of the data.
#[derive(Debug)]
pub struct Bucket {
    store: usize,
}

/// The replacement of a value.
#[derive(Debug)]
pub struct Cas {
    store: usize,
    key: String,
    /// The version that is replaced; `None` if the key was not there.
    version: Option<Version>,
    value: Seen,
}

/// The value that a replacement began with.
#[derive(Debug)]
enum Seen {
    /// It is kept, if there was one.
    Kept(Option<Vec<u8>>),
    /// It has to be read once more.
    Not,
}

/// What was left of a replacement that failed.
#[derive(Debug)]
pub(super) enum NotSwapped {
    Failed(Failed),
    /// It can be tried again from here.
    Lost(Resource<Cas>),
}

impl From<Failed> for NotSwapped {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// The stores of a sandbox, and the table of its resources.
pub(crate) struct View<'a> {
    pub(crate) key_value: &'a mut KeyValue,
    pub(crate) table: &'a mut ResourceTable,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.key_value.fmt(f)
    }
}

impl View<'_> {
    pub(super) fn open(&mut self, name: &str) -> Result<Resource<Bucket>, Failed> {
        self.key_value.count(1)?;
        let store = self.key_value.find(name)?;
        self.push(Bucket { store })
    }

    pub(super) fn close(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        self.key_value.open -= 1;
        Ok(())
    }

    pub(super) async fn get(
        &mut self,
        bucket: &Resource<Bucket>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Failed> {
        let store = self.begin(bucket, &key)?;
        self.read(store, key).await.map(|item| item.map(|item| item.value))
    }

    pub(super) async fn set(
        &mut self,
        bucket: &Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Failed> {
        let store = self.begin(bucket, &key)?;
        self.checked(store, check_value(&value))?;
        self.key_value.count_bytes(key.len() + value.len())?;
        self.run(store, move |backend, call| backend.set(call, &key, &value)).await
    }

    pub(super) async fn delete(&mut self, bucket: &Resource<Bucket>, key: String) -> Result<(), Failed> {
        let store = self.begin(bucket, &key)?;
        self.run(store, move |backend, call| backend.delete(call, &key)).await
    }

    pub(super) async fn exists(&mut self, bucket: &Resource<Bucket>, key: String) -> Result<bool, Failed> {
        let store = self.begin(bucket, &key)?;
        self.run(store, move |backend, call| backend.exists(call, &key)).await
    }

    pub(super) async fn list(
        &mut self,
        bucket: &Resource<Bucket>,
        after: Option<String>,
    ) -> Result<Page, Failed> {
        let store = self.table.get(bucket)?.store;
        self.key_value.count(1)?;
        if let Some(after) = &after {
            self.checked(store, check_key(after))?;
        }
        let page = self.run(store, move |backend, call| backend.list(call, after.as_deref())).await?;
        self.key_value.count_bytes(page.keys.iter().map(String::len).sum())?;
        Ok(page)
    }

    /// The keys behind a cursor that is a number, and the next cursor.
    pub(super) async fn list_by_number(
        &mut self,
        bucket: &Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<(Vec<String>, Option<u64>), Failed> {
        let after = match cursor {
            None => None,
            Some(cursor) => Some(self.key_value.cursors.get(cursor).map(str::to_owned).ok_or_else(|| {
                Failed::Other(
                    "this cursor is not known, or too many others came after it; begin again".to_owned(),
                )
            })?),
        };
        let Page { keys, next } = self.list(bucket, after).await?;
        Ok((keys, next.map(|next| self.key_value.cursors.put(next))))
    }

    pub(super) async fn increment(
        &mut self,
        bucket: &Resource<Bucket>,
        key: String,
        increment: Increment,
    ) -> Result<i128, Failed> {
        let store = self.begin(bucket, &key)?;
        self.run(store, move |backend, call| backend.increment(call, &key, increment)).await
    }

    pub(super) async fn get_many(
        &mut self,
        bucket: &Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<(String, Option<Vec<u8>>)>, Failed> {
        let store = self.begin_many(bucket, keys.iter().map(String::as_str))?;
        let read = move |backend: &dyn Backend, call: &Call| Ok((backend.get_many(call, &keys)?, keys));
        let (values, keys) = self.run(store, read).await?;
        let bytes = values
            .iter()
            .zip(&keys)
            .map(|(value, key)| value.as_ref().map_or(0, |value| key.len() + value.len()));
        self.key_value.count_bytes(bytes.sum())?;
        Ok(keys.into_iter().zip(values).collect())
    }

    pub(super) async fn set_many(
        &mut self,
        bucket: &Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Result<(), Failed> {
        let store = self.begin_many(bucket, pairs.iter().map(|(key, _)| key.as_str()))?;
        self.checked(store, pairs.iter().try_for_each(|(_, value)| check_value(value)))?;
        self.key_value.count_bytes(pairs.iter().map(|(key, value)| key.len() + value.len()).sum())?;
        self.run(store, move |backend, call| backend.set_many(call, &pairs)).await
    }

    pub(super) async fn delete_many(
        &mut self,
        bucket: &Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<(), Failed> {
        let store = self.begin_many(bucket, keys.iter().map(String::as_str))?;
        self.run(store, move |backend, call| backend.delete_many(call, &keys)).await
    }

    /// Begins a replacement.
    pub(super) async fn begin_cas(
        &mut self,
        bucket: &Resource<Bucket>,
        key: String,
    ) -> Result<Resource<Cas>, Failed> {
        let store = self.begin(bucket, &key)?;
        let item = self.read(store, key.clone()).await?;
        self.cas(store, key, item)
    }

    /// The value that a replacement began with. If it was too large to be kept, it is read again, and the replacement is of what
    /// is read now.
    pub(super) async fn current(&mut self, cas: &Resource<Cas>) -> Result<Option<Vec<u8>>, Failed> {
        self.key_value.count(1)?;
        let Cas { store, key, value, .. } = self.table.get(cas)?;
        if let Seen::Kept(value) = value {
            let value = value.clone();
            self.key_value.count_bytes(value.as_ref().map_or(0, Vec::len))?;
            return Ok(value);
        }
        let item = self.read(*store, key.clone()).await?;
        self.table.get_mut(cas)?.version = item.as_ref().map(|item| item.version);
        Ok(item.map(|item| item.value))
    }

    /// Replaces the value, unless it has changed.
    pub(super) async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Result<(), NotSwapped> {
        let Cas { store, key, version, .. } = self.take_cas(cas).map_err(Failed::Trap)?;
        self.key_value.count(1)?;
        self.checked(store, check_value(&value))?;
        self.key_value.count_bytes(key.len() + value.len())?;
        let replacement = Replacement { of: version, value };
        let swap =
            move |backend: &dyn Backend, call: &Call| Ok((backend.swap(call, &key, &replacement)?, key));
        match self.run(store, swap).await? {
            (Swapped::Done, _) => Ok(()),
            (Swapped::Lost(item), key) => {
                self.count_item(&key, item.as_ref())?;
                Err(NotSwapped::Lost(self.cas(store, key, item)?))
            }
        }
    }

    /// Gives up a replacement.
    pub(super) fn drop_cas(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.take_cas(cas).map(drop)
    }

    fn take_cas(&mut self, cas: Resource<Cas>) -> wasmtime::Result<Cas> {
        let cas = self.table.delete(cas)?;
        self.key_value.open -= 1;
        if let Seen::Kept(Some(value)) = &cas.value {
            self.key_value.held -= value.len();
        }
        Ok(cas)
    }

    fn cas(&mut self, store: usize, key: String, item: Option<Item>) -> Result<Resource<Cas>, Failed> {
        let version = item.as_ref().map(|item| item.version);
        let length = item.as_ref().map_or(0, |item| item.value.len());
        let is_kept = self.key_value.held + length <= MAX_HELD;
        let value = if is_kept { Seen::Kept(item.map(|item| item.value)) } else { Seen::Not };
        let cas = self.push(Cas { store, key, version, value })?;
        self.key_value.held += if is_kept { length } else { 0 };
        Ok(cas)
    }

    fn push<T: Send + 'static>(&mut self, opened: T) -> Result<Resource<T>, Failed> {
        if self.key_value.open >= MAX_OPEN {
            return Err(Failed::Other(format!(
                "at most {MAX_OPEN} buckets and replacements can be open at a time"
            )));
        }
        let opened = self.table.push(opened)?;
        self.key_value.open += 1;
        Ok(opened)
    }

    /// Reads a value, with its version.
    async fn read(&mut self, store: usize, key: String) -> Result<Option<Item>, Failed> {
        let get = move |backend: &dyn Backend, call: &Call| Ok((backend.get(call, &key)?, key));
        let (item, key) = self.run(store, get).await?;
        self.count_item(&key, item.as_ref())?;
        Ok(item)
    }

    fn count_item(&mut self, key: &str, item: Option<&Item>) -> Result<(), Failed> {
        self.key_value.count_bytes(item.map_or(0, |item| key.len() + item.value.len()))
    }

    /// Counts an operation on one key, and checks the key.
    fn begin(&mut self, bucket: &Resource<Bucket>, key: &str) -> Result<usize, Failed> {
        let store = self.table.get(bucket)?.store;
        self.key_value.count(1)?;
        self.checked(store, check_key(key))?;
        Ok(store)
    }

    /// Counts an operation on several keys as one for each, and checks the keys.
    fn begin_many<'k>(
        &mut self,
        bucket: &Resource<Bucket>,
        mut keys: impl ExactSizeIterator<Item = &'k str>,
    ) -> Result<usize, Failed> {
        let store = self.table.get(bucket)?.store;
        self.checked(store, check_batch(keys.len()))?;
        self.key_value.count(keys.len().max(1))?;
        self.checked(store, keys.try_for_each(check_key))?;
        Ok(store)
    }

    fn checked(&mut self, store: usize, checked: Result<(), StoreError>) -> Result<(), Failed> {
        checked.map_err(|error| self.key_value.failed(store, &error))
    }

    async fn run<T: Send + 'static>(
        &mut self,
        store: usize,
        work: impl FnOnce(&dyn Backend, &Call) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failed> {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let job = Box::new(move |backend: &dyn Backend, call: &Call| {
            let done = work(backend, call)?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            Ok(())
        });
        self.run_job(store, job).await?;
        let done = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        done.ok_or_else(|| self.key_value.failed(store, &StoreError::Thread))
    }

    /// Does an operation that keeps its result itself. This way, the code around operations is compiled once and not for each of
    /// them.
    fn run_job(
        &mut self,
        store: usize,
        job: Job,
    ) -> Pin<Box<dyn Future<Output = Result<(), Failed>> + Send + '_>> {
        Box::pin(async move {
            let call = self.key_value.call(store)?;
            let key_value = &mut *self.key_value;
            key_value.account.begin(Instant::now());
            let done = key_value.stores.run(store, call, job).await;
            key_value.account.end(Instant::now());
            done.map_err(|error| key_value.failed(store, &error))
        })
    }
}
