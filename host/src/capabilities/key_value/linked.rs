//! Links the two ids of `wasi:keyvalue`. They have most functions in common.
//!
//! The signatures are written by hand. Wasmtime generates code for each type of a function that it is given, and here all
//! functions with the same signature are of one type. The macro that writes such code from WIT gives each function a type of
//! its own, which made the bootstrap without compiler 100 KB larger. Wasmtime checks the signatures against those of each
//! component.

use std::pin::Pin;

use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentNamedList, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};

use super::backend::{Increment, Page};
use super::view::{Bucket, Cas, NotSwapped, View};
use super::{Failed, MAX_SUM};

/// The id of Wasmtime and wasmCloud: cursors and sums are unsigned numbers, and there are no replacements.
const DRAFT: &str = "0.2.0-draft";
/// The id of Spin: cursors are texts, sums have a sign, and a value can be replaced unless it has changed.
const DRAFT2: &str = "0.2.0-draft2";

/// The `error` of both ids.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

/// The `key-response` of an id.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Keys<Cursor> {
    keys: Vec<String>,
    cursor: Option<Cursor>,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    Store(Error),
    #[component(name = "cas-failed")]
    Failed(Resource<Cas>),
}

type Reply<'a, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'a>>;

/// An interface that gets its functions.
struct Interface<'l, T: 'static> {
    linker: LinkerInstance<'l, T>,
    view: fn(&mut T) -> View<'_>,
}

/// Adds the functions of an interface.
type Functions<T> = fn(&mut Interface<'_, T>, version: &str) -> wasmtime::Result<()>;

/// Links both ids.
pub(super) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    for version in [DRAFT, DRAFT2] {
        for (name, functions) in
            [("store", store::<T> as Functions<T>), ("atomics", atomics), ("batch", batch)]
        {
            let linker = linker.instance(&format!("wasi:keyvalue/{name}@{version}"))?;
            functions(&mut Interface { linker, view }, version)?;
        }
    }
    Ok(())
}

fn store<T: Send + 'static>(store: &mut Interface<'_, T>, version: &str) -> wasmtime::Result<()> {
    store.add_resource::<Bucket>("bucket", |mut view, bucket| view.close(bucket))?;
    store.add("open", |mut view, (name,): (String,)| reply(async move { view.open(&name) }))?;
    store.add("[method]bucket.get", |mut view, (bucket, key): (Resource<Bucket>, String)| {
        reply(async move { view.get(&bucket, key).await })
    })?;
    store.add(
        "[method]bucket.set",
        |mut view, (bucket, key, value): (Resource<Bucket>, String, Vec<u8>)| {
            reply(async move { view.set(&bucket, key, value).await })
        },
    )?;
    store.add("[method]bucket.delete", |mut view, (bucket, key): (Resource<Bucket>, String)| {
        reply(async move { view.delete(&bucket, key).await })
    })?;
    store.add("[method]bucket.exists", |mut view, (bucket, key): (Resource<Bucket>, String)| {
        reply(async move { view.exists(&bucket, key).await })
    })?;
    let list = "[method]bucket.list-keys";
    if version == DRAFT {
        return store.add(list, |mut view, (bucket, cursor): (Resource<Bucket>, Option<u64>)| {
            reply(async move {
                let (keys, cursor) = view.list_by_number(&bucket, cursor).await?;
                Ok(Keys { keys, cursor })
            })
        });
    }
    store.add(list, |mut view, (bucket, cursor): (Resource<Bucket>, Option<String>)| {
        reply(async move {
            let Page { keys, next: cursor } = view.list(&bucket, cursor).await?;
            Ok(Keys { keys, cursor })
        })
    })
}

