//! What `cargo xtask bench --store` needs: a store that another program than Bulkhead writes, a function that reads it,
//! and what is counted of its requests.
//!
//! Read [`writer`] first: it writes records by the documented layout, without Bulkhead's library. [`stage`] makes the
//! store and the function's files, [`function`] is the running function, and [`measure`] sends it events. [`opens`]
//! counts what is read of a directory. For a store in S3, [`bucket`] uploads the same files, and [`proxy`] delays and
//! counts the requests.

pub mod bucket;
pub mod function;
pub mod measure;
pub mod opens;
pub mod proxy;
pub mod report;
pub mod stage;
pub mod writer;

/// What was asked of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Records that were read.
    pub records: u64,
    /// Records that were looked at and had not changed.
    pub unchanged: u64,
    /// Native code that was read.
    pub codes: u64,
    /// Files that are not there, and everything else.
    pub others: u64,
}

impl Requests {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.records + self.unchanged + self.codes + self.others
    }

    /// Those since an earlier time.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            records: self.records - before.records,
            unchanged: self.unchanged - before.unchanged,
            codes: self.codes - before.codes,
            others: self.others - before.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_from_a_time_on() {
        let before = Requests { records: 1, unchanged: 2, codes: 3, others: 0 };
        let after = Requests { records: 5, unchanged: 2, codes: 4, others: 1 };
        assert_eq!(after.since(&before), Requests { records: 4, unchanged: 0, codes: 1, others: 1 });
        assert_eq!((before.all(), after.all()), (6, 12));
    }
}
