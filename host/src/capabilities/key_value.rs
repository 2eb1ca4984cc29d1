//! Key-value stores: `wasi:keyvalue`, under the two ids that hosts give it, over one backend for each store of the
//! manifest.
//!
//! An operation is counted, then checked, then done below the partition of the event's tenant, whatever the guest
//! asks for. What a store keeps on another machine or on a disk is asked for on threads that may wait; the guest's time
//! runs meanwhile, and the processor time of the thread is the event's.

mod account;
mod backend;
mod bounds;
mod cursors;
mod dynamodb;
#[cfg(feature = "file-stores")]
mod file;
mod linked;
mod memory;
mod partition;
mod stores;
#[cfg(test)]
mod tests;
mod threads;
mod view;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Release;
use std::time::Instant;

use wasmtime::component::{Linker, ResourceTableError};

pub use account::KeyValueUsage;
pub use stores::{Stores, StoresError, Surroundings};
pub(crate) use view::View;
pub use view::{Bucket, Cas};

use crate::capabilities::outbound::Sender;
use crate::log::Level;
use crate::policy::manifest::FILE;
use crate::policy::manifest::store::store_name;
use crate::policy::{Limit, Policy};
use account::{Account, Exhausted};
use backend::{Call, StoreError};
use bounds::TIME;
use cursors::Cursors;

/// The names of the only store that is granted. Other hosts have them for the store that needs no name.
const ONLY: [&str; 2] = ["", "default"];

/// A store returned a sum that it was not allowed to.
const MAX_SUM: &str = "the sum is out of the range of the number";

/// Imports `wasi:keyvalue`.
///
/// # Errors
/// When two definitions clash, which would be a bug.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    linked::add_to_linker(linker, view)
}

/// The key-value stores of one sandbox. Until the first operation, this costs nothing.
#[derive(Debug)]
pub struct KeyValue {
    stores: Arc<Stores>,
    policy: Arc<Policy>,
    /// `None` before the event is known, and after it.
    event: Option<Sender>,
    account: Account,
    cursors: Cursors,
    /// Open buckets and replacements.
    open: usize,
    /// The bytes of values that replacements keep.
    held: usize,
    /// Set when the event is over. Made with the first operation.
    over: Option<Arc<AtomicBool>>,
    /// Whether a failure of a store was logged for this event.
    has_warned: bool,
}

/// Why an operation has failed, for the guest.
#[derive(Debug)]
pub(crate) enum Failed {
    NoSuchStore,
    Denied,
    Other(String),
    /// The guest is stopped.
    Trap(wasmtime::Error),
}

impl From<ResourceTableError> for Failed {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl KeyValue {
    /// For a sandbox under `policy` whose event is not known yet; nothing is opened before [`Self::begin`].
    pub fn new(stores: Arc<Stores>, policy: Arc<Policy>) -> Self {
        Self {
            stores,
            policy,
            event: None,
            account: Account::default(),
            cursors: Cursors::default(),
            open: 0,
            held: 0,
            over: None,
            has_warned: false,
        }
    }

    /// Sets the event, and thereby the owner of the data.
    pub fn begin(&mut self, event: Sender) {
        self.end();
        self.account = Account::default();
        self.has_warned = false;
        self.event = Some(event);
    }

    /// Ends the event. An operation that is under way on a thread does nothing more that it has not begun.
    pub fn end(&mut self) {
        if let Some(over) = self.over.take() {
            over.store(true, Release);
        }
        self.event = None;
    }

    /// The use so far.
    pub fn usage(&self) -> KeyValueUsage {
        self.account.usage()
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Counts operations, whatever their result.
    fn count(&mut self, operations: usize) -> Result<(), Failed> {
        if self.event.is_none() {
            return Err(Failed::Denied);
        }
        let counted = self.account.count(operations, &self.policy.limits);
        counted.map_err(|exhausted| self.exhausted(exhausted))
    }

    /// Counts the bytes that the guest passes or gets.
    fn count_bytes(&mut self, bytes: usize) -> Result<(), Failed> {
        let counted = self.account.count_bytes(bytes, &self.policy.limits);
        counted.map_err(|exhausted| self.exhausted(exhausted))
    }

    /// Only the first time is logged; a guest that keeps trying must not fill the log.
    fn exhausted(&self, Exhausted { limit, allowed, is_first }: Exhausted) -> Failed {
        let (key, allowed) = (limit.key(), allowed.to_string());
        if is_first {
            self.warn(&format!(
                "the event's key-value operations used up its {key} = {allowed}; to allow more, raise {key} in \
                 [{}.limits] of {FILE}",
                self.policy.owner()
            ));
        }
        let what = if limit == Limit::KeyValueBytes { "bytes" } else { "operations" };
        Failed::Other(format!("the event has used up its {allowed} {what} of key-value stores ({key})"))
    }

    /// The store that the guest means, if it is granted.
    fn find(&self, asked: &str) -> Result<usize, Failed> {
        let granted = &self.policy.grants.key_value;
        let only = granted.first().filter(|_| granted.len() == 1 && ONLY.contains(&asked));
        let wanted = granted.get(asked).or(only);
        if let Some(at) = wanted.and_then(|wanted| self.stores.find(wanted)) {
            return Ok(at);
        }
        let exists = self.stores.find(asked).is_some();
        // No name of a guest's can look like a part of the record.
        let shown = if store_name(asked).is_ok() || ONLY.contains(&asked) {
            format!("\"{asked}\"")
        } else {
            "with an invalid name".to_owned()
        };
        let table = &self.policy.table;
        let (why, line) = match exists {
            true => ("was denied", format!("add {shown} to key_value in [{table}] of {FILE}")),
            false if ONLY.contains(&asked) => (
                "was denied, because not exactly one store is granted",
                format!("add the name of one store to key_value in [{table}] of {FILE}"),
            ),
            false => (
                "does not exist",
                format!("add [stores.NAME] to {FILE}, and its name to key_value in [{table}]"),
            ),
        };
        self.warn(&format!("key-value store {shown} {why}; to allow it, {line}"));
        Err(if exists || ONLY.contains(&asked) { Failed::Denied } else { Failed::NoSuchStore })
    }

    /// An operation on a store.
    fn call(&mut self, store: usize) -> Result<Call, Failed> {
        let Some(event) = &self.event else { return Err(Failed::Denied) };
        let store = self.stores.name(store);
        let partition = match &event.scope.tenant_id {
            Some(tenant) => partition::of_tenant(tenant, store),
            None => partition::of_handler(&self.policy.handler, store),
        };
        let over = Arc::clone(self.over.get_or_insert_default());
        let (owner, meter) = (event.owner.clone(), event.meter.clone());
        let most = self.account.bytes_left(&self.policy.limits);
        Ok(Call { partition, owner, meter, over, most, until: Instant::now() + TIME })
    }

    /// What the guest is told of a failure. A store that does not work is in the log, too.
    fn failed(&mut self, store: usize, error: &StoreError) -> Failed {
        if matches!(error, StoreError::TooMuch) {
            return self.count_bytes(usize::MAX).err().unwrap_or(Failed::Denied);
        }
        if let Some(warning) = error.warning().filter(|_| !self.has_warned) {
            self.has_warned = true;
            self.warn(&format!("the key-value store {} has failed: {warning}", self.stores.name(store)));
        }
        Failed::Other(error.to_string())
    }

    fn warn(&self, text: &str) {
        if let Some(event) = &self.event {
            self.stores.log().record(Level::Warn, &event.scope, text);
        }
    }
}

impl Drop for KeyValue {
    fn drop(&mut self) {
        self.end();
    }
}
