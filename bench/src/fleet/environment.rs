//! One environment from its start: which events find their tenant in memory, and what is asked of the store.
//!
//! The rules are those of the bootstrap (`host/src/dispatch/stored`): a record that is older than `refresh` is looked at
//! behind the event, one that is older than `max_stale` before it. The numbers of records and components that are kept
//! are bounded.

use super::Fleet;
use super::lru::Lru;
use crate::figures::count;
use crate::random::{Random, Zipf};

/// The records that a bootstrap keeps.
const MOST_RECORDS: usize = 50_000;
/// The tenants without a valid record that a bootstrap remembers.
const MOST_ABSENT: usize = 1000;
const DAY: f64 = 86_400.0;

/// A request to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A record, before an event.
    Record,
    /// A record that is known, behind an event or before it; the answer is 304.
    Unchanged,
    /// A record that is known and has changed.
    Changed,
    /// Native code, before an event.
    Code,
}

/// What happened in some environments, in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Events.
    pub events: f64,
    /// Events that waited for the store.
    pub cold: f64,
    /// Requests, by their kinds.
    pub records: f64,
    /// Records that were known and had not changed.
    pub unchanged: f64,
    /// Records that were known and had changed.
    pub changed: f64,
    /// Native code.
    pub codes: f64,
}

impl Counts {
    /// All requests.
    pub fn requests(&self) -> f64 {
        self.records + self.unchanged + self.changed + self.codes
    }

    /// Each count, multiplied.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        Self {
            events: self.events * factor,
            cold: self.cold * factor,
            records: self.records * factor,
            unchanged: self.unchanged * factor,
            changed: self.changed * factor,
            codes: self.codes * factor,
        }
    }

    fn add(&mut self, request: Request) {
        let counted = match request {
            Request::Record => &mut self.records,
            Request::Unchanged => &mut self.unchanged,
            Request::Changed => &mut self.changed,
            Request::Code => &mut self.codes,
        };
        *counted += 1.0;
    }
}

/// A record in memory.
#[derive(Debug, Clone, Copy)]
struct Record {
    checked: f64,
    version: f64,
}

/// An environment.
#[derive(Debug)]
struct Environment<'a> {
    fleet: &'a Fleet,
    /// When it was started, on the clock by which tenants change.
    started: f64,
    records: Lru<Record>,
    /// The versions of the native code in memory.
    codes: Lru<f64>,
}

impl<'a> Environment<'a> {
    fn new(fleet: &'a Fleet, random: &mut Random) -> Self {
        let started = random.unit() * 1000.0 * DAY;
        let (records, codes) = (Lru::new(MOST_RECORDS), Lru::new(most_codes(fleet)));
        Self { fleet, started, records, codes }
    }

    /// Handles an event, and returns whether it waited.
    fn event(&mut self, tenant: usize, now: f64, ask: &mut dyn FnMut(Request)) -> bool {
        let current = version(self.fleet, tenant, self.started + now);
        let (served, mut waits) = match self.records.get(tenant) {
            None => {
                ask(Request::Record);
                self.records.insert(tenant, Record { checked: now, version: current });
                (current, true)
            }
            Some(record) => {
                let (age, before) = (now - record.checked, record.version);
                if age > self.fleet.refresh {
                    ask(if before == current { Request::Unchanged } else { Request::Changed });
                    *record = Record { checked: now, version: current };
                }
                let waits = age > self.fleet.max_stale;
                (if waits { current } else { before }, waits)
            }
        };
        // All tenants that share a component also share its version.
        let (component, wanted) = if self.fleet.own { (tenant, served) } else { (0, 0.0) };
        if self.codes.get(component).is_none_or(|version| *version != wanted) {
            ask(Request::Code);
            self.codes.insert(component, wanted);
            waits = true;
        }
        waits
    }
}

/// The components that fit into the cache.
fn most_codes(fleet: &Fleet) -> usize {
    (1..=fleet.most_codes).take_while(|codes| count(*codes) * fleet.code <= fleet.cache).count().max(1)
}

/// The version of a tenant at a time: it changes in regular intervals, each tenant at another time.
fn version(fleet: &Fleet, tenant: usize, time: f64) -> f64 {
    let phase = Random::new(u64::try_from(tenant).unwrap_or_default()).unit();
    (time * fleet.changes / DAY + phase).floor()
}

/// Simulates environments from their start for this time, and calls `on` with the time of each event, whether it
/// waited, and its requests.
fn run(fleet: &Fleet, zipf: &Zipf, seconds: f64, on: &mut dyn FnMut(f64, &Counts)) {
    for number in 0..fleet.sample {
        let mut random = Random::new(fleet.seed + u64::try_from(number).unwrap_or_default());
        let mut environment = Environment::new(fleet, &mut random);
        let mut now = 0.0;
        loop {
            now += random.exponential(1.0 / fleet.rate_of_environment());
            if now > seconds {
                break;
            }
            let mut counts = Counts { events: 1.0, ..Counts::default() };
            let waits = environment.event(zipf.draw(&mut random), now, &mut |request| counts.add(request));
            counts.cold = f64::from(u8::from(waits));
            on(now, &counts);
        }
    }
}

/// What happens in all environments in a second, if each is replaced after its life.
pub fn steady(fleet: &Fleet, zipf: &Zipf) -> Counts {
    let mut sum = Counts::default();
    run(fleet, zipf, fleet.life, &mut |_, counts| sum = plus(&sum, counts));
    sum.times(fleet.scale() / fleet.life)
}

