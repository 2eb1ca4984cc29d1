//! The stores of the manifest, which all sandboxes of the process share, and the threads on which their operations wait.

use std::path::Path;
use std::sync::Arc;

use super::backend::{Backend, Call, StoreError};
use super::dynamodb::Table;
use super::memory::Memory;
use super::threads::Threads;
use crate::aws::Clock;
use crate::log::Log;
use crate::policy::Vars;
use crate::policy::manifest::{KeyValueKind, KeyValueStore};
use crate::tls::ExtraRoots;

/// All stores, in the order of their names.
#[derive(Debug)]
pub struct Stores {
    log: Arc<Log>,
    stores: Vec<(String, Arc<dyn Backend>)>,
    threads: Threads,
}

/// A store cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the key-value store {name} cannot be used: {reason}")]
pub struct StoresError {
    /// The name of the store.
    pub name: String,
    /// The reason.
    pub reason: String,
}

/// An operation, which keeps its result itself.
pub(super) type Job = Box<dyn FnOnce(&dyn Backend, &Call) -> Result<(), StoreError> + Send>;

/// What the stores of a manifest need.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The task root, to which the paths of files are relative.
    pub task_root: &'a Path,
    /// The authorities that are trusted in addition.
    pub roots: &'a ExtraRoots,
    /// The time of AWS.
    pub clock: &'a Clock,
}

impl Stores {
    /// No stores.
    pub fn none(log: Arc<Log>) -> Self {
        Self { log, stores: Vec::new(), threads: Threads::default() }
    }

    /// The stores of a manifest. Nothing is connected to or opened before the first operation.
    ///
    /// # Errors
    /// If one needs something that this process does not have.
    pub fn of(
        stores: &[KeyValueStore],
        surroundings: Surroundings<'_>,
        vars: &impl Vars,
        log: Arc<Log>,
    ) -> Result<Self, StoresError> {
        let backend = |store: &KeyValueStore| -> Result<Arc<dyn Backend>, StoresError> {
            Ok(match &store.kind {
                KeyValueKind::Memory => Arc::new(Memory::default()),
                KeyValueKind::File(path) => file(&store.name, &surroundings.task_root.join(path))?,
                KeyValueKind::DynamoDb(settings) => {
                    Arc::new(Table::new(settings, surroundings.roots.clone(), surroundings.clock, vars))
                }
            })
        };
        let stores = stores.iter().map(|store| Ok((store.name.clone(), backend(store)?)));
        Ok(Self { stores: stores.collect::<Result<_, _>>()?, ..Self::none(log) })
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.stores.iter().position(|(known, _)| known == name)
    }

    pub(super) fn name(&self, at: usize) -> &str {
        self.stores.get(at).map_or("", |(name, _)| name)
    }

    /// Does an operation, on a thread that may wait if the store needs one. If the guest is stopped meanwhile, the thread ends
    /// what it has begun, and no more.
    pub(super) async fn run(&self, at: usize, call: Call, job: Job) -> Result<(), StoreError> {
        let Some((_, backend)) = self.stores.get(at) else { return Err(StoreError::Thread) };
        if !backend.blocks() {
            return job(&**backend, &call);
        }
        let turn = self.threads.turn(&call.owner).await?;
        let backend = Arc::clone(backend);
        let thread = tokio::task::spawn_blocking(move || {
            let done = call.meter.charge(|| call.check().and_then(|()| job(&*backend, &call))).0;
            drop(turn);
            done
        });
        thread.await.map_err(|_| StoreError::Thread)?
    }

    #[cfg(test)]
    pub(super) fn with(log: Arc<Log>, stores: Vec<(String, Arc<dyn Backend>)>) -> Self {
        Self { stores, ..Self::none(log) }
    }
}

#[cfg(feature = "file-stores")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it is an error")]
fn file(_: &str, path: &Path) -> Result<Arc<dyn Backend>, StoresError> {
    Ok(Arc::new(super::file::File::new(path)))
}

#[cfg(not(feature = "file-stores"))]
fn file(name: &str, _: &Path) -> Result<Arc<dyn Backend>, StoresError> {
    let reason = "this bootstrap has no stores of the kind \"file\"".to_owned();
    Err(StoresError { name: name.to_owned(), reason })
}
