//! The part of the pool that one sandbox may take.
//!
//! The pool has this much room for every sandbox that can exist, so a component within its share takes no
//! room from others. The engine checks this when it loads a component, and rejects one that would exceed the
//! share.

use std::fmt;

use crate::policy::{Limits, Policy};

/// Memories of one component; most have only one.
pub(super) const MEMORIES: u32 = 8;
/// Tables of one component.
pub(super) const TABLES: u32 = 32;
/// The host's own memory for a component's core instances, besides their memories, for this number of
/// instances.
const STATE: (usize, usize) = (1024 * 1024, 40);
/// The most core instances that `bulkhead.toml` can set.
const MOST_INSTANCES: usize = 10_000;
/// The most table entries that `bulkhead.toml` can set.
const MOST_TABLE_ENTRIES: usize = 10_000_000;

/// The largest part of the pool that one sandbox may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    instances: usize,
    table_entries: usize,
}

impl Default for Share {
    fn default() -> Self {
        Self::under(&Limits::default())
    }
}

impl Share {
    /// Enough for a sandbox under any of these policies, and under the default limits.
    pub fn largest<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Self {
        let shares = policies.into_iter().map(|policy| Self::under(&policy.limits));
        shares.fold(Self::default(), |largest, share| Self {
            instances: largest.instances.max(share.instances),
            table_entries: largest.table_entries.max(share.table_entries),
        })
    }

    /// Just enough for a sandbox under these limits.
    pub fn under(limits: &Limits) -> Self {
        Self { instances: limits.instances, table_entries: limits.table_entries }
    }

    /// The most that any `bulkhead.toml` can set, for a caller that does not know the file.
    pub fn most() -> Self {
        Self { instances: MOST_INSTANCES, table_entries: MOST_TABLE_ENTRIES }
    }

    pub(super) fn instances(self) -> u32 {
        u32::try_from(self.instances).unwrap_or(u32::MAX)
    }

    pub(super) fn table_entries(self) -> usize {
        self.table_entries
    }

    /// The host's own memory for its core instances, besides memories and tables, in bytes.
    pub(super) fn state(self) -> usize {
        let (bytes, instances) = STATE;
        bytes.saturating_mul(self.instances.div_ceil(instances))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a sandbox has room for {MEMORIES} memories, for {TABLES} tables of up to {} entries each \
             (`table_entries` in [limits]), and for {} core instances (`instances`) with {} KiB of state \
             together; compose the component from fewer modules, or raise the limit",
            self.table_entries,
            self.instances,
            self.state() / 1024
        )
    }
}

/// A component would exceed the share of one sandbox.
#[derive(Debug, thiserror::Error)]
#[error("{error:#}; {share}")]
pub struct ShareError {
    error: wasmtime::Error,
    share: Share,
}

impl ShareError {
    /// The engine's error as a share error, if the engine rejected a component for its size. These errors of
    /// the engine have no type; tests check their texts.
    pub(super) fn of(error: wasmtime::Error, share: Share) -> Result<Self, wasmtime::Error> {
        // Text follows a name of the component's that is quoted.
        let ends = [" in the pooling allocator", "pooling allocator requirements"];
        let is_refusal = error.chain().any(|cause| ends.iter().any(|end| cause.to_string().ends_with(end)));
        if is_refusal { Ok(Self { error, share }) } else { Err(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(instances: usize, table_entries: usize) -> Policy {
        let mut policy = Policy::default_for("hello");
        policy.limits = Limits { instances, table_entries, ..Limits::default() };
        policy
    }

    #[test]
    fn a_share_is_enough_for_every_policy_and_for_the_default() {
        let policies = [policy(100, 5), policy(3, 200_000)];
        assert_eq!(Share::largest(&policies), Share { instances: 100, table_entries: 200_000 });
        assert_eq!(Share::largest(&policies[..0]), Share::default());
        assert_eq!(Share::largest(&[policy(1, 1)]), Share { instances: 40, table_entries: 100_000 });
        assert_eq!(Share::under(&policies[1].limits), Share { instances: 3, table_entries: 200_000 });
    }

    #[test]
    fn state_grows_with_the_instances_that_are_granted() {
        assert_eq!(Share::default().state(), 1 << 20);
        assert_eq!(Share::under(&policy(41, 1).limits).state(), 2 << 20);
        assert_eq!(Share::under(&policy(1, 1).limits).state(), 1 << 20);
    }

    #[test]
    fn other_errors_stay_what_they_are() {
        for text in
            ["something else", "duplicate export name `pooling allocator requirements` already defined"]
        {
            assert!(ShareError::of(wasmtime::format_err!("{text}"), Share::default()).is_err());
        }
        let refusal = wasmtime::format_err!("too many, in the pooling allocator").context("around it");
        let text = ShareError::of(refusal, Share::default()).unwrap().to_string();
        assert!(
            text.starts_with("around it: too many, in the pooling allocator; a sandbox has room for 8"),
            "{text}"
        );
    }
}
