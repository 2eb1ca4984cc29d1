//! One tenant in all environments, whose record changes at a time: when each environment serves the change.
//!
//! An environment that knows the tenant serves its next event under the old record, if that is older than `refresh` but
//! not than `max_stale`, and looks at the store meanwhile. So a tenant with few events in each environment can be served
//! under its old record long after the change: once in each environment.

use super::Fleet;
use crate::figures::quantile;
use crate::random::Random;

/// When environments served the last event under the old record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread {
    /// The time from the change to that event for each environment, in s; 0 if there was none.
    pub last: Vec<f64>,
    /// Events under the old record after the change, of all environments.
    pub old: f64,
}

impl Spread {
    /// The time after which a part of all environments, in thousandths, serves the new record only, in s.
    pub fn after(&self, in_thousand: usize) -> f64 {
        quantile(&self.last, in_thousand)
    }
}

/// Simulates a tenant with so many events a second over all environments.
pub fn spread(fleet: &Fleet, rate: f64) -> Spread {
    let mut random = Random::new(fleet.seed);
    let mean = crate::figures::count(fleet.environments) / rate;
    let mut spread = Spread::default();
    for _ in 0..fleet.environments {
        let (last, old) = environment(fleet, mean, &mut random);
        spread.last.push(last);
        spread.old += old;
    }
    spread
}

/// The time of the last event under the old record, and their number, in an environment in which the tenant has an event
/// on average every `mean` seconds. The record changes at the time 0.
fn environment(fleet: &Fleet, mean: f64, random: &mut Random) -> (f64, f64) {
    // It was started some time before, and is replaced by one that knows nothing.
    let started = -random.unit() * fleet.life;
    let end = started + fleet.life;
    // What was before that is forgotten.
    let mut now = started.max(-2.0 * fleet.max_stale);
    let mut checked = f64::NEG_INFINITY;
    let (mut last, mut old) = (0.0, 0.0);
    loop {
        now += random.exponential(mean);
        let age = now - checked;
        let is_known = age <= fleet.max_stale;
        if now >= end || (now > 0.0 && (!is_known || checked > 0.0)) {
            return (last, old);
        }
        if now > 0.0 {
            (last, old) = (now, old + 1.0);
        }
        if age > fleet.refresh {
            checked = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::FLEET;

    #[test]
    fn a_busy_tenant_is_changed_everywhere_within_refresh() {
        // An event every 10 ms in each environment.
        let spread = spread(&FLEET, 10_000.0);
        assert!(spread.after(1000) <= 5.0 + 0.2, "{}", spread.after(1000));
        // The distances to the last look are spread evenly.
        assert!((spread.after(500) - 2.5).abs() < 0.8, "{}", spread.after(500));
    }

    #[test]
    fn a_quiet_tenant_is_served_under_its_old_record_once_in_each_environment() {
        // An event a minute in each environment, most of which know the tenant.
        let spread = spread(&Fleet { life: 1e6, ..FLEET }, 100.0 / 60.0);
        assert!((spread.old - 100.0).abs() < 15.0, "{}", spread.old);
        assert!(spread.after(500) > 30.0, "{}", spread.after(500));
        assert!(spread.after(1000) <= FLEET.max_stale);
    }

    #[test]
    fn a_tenant_that_nobody_knows_has_no_old_record() {
        // An event in a week in each environment.
        let spread = spread(&FLEET, 100.0 / 604_800.0);
        assert!(spread.after(990) <= 0.0 && spread.old <= 1.0);
    }
}
