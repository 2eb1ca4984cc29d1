//! The threads on which operations wait for another machine or a disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::backend::StoreError;
use crate::policy::Owner;

/// Operations of one owner at a time; others wait. Each occupies a thread until its store answers, even after its event is over.
const MAX_OF_OWNER: usize = 4;
/// Operations of all owners at a time. The runtime has about 500 threads for blocking work.
const MAX_IN_ALL: usize = 64;
/// From this number on, owners without an operation are forgotten.
const MANY: usize = 256;

/// The operations that may wait.
#[derive(Debug)]
pub(super) struct Threads {
    all: Arc<Semaphore>,
    owners: Mutex<HashMap<Owner, Arc<Semaphore>>>,
}

/// An operation that may wait, as long as this lives.
#[derive(Debug)]
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_owner: OwnedSemaphorePermit,
}

impl Default for Threads {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_IN_ALL)), owners: Mutex::default() }
    }
}

impl Threads {
    /// Waits until an owner may have one more operation.
    pub(super) async fn turn(&self, owner: &Owner) -> Result<Turn, StoreError> {
        // That of the owner first: those that wait for their own do not occupy a thread of others.
        let of_owner = self.of(owner).acquire_owned().await.map_err(|_| StoreError::Thread)?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.map_err(|_| StoreError::Thread)?;
        Ok(Turn { _of_all: of_all, _of_owner: of_owner })
    }

    fn of(&self, owner: &Owner) -> Arc<Semaphore> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = owners.get(owner) {
            return Arc::clone(known);
        }
        if owners.len() >= MANY {
            owners.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        let new = owners.entry(owner.clone()).or_insert_with(|| Arc::new(Semaphore::new(MAX_OF_OWNER)));
        Arc::clone(new)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    async fn is_free(threads: &Threads, owner: &Owner) -> bool {
        // Tokio makes a task wait that has had many turns.
        let mut turn = pin!(tokio::task::unconstrained(threads.turn(owner)));
        std::future::poll_fn(|context| Poll::Ready(turn.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test]
    async fn an_owner_that_waits_leaves_threads_for_others() {
        let threads = Threads::default();
        let (one, two) = (Owner::Handler(1), Owner::Tenant("two".into()));
        let mut turns = Vec::new();
        for _ in 0..MAX_OF_OWNER {
            turns.push(threads.turn(&one).await.unwrap());
        }
        assert!(!is_free(&threads, &one).await && is_free(&threads, &two).await);
        turns.pop();
        assert!(is_free(&threads, &one).await);
    }

    #[tokio::test]
    async fn all_together_have_a_number_of_threads_too() {
        let threads = Threads::default();
        let mut turns = Vec::new();
        for n in 0..MAX_IN_ALL {
            turns.push(threads.turn(&Owner::Handler(n)).await.unwrap());
        }
        assert!(!is_free(&threads, &Owner::Handler(MAX_IN_ALL)).await);
        turns.clear();
        for n in 0..2 * MANY {
            assert!(is_free(&threads, &Owner::Handler(n)).await);
        }
        assert!(threads.owners.lock().unwrap().len() <= MANY, "owners without an operation are forgotten");
    }
}
