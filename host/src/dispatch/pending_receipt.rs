//! Receipts of an event that has ended, until its processor time is known.

use std::time::Duration;

use super::receipt::Receipt;

/// A receipt without the processor time.
#[derive(Debug)]
pub(super) struct PendingReceipt {
    pub(super) receipt: Receipt,
    /// The processor time of this part of a batch alone.
    pub(super) own: Duration,
}

/// The receipts of one event with this total of processor time. The time that was spent on all parts together
/// is divided by their sizes.
pub(super) fn shared_out(pending: Vec<PendingReceipt>, spent: Duration) -> impl Iterator<Item = Receipt> {
    let alone: Duration = pending.iter().map(|one| one.own).sum();
    let together = spent.saturating_sub(alone).as_nanos();
    let size = |one: &PendingReceipt| one.receipt.bytes_in.max(1) as u128;
    let sizes: u128 = pending.iter().map(size).sum();
    pending.into_iter().map(move |one| {
        let share = u64::try_from(together * size(&one) / sizes).unwrap_or(u64::MAX);
        one.receipt.with_cpu(one.own + Duration::from_nanos(share))
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::dispatch::receipt::{About, REPLIED};
    use crate::sandbox::Usage;

    fn pending(bytes_in: usize, own: u64) -> PendingReceipt {
        let about = About {
            request_id: &"r-1".into(),
            tenant: None,
            handler: None,
            component: None,
            script: None,
            outcome: REPLIED.into(),
            records: None,
            is_stale: false,
            queue: Duration::ZERO,
            bytes: (bytes_in, 0),
        };
        let receipt = Receipt::new(about, &Usage::default(), UNIX_EPOCH);
        PendingReceipt { receipt, own: Duration::from_millis(own) }
    }

    #[test]
    fn what_was_spent_on_an_event_is_on_its_receipts_to_the_last() {
        let spent = |pending, spent| {
            shared_out(pending, Duration::from_millis(spent))
                .map(|receipt| receipt.cpu_ms)
                .collect::<Vec<_>>()
        };
        assert_eq!(spent(vec![pending(100, 0)], 7), [7.0], "whole, it has all of it");
        assert_eq!(spent(vec![pending(0, 0)], 7), [7.0]);
        // Two parts, one of them larger: what was spent on neither alone is shared out by size.
        assert_eq!(spent(vec![pending(300, 10), pending(100, 1)], 19), [16.0, 3.0]);
        assert_eq!(spent(Vec::new(), 7), [0.0; 0], "there is nobody to tell");
    }
}