fn atomics<T: Send + 'static>(atomics: &mut Interface<'_, T>, version: &str) -> wasmtime::Result<()> {
    if version == DRAFT {
        return atomics.add(
            "increment",
            |mut view, (bucket, key, delta): (Resource<Bucket>, String, u64)| {
                reply(async move {
                    let increment = Increment { delta: delta.into(), least: 0, most: u64::MAX.into() };
                    in_range::<u64>(view.increment(&bucket, key, increment).await?)
                })
            },
        );
    }
    atomics.add("increment", |mut view, (bucket, key, delta): (Resource<Bucket>, String, i64)| {
        reply(async move {
            let increment = Increment { delta: delta.into(), least: i64::MIN.into(), most: i64::MAX.into() };
            in_range::<i64>(view.increment(&bucket, key, increment).await?)
        })
    })?;
    atomics.add_resource::<Cas>("cas", |mut view, cas| view.drop_cas(cas))?;
    atomics.add("[static]cas.new", |mut view, (bucket, key): (Resource<Bucket>, String)| {
        reply(async move { view.begin_cas(&bucket, key).await })
    })?;
    atomics.add("[method]cas.current", |mut view, (cas,): (Resource<Cas>,)| {
        reply(async move { view.current(&cas).await })
    })?;
    atomics.add("swap", |mut view, (cas, value): (Resource<Cas>, Vec<u8>)| {
        Box::pin(async move {
            Ok(match view.swap(cas, value).await {
                Ok(()) => Ok(()),
                Err(NotSwapped::Lost(cas)) => Err(CasError::Failed(cas)),
                Err(NotSwapped::Failed(failed)) => Err(CasError::Store(error(failed)?)),
            })
        })
    })
}

fn batch<T: Send + 'static>(batch: &mut Interface<'_, T>, version: &str) -> wasmtime::Result<()> {
    batch.add("set-many", |mut view, (bucket, pairs): (Resource<Bucket>, Vec<(String, Vec<u8>)>)| {
        reply(async move { view.set_many(&bucket, pairs).await })
    })?;
    batch.add("delete-many", |mut view, (bucket, keys): (Resource<Bucket>, Vec<String>)| {
        reply(async move { view.delete_many(&bucket, keys).await })
    })?;
    if version == DRAFT {
        return batch.add("get-many", |mut view, (bucket, keys): (Resource<Bucket>, Vec<String>)| {
            reply(async move {
                let found = view.get_many(&bucket, keys).await?.into_iter();
                Ok(found.map(|(key, value)| value.map(|value| (key, value))).collect::<Vec<_>>())
            })
        });
    }
    batch.add("get-many", |mut view, (bucket, keys): (Resource<Bucket>, Vec<String>)| {
        reply(async move { view.get_many(&bucket, keys).await })
    })
}

impl<T: Send + 'static> Interface<'_, T> {
    /// Adds a function.
    fn add<P, R>(&mut self, name: &str, work: for<'a> fn(View<'a>, P) -> Reply<'a, R>) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + Send + 'static,
        R: ComponentType + Lower + Send + 'static,
    {
        let view = self.view;
        self.linker.func_wrap_async(name, move |mut store: StoreContextMut<'_, T>, params: P| {
            Box::new(async move { work(view(store.data_mut()), params).await.map(|result| (result,)) })
        })
    }

    /// Adds a resource, and what is done when the guest drops one.
    fn add_resource<R: 'static>(
        &mut self,
        name: &str,
        drop: fn(View<'_>, Resource<R>) -> wasmtime::Result<()>,
    ) -> wasmtime::Result<()> {
        let view = self.view;
        self.linker.resource(name, ResourceType::host::<R>(), move |mut store, rep| {
            drop(view(store.data_mut()), Resource::new_own(rep))
        })
    }
}

/// The result of an operation, for the guest.
fn reply<'a, R: 'a>(
    done: impl Future<Output = Result<R, Failed>> + Send + 'a,
) -> Reply<'a, Result<R, Error>> {
    Box::pin(async move {
        match done.await {
            Ok(done) => Ok(Ok(done)),
            Err(failed) => error(failed).map(Err),
        }
    })
}

fn error(failed: Failed) -> wasmtime::Result<Error> {
    Ok(match failed {
        Failed::NoSuchStore => Error::NoSuchStore,
        Failed::Denied => Error::AccessDenied,
        Failed::Other(text) => Error::Other(text),
        Failed::Trap(error) => return Err(error),
    })
}

fn in_range<N: TryFrom<i128>>(sum: i128) -> Result<N, Failed> {
    N::try_from(sum).map_err(|_| Failed::Other(MAX_SUM.to_owned()))
}