/// What happens in all environments in each second after all of them were started at once.
pub fn from_start(fleet: &Fleet, zipf: &Zipf, seconds: usize) -> Vec<Counts> {
    let ends: Vec<f64> = (1..=seconds).map(count).collect();
    let mut each = vec![Counts::default(); seconds];
    run(fleet, zipf, count(seconds), &mut |now, counts| {
        if let Some(sum) = each.get_mut(ends.partition_point(|end| *end <= now)) {
            *sum = plus(sum, counts);
        }
    });
    each.iter().map(|counts| counts.times(fleet.scale())).collect()
}

/// The requests a second if no record names native code for this build: each event of a tenant fails, and the tenant is
/// remembered as invalid for `refresh`.
pub fn without_code(fleet: &Fleet, zipf: &Zipf, seconds: f64) -> f64 {
    let mut requests = 0.0;
    for number in 0..fleet.sample {
        let mut random = Random::new(fleet.seed + u64::try_from(number).unwrap_or_default());
        let mut absent = Lru::new(MOST_ABSENT);
        let mut now = 0.0;
        while now < seconds {
            now += random.exponential(1.0 / fleet.rate_of_environment());
            let tenant = zipf.draw(&mut random);
            if absent.get(tenant).is_none_or(|since| now - *since > fleet.refresh) {
                requests += 1.0;
                absent.insert(tenant, now);
            }
        }
    }
    requests * fleet.scale() / seconds
}

fn plus(one: &Counts, other: &Counts) -> Counts {
    Counts {
        events: one.events + other.events,
        cold: one.cold + other.cold,
        records: one.records + other.records,
        unchanged: one.unchanged + other.unchanged,
        changed: one.changed + other.changed,
        codes: one.codes + other.codes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::FLEET;

    fn zipf(fleet: &Fleet) -> Zipf {
        Zipf::new(fleet.tenants, fleet.exponent)
    }

    /// Events of a tenant at these times, and the requests of each.
    fn events(fleet: &Fleet, times: &[f64]) -> Vec<(bool, Vec<Request>)> {
        let mut environment = Environment::new(fleet, &mut Random::new(1));
        environment.started = 0.5 * DAY;
        let event = |time: &f64| {
            let mut requests = Vec::new();
            let waits = environment.event(0, *time, &mut |request| requests.push(request));
            (waits, requests)
        };
        times.iter().map(event).collect()
    }

    #[test]
    fn a_record_is_fetched_once_and_looked_at_behind_events() {
        let seen = events(&FLEET, &[1.0, 2.0, 7.0, 8.0, 700.0]);
        assert_eq!(seen[0], (true, vec![Request::Record, Request::Code]));
        assert_eq!(seen[1], (false, vec![]), "it is fresh");
        assert_eq!(seen[2], (false, vec![Request::Unchanged]), "it is looked at behind the event");
        assert_eq!(seen[3], (false, vec![]));
        assert_eq!(seen[4], (true, vec![Request::Unchanged]), "it is too old to be served");
    }

    #[test]
    fn the_event_after_a_change_fetches_the_new_code() {
        let fleet = Fleet { own: true, changes: 1.0, ..FLEET };
        // The tenant changes when its phase and the time are a whole day.
        let change = (1.0 - Random::new(0).unit()) * DAY - 0.5 * DAY;
        let change = if change < 100.0 { change + DAY } else { change };
        let seen = events(&fleet, &[change - 10.0, change + 1.0, change + 2.0, change + 3.0]);
        assert_eq!(seen[0].1.len(), 2);
        assert_eq!(seen[1], (false, vec![Request::Changed]), "the old one is served meanwhile");
        assert_eq!(seen[2], (true, vec![Request::Code]));
        assert_eq!(seen[3], (false, vec![]));
    }

    #[test]
    fn small_components_are_bounded_by_their_number_and_large_ones_by_their_size() {
        let most = |code: f64| most_codes(&Fleet { code, cache: 256e6, ..FLEET });
        assert_eq!([2e5, 1e6, 2e6, 1e9].map(most), [256, 256, 128, 1]);
    }

    #[test]
    fn one_tenant_costs_one_record_and_a_look_for_each_refresh() {
        let fleet = Fleet { tenants: 1, ..FLEET };
        let Counts { events, cold, records, unchanged, changed, codes } = steady(&fleet, &zipf(&fleet));
        assert!((events - 1000.0).abs() < 20.0, "{events}");
        // 100 environments, each with a life of 1000 s.
        assert!((records - 0.1).abs() < 1e-9 && (codes - 0.1).abs() < 1e-9 && (cold - 0.1).abs() < 1e-9);
        assert!(changed.abs() < 1e-9);
        // The next event comes a tenth of a second after the refresh.
        assert!((unchanged - 100.0 / 5.1).abs() < 0.1, "{unchanged}");
    }

    #[test]
    fn all_environments_are_cold_at_once_after_an_upgrade() {
        let fleet = Fleet { sample: 100, ..FLEET };
        let each = from_start(&fleet, &zipf(&fleet), 30);
        assert!((each[0].events - 1000.0).abs() < 200.0);
        assert!(each[0].cold > 2.0 * each[29].cold, "{each:?}");
        // Without code, every event of another tenant asks again after `refresh`.
        let without = without_code(&fleet, &zipf(&fleet), 60.0);
        assert!(without > each[29].records && without < 1000.0, "{without}");
    }

    #[test]
    fn the_same_seed_gives_the_same_figures() {
        assert_eq!(steady(&FLEET, &zipf(&FLEET)), steady(&FLEET, &zipf(&FLEET)));
        assert_ne!(steady(&FLEET, &zipf(&FLEET)), steady(&Fleet { seed: 100, ..FLEET }, &zipf(&FLEET)));
    }
}
