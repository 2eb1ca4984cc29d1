//! The figures of the simulation as tables.

use super::Fleet;
use super::environment::{Counts, from_start, steady, without_code};
use super::isolation::{Assumptions, Isolated, MOST_ENVIRONMENTS, isolated};
use super::price::{GB_SECOND, GET, INVOCATION, ISOLATED_ENVIRONMENT, dollars, month};
use super::update::spread;
use crate::figures::count;
use crate::markdown::{row, shown, table, thousands};
use crate::random::Zipf;

/// The seconds after an upgrade that are shown.
const AFTER: [usize; 4] = [1, 10, 60, 600];
/// The heading of tables of requests.
const REQUESTS: [&str; 8] =
    ["requests a second", "cold events", "records", "unchanged", "changed", "code", "all", "a month"];
/// Events a second of tenants whose change is followed.
const RATES: [f64; 7] = [1000.0, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001];
/// `refresh`, in s.
const REFRESHES: [f64; 5] = [5.0, 30.0, 60.0, 300.0, 3600.0];
/// The numbers of components that a bootstrap could keep.
const KEPT: [usize; 4] = [256, 512, 1024, 4096];
/// By how much less there is to do.
const LOADS: [f64; 3] = [1.0, 10.0, 100.0];
/// The memory of a function for one tenant, in GB.
const MEMORIES: [f64; 2] = [0.125, 1.0];

/// What was measured elsewhere, or is assumed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inputs {
    /// How long the fetch of a record takes, in ms.
    pub record: f64,
    /// How long the fetch of native code takes, in ms.
    pub code: f64,
    /// The processor time of the compilation of a component, in s.
    pub compile: f64,
    /// The memory of the function, in GB.
    pub memory: f64,
    /// Lambda's tenant isolation mode.
    pub isolation: Assumptions,
}

fn zipf(fleet: &Fleet) -> Zipf {
    Zipf::new(fleet.tenants, fleet.exponent)
}

fn component(fleet: &Fleet) -> &'static str {
    if fleet.own { "own component" } else { "shared component" }
}

fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}

/// What is asked of the store, by the distribution of events and by the components.
pub fn traffic(fleet: &Fleet, exponents: &[f64]) -> String {
    let mut rows = vec![row(REQUESTS)];
    for own in [false, true] {
        for exponent in exponents {
            let fleet = Fleet { own, exponent: *exponent, ..*fleet };
            let name = format!("s = {exponent}, {}", component(&fleet));
            rows.push(requests(&name, &steady(&fleet, &zipf(&fleet))));
        }
    }
    table(&rows)
}

/// The same for other values of `refresh`, and for other numbers of components that are kept.
pub fn settings(fleet: &Fleet) -> String {
    let mut rows = vec![row(REQUESTS)];
    for refresh in REFRESHES {
        let fleet = Fleet { refresh, max_stale: fleet.max_stale.max(refresh), ..*fleet };
        rows.push(requests(&format!("refresh = {refresh} s"), &steady(&fleet, &zipf(&fleet))));
    }
    for most_codes in KEPT {
        // There has to be memory for them.
        let cache = fleet.cache.max(count(most_codes) * fleet.code);
        let fleet = Fleet { most_codes, cache, ..*fleet };
        rows.push(requests(&format!("{most_codes} components kept"), &steady(&fleet, &zipf(&fleet))));
    }
    table(&rows)
}

fn requests(name: &str, counts: &Counts) -> Vec<String> {
    let cold = percent(counts.cold / counts.events);
    let [records, unchanged, changed, codes, all] =
        [counts.records, counts.unchanged, counts.changed, counts.codes, counts.requests()].map(shown);
    let price = dollars(month(GET, counts.requests()));
    row([name, &cold, &records, &unchanged, &changed, &codes, &all, &price])
}

/// When a change is everywhere, by the events of its tenant.
pub fn updates(fleet: &Fleet) -> String {
    let mut rows = vec![row([
        "events a second of the tenant",
        "half of the environments",
        "99 %",
        "all",
        "events under the old record",
    ])];
    for rate in RATES {
        let spread = spread(fleet, rate);
        let [half, most, all] = [500, 990, 1000].map(|part| format!("{} s", shown(spread.after(part))));
        rows.push(row([&rate.to_string(), &half, &most, &all, &thousands(spread.old)]));
    }
    table(&rows)
}

/// What an upgrade of Bulkhead costs.
pub fn upgrade(fleet: &Fleet, inputs: &Inputs) -> String {
    // A second has few events.
    let fleet = &Fleet { sample: (50 * fleet.sample).min(fleet.environments), ..*fleet };
    let zipf = zipf(fleet);
    let seconds = AFTER.into_iter().max().unwrap_or_default();
    let each = from_start(fleet, &zipf, seconds);
    let mut rows = vec![row(["all environments new at once", "requests a second", "cold events"])];
    for after in AFTER {
        let Some(counts) = after.checked_sub(1).and_then(|second| each.get(second)) else { continue };
        let name = format!("second {after}, after `recompile`");
        rows.push(row([&name, &thousands(counts.requests()), &percent(counts.cold / counts.events)]));
    }
    let without = without_code(fleet, &zipf, 60.0);
    rows.push(row(["without `recompile`, until it is done", &thousands(without), "all events fail"]));
    let components = if fleet.own { count(fleet.tenants) } else { 1.0 };
    let hours = components * inputs.compile / 3600.0;
    format!(
        "{}\n\n`recompile` of {} components takes {} hours of one processor.",
        table(&rows),
        thousands(components),
        shown(hours)
    )
}

