//! A simulation of many environments that read one store: `cargo xtask bench --fleet`.
//!
//! Events come at random and reach environments at random, so environments do not depend on each other: some of them are
//! simulated, and the figures of all are these, multiplied. [`environment`] is one environment with its bounded cache,
//! by the same rules as the bootstrap. [`update`] is one tenant in all environments, whose record changes. [`isolation`]
//! is Lambda's own answer: an environment for each tenant. [`price`] are public prices of AWS.

pub mod environment;
pub mod isolation;
pub mod lru;
pub mod price;
pub mod report;
pub mod update;

/// The time of a month, in s.
pub const MONTH: f64 = 730.0 * 3600.0;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fleet {
    /// The number of tenants.
    pub tenants: usize,
    /// The number of environments.
    pub environments: usize,
    /// Events a second, of all tenants.
    pub rate: f64,
    /// The exponent of Zipf's distribution.
    pub exponent: f64,
    /// The life of an environment, in s.
    pub life: f64,
    /// `refresh` of `[store]`, in s.
    pub refresh: f64,
    /// `max_stale` of `[store]`, in s.
    pub max_stale: f64,
    /// `cache` of `[store]`, in bytes.
    pub cache: f64,
    /// The native code of a component, in bytes.
    pub code: f64,
    /// The components that a bootstrap keeps, however small they are.
    pub most_codes: usize,
    /// How often a tenant is changed, a day.
    pub changes: f64,
    /// Whether each tenant has a component of its own.
    pub own: bool,
    /// How many environments are simulated.
    pub sample: usize,
    /// The seed of all random numbers.
    pub seed: u64,
}

impl Fleet {
    /// Events a second in one environment.
    pub fn rate_of_environment(&self) -> f64 {
        self.rate / crate::figures::count(self.environments)
    }

    /// By how much figures of the sample are multiplied.
    pub fn scale(&self) -> f64 {
        crate::figures::count(self.environments) / crate::figures::count(self.sample.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const FLEET: Fleet = Fleet {
        tenants: 1000,
        environments: 100,
        rate: 1000.0,
        exponent: 1.0,
        life: 1000.0,
        refresh: 5.0,
        max_stale: 600.0,
        cache: 1e6,
        code: 1e5,
        most_codes: 256,
        changes: 0.0,
        own: false,
        sample: 10,
        seed: 1,
    };

    #[test]
    fn a_sample_stands_for_all_environments() {
        assert_eq!((FLEET.rate_of_environment(), FLEET.scale()), (10.0, 10.0));
    }
}
