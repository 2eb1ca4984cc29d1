//! `wasi:keyvalue@0.2.0-draft`: cursors and sums are unsigned numbers, and there are no replacements.

use wasmtime::component::{HasData, Linker, Resource};

use super::backend::Increment;
use super::bindings::draft::wasi::keyvalue0_2_0_draft::{atomics, batch, store};
use super::view::{Bucket, View};
use super::{Failed, MAX_SUM};

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links the interfaces.
pub(super) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, Has>(linker, view)?;
    atomics::add_to_linker::<T, Has>(linker, view)?;
    batch::add_to_linker::<T, Has>(linker, view)
}

impl store::Host for View<'_> {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, Failed> {
        Self::open(self, &identifier)
    }

    fn convert_error(&mut self, failed: Failed) -> wasmtime::Result<store::Error> {
        Ok(match failed {
            Failed::NoSuchStore => store::Error::NoSuchStore,
            Failed::Denied => store::Error::AccessDenied,
            Failed::Other(text) => store::Error::Other(text),
            Failed::Trap(error) => return Err(error),
        })
    }
}

impl store::HostBucket for View<'_> {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>, Failed> {
        Self::get(self, &bucket, key).await
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<(), Failed> {
        Self::set(self, &bucket, key, value).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), Failed> {
        Self::delete(self, &bucket, key).await
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, Failed> {
        Self::exists(self, &bucket, key).await
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<store::KeyResponse, Failed> {
        let (keys, cursor) = self.list_by_number(&bucket, cursor).await?;
        Ok(store::KeyResponse { keys, cursor })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.close(bucket)
    }
}

impl atomics::Host for View<'_> {
    async fn increment(&mut self, bucket: Resource<Bucket>, key: String, delta: u64) -> Result<u64, Failed> {
        let increment = Increment { delta: delta.into(), least: 0, most: u64::MAX.into() };
        let sum = Self::increment(self, &bucket, key, increment).await?;
        u64::try_from(sum).map_err(|_| Failed::Other(MAX_SUM.to_owned()))
    }
}

impl batch::Host for View<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<(String, Vec<u8>)>>, Failed> {
        let found = Self::get_many(self, &bucket, keys).await?;
        Ok(found.into_iter().map(|(key, value)| value.map(|value| (key, value))).collect())
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Result<(), Failed> {
        Self::set_many(self, &bucket, pairs).await
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<(), Failed> {
        Self::delete_many(self, &bucket, keys).await
    }
}
