//! Lambda's tenant isolation mode: an environment serves one tenant only.
//!
//! This is arithmetic, not a simulation. The events of a tenant come at random; its environment is there if its last
//! event was less than the idle time ago. Tenants with more than one event at a time need more environments.

use super::Fleet;
use crate::random::Zipf;

/// What is not in AWS's documentation, and what is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumptions {
    /// How long an environment without events is kept, in s. AWS names no time.
    pub idle: f64,
    /// How long an event takes, in s.
    pub event: f64,
}

/// The environments that exist at a time for each 1,000 concurrent executions, by AWS's documentation.
pub const MOST_ENVIRONMENTS: f64 = 2500.0;

/// What the tenants of a fleet need.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Isolated {
    /// Environments that exist at a time.
    pub environments: f64,
    /// Environments that are started a second.
    pub starts: f64,
    /// The share of events that wait for a start.
    pub cold: f64,
}

/// An environment for each tenant.
pub fn isolated(fleet: &Fleet, zipf: &Zipf, assumptions: Assumptions) -> Isolated {
    let mut sum = Isolated::default();
    for rate in zipf.shares().map(|share| share * fleet.rate) {
        // No event came for the idle time.
        let gone = (-rate * assumptions.idle).exp();
        // As many as are busy on average, and one more that waits, for those with an event now and then.
        let environments = (1.0 - gone).max(rate * assumptions.event);
        sum.environments += environments;
        sum.starts += rate * gone + environments / fleet.life;
    }
    Isolated { cold: sum.starts / fleet.rate, ..sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::FLEET;

    const ASSUMPTIONS: Assumptions = Assumptions { idle: 600.0, event: 0.1 };

    #[test]
    fn a_tenant_that_is_never_idle_keeps_its_environments() {
        let fleet = Fleet { tenants: 1, rate: 100.0, life: 1000.0, ..FLEET };
        let isolated = isolated(&fleet, &Zipf::new(1, 1.0), ASSUMPTIONS);
        assert!((isolated.environments - 10.0).abs() < 1e-9, "{isolated:?}");
        assert!((isolated.starts - 0.01).abs() < 1e-9);
    }

    #[test]
    fn a_tenant_with_rare_events_waits_for_each() {
        let fleet = Fleet { tenants: 10, rate: 10.0 / 86_400.0, life: 1e9, ..FLEET };
        let isolated = isolated(&fleet, &Zipf::new(10, 0.0), ASSUMPTIONS);
        // The last event of a tenant was less than ten minutes ago in one case of 145.
        assert!((isolated.cold - (-600.0_f64 / 86_400.0).exp()).abs() < 1e-6, "{isolated:?}");
        assert!((isolated.environments - 10.0 * 0.00692).abs() < 1e-3);
    }
}
