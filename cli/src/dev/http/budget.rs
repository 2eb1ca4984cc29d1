//! Limits the bytes of requests and responses that are in flight at a time, for all clients together.
//!
//! Bytes are charged until the last use of them is dropped. So a client that reads nothing is charged for
//! everything that waits for it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;

/// The charge for a request in addition to its bytes. It limits the number of requests, too.
const EACH: usize = 4 * 1024;

/// The bytes that may be in flight.
#[derive(Debug)]
pub(in crate::dev) struct Budget(Arc<Semaphore>);

/// A part of a budget, which is returned when this is dropped.
#[derive(Debug)]
pub(in crate::dev) struct Charge(OwnedSemaphorePermit);

impl Budget {
    pub(in crate::dev) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Charges for one more request.
    ///
    /// # Errors
    /// If the budget is used up.
    pub(in crate::dev) fn charge(&self) -> Result<Charge, Refusal> {
        take(&self.0, EACH).map(Charge)
    }

    /// Charges for these bytes until the last use of them is dropped.
    ///
    /// # Errors
    /// If the budget is used up.
    pub(in crate::dev) fn hold(&self, bytes: Bytes) -> Result<Bytes, Refusal> {
        let mut charge = self.charge()?;
        charge.reach(EACH + bytes.len())?;
        Ok(charge.hold(bytes))
    }
}

impl Charge {
    /// Raises the charge to this many bytes, if it is lower.
    ///
    /// # Errors
    /// If the budget is used up.
    pub(in crate::dev) fn reach(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = bytes.saturating_sub(self.0.num_permits());
        if more > 0 {
            let taken = take(self.0.semaphore(), more)?;
            self.0.merge(taken);
        }
        Ok(())
    }

    /// Lowers the charge to this many bytes, if it is higher.
    pub(in crate::dev) fn shrink(&mut self, bytes: usize) {
        let less = self.0.num_permits().saturating_sub(bytes.max(EACH));
        drop(self.0.split(less));
    }

    /// Ties the charge to these bytes: it is returned when the last use of them is dropped.
    pub(in crate::dev) fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _charge: self })
    }
}

fn take(from: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    let bytes = u32::try_from(bytes).map_err(|_| Refusal::TooMany)?;
    Arc::clone(from).try_acquire_many_owned(bytes).map_err(|_| Refusal::TooMany)
}

/// Bytes and the charge for them.
struct Held {
    bytes: Bytes,
    _charge: Charge,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(budget: &Budget) -> usize {
        budget.0.available_permits()
    }

    #[test]
    fn what_is_charged_is_given_back_with_the_last_use_of_the_bytes() {
        let budget = Budget::new(100 * 1024);
        let held = budget.hold(Bytes::from(vec![7; 50 * 1024])).unwrap();
        assert_eq!(left(&budget), 46 * 1024);
        let piece = held.slice(1..2);
        drop(held);
        assert_eq!((left(&budget), &piece[..]), (46 * 1024, &[7][..]), "a piece needs all of it");
        assert_eq!(budget.hold(Bytes::from(vec![7; 50 * 1024])), Err(Refusal::TooMany));
        drop(piece);
        assert_eq!(left(&budget), 100 * 1024);
    }

    #[test]
    fn a_charge_grows_shrinks_and_bounds_how_many_there_are() {
        let budget = Budget::new(3 * EACH);
        let mut one = budget.charge().unwrap();
        one.reach(2 * EACH).unwrap();
        one.reach(EACH).unwrap();
        assert_eq!(left(&budget), EACH);
        assert_eq!(one.reach(3 * EACH + 1), Err(Refusal::TooMany));
        let other = budget.charge().unwrap();
        assert!(budget.charge().is_err());
        one.shrink(0);
        assert_eq!(left(&budget), EACH, "each costs something");
        drop((one, other));
        assert_eq!(left(&budget), 3 * EACH);
    }
}