/// Beside an environment for each tenant. With less to do, there are fewer environments.
pub fn beside(fleet: &Fleet, inputs: &Inputs) -> String {
    let mut rows = vec![row([
        "",
        "environments",
        "starts a second",
        "events that wait",
        "for",
        "concurrency needed",
        "a month, beside the events",
        "the events, a month",
    ])];
    for load in LOADS {
        let rate = fleet.rate / load;
        for own in [false, true] {
            rows.push(stored(&at_load(fleet, load, own), inputs));
        }
        let Isolated { environments, starts, cold } =
            isolated(&Fleet { rate, ..*fleet }, &zipf(fleet), inputs.isolation);
        let concurrency = (environments / MOST_ENVIRONMENTS * 1000.0).max(rate * inputs.isolation.event);
        let price = MEMORIES.map(|memory| dollars(month(ISOLATED_ENVIRONMENT * memory, starts))).join(" / ");
        rows.push(row([
            &format!("{} events a second, tenant isolation mode", thousands(rate)),
            &thousands(environments),
            &shown(starts),
            &percent(cold),
            "a start",
            &thousands(concurrency),
            &price,
            &dollars(events(rate, inputs)),
        ]));
    }
    let [small, large] = MEMORIES;
    format!(
        "{}\n\nA new environment of tenant isolation mode is priced for functions with {small} and {large} GB, and events for {} GB.",
        table(&rows),
        inputs.memory
    )
}

/// The fleet with so many times less to do, in fewer environments.
fn at_load(fleet: &Fleet, load: f64, own: bool) -> Fleet {
    let environments =
        (1..=fleet.environments).find(|number| count(*number) * load >= count(fleet.environments));
    let environments = environments.unwrap_or(fleet.environments);
    Fleet { rate: fleet.rate / load, environments, sample: fleet.sample.min(environments), own, ..*fleet }
}

/// A row of tenants in a store.
fn stored(fleet: &Fleet, inputs: &Inputs) -> Vec<String> {
    let counts = steady(fleet, &zipf(fleet));
    let environments = count(fleet.environments);
    let wait = match fleet.own {
        true => format!("{:.0}–{:.0} ms", inputs.record, inputs.record + inputs.code),
        false => format!("{:.0} ms", inputs.record),
    };
    row([
        &format!("{} events a second, store, {}", thousands(fleet.rate), component(fleet)),
        &thousands(environments),
        &shown(environments / fleet.life),
        &percent(counts.cold / counts.events),
        &wait,
        &thousands(fleet.rate * inputs.isolation.event),
        &dollars(month(GET, counts.requests())),
        &dollars(events(fleet.rate, inputs)),
    ])
}

/// What the events themselves cost a month.
fn events(rate: f64, inputs: &Inputs) -> f64 {
    month(INVOCATION, rate) + month(GB_SECOND, rate * inputs.isolation.event * inputs.memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::FLEET;

    const INPUTS: Inputs = Inputs {
        record: 16.0,
        code: 17.0,
        compile: 0.5,
        memory: 1.0,
        isolation: Assumptions { idle: 600.0, event: 0.1 },
    };

    #[test]
    fn every_exponent_has_a_row_for_each_kind_of_component() {
        let text = traffic(&FLEET, &[0.8, 1.2]);
        assert_eq!(text.lines().count(), 2 + 4, "{text}");
        assert!(text.contains("| s = 1.2, own component ") && text.contains('$'), "{text}");
    }

    #[test]
    fn a_longer_refresh_and_more_components_ask_less() {
        let text = settings(&Fleet { own: true, ..FLEET });
        let all = |line: usize| -> f64 {
            text.lines().nth(line).unwrap().split('|').nth(7).unwrap().trim().parse().unwrap()
        };
        assert!(all(2) > all(4) && all(4) > all(6), "{text}");
        assert!(all(7) > all(8) && all(8) > all(9), "{text}");
    }

    #[test]
    fn each_rate_has_its_time() {
        let text = updates(&FLEET);
        assert_eq!(text.lines().count(), 2 + RATES.len());
        assert!(text.contains("| 0.001 ") && text.contains(" s |"), "{text}");
    }

    #[test]
    fn an_upgrade_is_shown_with_and_without_recompile() {
        let text = upgrade(&Fleet { own: true, ..FLEET }, &INPUTS);
        assert!(text.contains("second 600, after") && text.contains("all events fail"), "{text}");
        assert!(text.ends_with("1,000 components takes 0.14 hours of one processor."), "{text}");
    }

    #[test]
    fn less_to_do_needs_fewer_environments() {
        let fleet = at_load(&FLEET, 10.0, true);
        assert_eq!((fleet.environments, fleet.sample, fleet.own), (10, 10, true));
        assert_eq!(fleet.rate_of_environment(), FLEET.rate_of_environment());
        assert_eq!(at_load(&FLEET, 1000.0, false).environments, 1);
    }

    #[test]
    fn tenant_isolation_needs_concurrency_for_its_environments() {
        let text = beside(&FLEET, &INPUTS);
        assert!(text.contains("10 events a second, tenant isolation mode"), "{text}");
        // 1000 events a second of 0.1 s, 0.2 dollars for a million and 1.67 for 100,000 GB-seconds.
        assert!(text.contains("$4,906 |"), "{text}");
    }
}
