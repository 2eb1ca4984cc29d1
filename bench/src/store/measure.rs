//! Sends a function events of tenants of a store, and measures them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Requests;
use super::function::Function;
use super::stage::{STATIC, Stage, of_zip, sharing};
use crate::figures::{count, median, microseconds, milliseconds};
use crate::process::processor_time;
use crate::random::{Random, Zipf};

/// The time between events, in which the function prepares for the next one.
const PAUSE: Duration = Duration::from_millis(1);
/// The time between events of a tenant that is changed.
const INTERVAL: Duration = Duration::from_millis(20);
/// The store refreshes a record after this time, unless bulkhead.toml says otherwise.
pub const REFRESH: Duration = Duration::from_secs(5);
const SEED: u64 = 17;

/// Events of one kind.
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// Their times, in µs.
    pub took: Vec<f64>,
    /// The processor time of each, in µs, by its receipt.
    pub processor: Vec<f64>,
}

/// The first event of each tenant, and the one after it.
#[derive(Debug, Clone, Default)]
pub struct FirstAndLater {
    /// The first events.
    pub first: Events,
    /// The second ones.
    pub later: Events,
    /// Resident memory before, in MB.
    pub before: f64,
    /// Resident memory afterwards, in MB.
    pub after: f64,
    /// What was asked of the store.
    pub requests: Requests,
}

impl FirstAndLater {
    /// The requests before the first event of a tenant.
    pub fn fetches(&self) -> f64 {
        count(self.requests.records + self.requests.codes) / count(self.first.took.len())
    }
}

/// Tenants of the store beside those of bulkhead.toml.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Events of tenants of bulkhead.toml.
    pub of_zip: Events,
    /// Events of tenants of the store that are known.
    pub stored: Events,
    /// The processor time of the process in the second case, relative to the first, for each round.
    pub ratios: Vec<f64>,
}

/// Events whose tenants are drawn at random.
#[derive(Debug, Clone, Default)]
pub struct Drawn {
    /// Their times, in µs.
    pub took: Vec<f64>,
    /// What was asked of the store.
    pub requests: Requests,
    /// Resident memory afterwards, in MB.
    pub memory: f64,
    /// How long it took, in s.
    pub seconds: f64,
}

impl Drawn {
    /// The share of events for which nothing had to be fetched.
    pub fn hit_rate(&self) -> f64 {
        let Requests { records, codes, .. } = self.requests;
        // An event that fetches a record fetches its code as well, unless that is known.
        1.0 - count(records.max(codes)) / count(self.took.len())
    }
}

/// What happened to the events of a tenant that was changed.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The times from each change to the first event that was served by the new component, in ms.
    pub times: Vec<f64>,
    /// The errors of events that failed.
    pub errors: Vec<String>,
}

/// Counts what was asked of a store so far.
pub type Counter<'a> = dyn FnMut() -> Result<Requests> + 'a;

impl Events {
    /// Events with these times, and with these receipts.
    fn of(took: Vec<f64>, receipts: &[&Value]) -> Result<Self> {
        let processor = |receipt: &&Value| receipt["cpuMs"].as_f64().map(|ms| ms * 1e3);
        let processor: Option<Vec<f64>> = receipts.iter().map(processor).collect();
        Ok(Self { took, processor: processor.context("a receipt without cpuMs")? })
    }
}

/// Sends two events of each tenant. The first event of the process is one of another tenant.
///
/// # Errors
/// If an event fails.
pub fn first_and_later(
    function: &mut Function,
    tenants: &[String],
    counter: &mut Counter<'_>,
) -> Result<FirstAndLater> {
    for _ in 0..2 {
        paced(function, &of_zip(0))?;
    }
    let before = function.memory()?;
    let asked = counter()?;
    let begin = usize::try_from(function.events())?;
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for tenant in tenants {
        first.push(paced(function, tenant)?);
        counter()?;
        later.push(paced(function, tenant)?);
    }
    let after = function.memory()?;
    let requests = counter()?.since(&asked);
    let receipts = function.receipts()?;
    let own = &receipts[begin..];
    let every_second = |from: usize| own.iter().skip(from).step_by(2).collect::<Vec<_>>();
    let first = Events::of(first, &every_second(0))?;
    let later = Events::of(later, &every_second(1))?;
    Ok(FirstAndLater { first, later, before, after, requests })
}

/// Sends an event when the process is idle.
fn paced(function: &mut Function, tenant: &str) -> Result<f64> {
    sleep(PAUSE);
    function.event(tenant)
}

/// Sends events of tenants of bulkhead.toml and of known tenants of the store in turns, the same number of tenants of
/// each, without a pause between events.
///
/// # Errors
/// If an event fails.
pub fn beside(function: &mut Function, rounds: usize) -> Result<Beside> {
    let tenants: [Vec<String>; 2] = [(0..STATIC).map(of_zip).collect(), (0..STATIC).map(sharing).collect()];
    let mut took = [Vec::new(), Vec::new()];
    let mut ratios = Vec::new();
    let mut kinds = Vec::new();
    let begin = usize::try_from(function.events())?;
    // The first round makes everything known.
    for round in 0..=rounds {
        let mut spent = [f64::NAN; 2];
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for kind in order {
            let before = processor_time(function.pid())?;
            for tenant in &tenants[kind] {
                let time = function.event(tenant)?;
                kinds.push((round > 0).then_some(kind));
                if round > 0 {
                    took[kind].push(time);
                }
            }
            spent[kind] = microseconds(processor_time(function.pid())?.saturating_sub(before));
        }
        if round > 0 {
            ratios.push(spent[1] / spent[0]);
        }
    }
    let receipts = function.receipts()?;
    let of = |wanted: usize| -> Vec<&Value> {
        let all = receipts[begin..].iter().zip(&kinds);
        all.filter(|(_, kind)| **kind == Some(wanted)).map(|(receipt, _)| receipt).collect()
    };
    let [zip, stored] = took;
    let (of_zip, stored) = (Events::of(zip, &of(0))?, Events::of(stored, &of(1))?);
    Ok(Beside { of_zip, stored, ratios })
}

/// Sends events of tenants that are drawn by Zipf's distribution, one after the other.
///
/// # Errors
/// If an event fails.
pub fn drawn(
    function: &mut Function,
    tenants: &[String],
    events: usize,
    counter: &mut Counter<'_>,
) -> Result<Drawn> {
    let (zipf, mut random) = (Zipf::new(tenants.len(), 1.0), Random::new(SEED));
    let before = counter()?;
    let begun = Instant::now();
    let mut took = Vec::with_capacity(events);
    for _ in 0..events {
        took.push(function.event(&tenants[zipf.draw(&mut random)])?);
        counter()?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    // The last looks go on behind the last events.
    let memory = function.memory()?;
    Ok(Drawn { took, requests: counter()?.since(&before), memory, seconds })
}

/// Starts functions with these bootstraps in turns, and returns the medians of the times from the start to the first
/// call for an event, in ms.
///
/// # Errors
/// If one does not start.
pub fn starts(stage: &Stage, rounds: usize) -> Result<[f64; 2]> {
    let location = stage.location();
    let roots = [None, Some(location.as_str())].map(|location| stage.task_root(location));
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for index in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            let time = Function::start(stage.bootstrap(&roots[index]))?.start_time();
            // The first start of each reads the files from the disk.
            if round > 0 {
                times[index].push(time);
            }
        }
    }
    Ok(times.map(|times| median(&times)))
}

/// Changes the component of a tenant several times while it has an event every 20 ms.
///
/// # Errors
/// If a change is not seen.
pub fn until_served(function: &mut Function, stage: &Stage, rounds: usize) -> Result<Changes> {
    let tenant = "changed";
    let other = stage.own.first().context("a second component")?;
    let codes = [&stage.shared, other];
    let mut version = 1;
    stage.put(tenant, version, codes[1])?;
    function.event(tenant)?;
    let mut changes = Vec::new();
    let (mut sent, mut errors) = (Vec::new(), Vec::new());
    let begin = usize::try_from(function.events())?;
    for round in 0..rounds {
        version += 1;
        let code = codes[round % 2];
        let changed = Instant::now();
        stage.put(tenant, version, code)?;
        changes.push(Change { at: changed, from: sent.len(), component: code.component() });
        // So the changes have different distances to the looks at the store.
        while changed.elapsed() < REFRESH + Duration::from_secs(1) {
            sleep(INTERVAL);
            sent.push(Instant::now());
            errors.extend(function.answer(tenant)?.error);
        }
    }
    let receipts = function.receipts()?;
    // An event that failed may have none.
    let component = |receipt: &'_ Value| receipt["component"].as_str().unwrap_or_default().to_owned();
    let components: Vec<String> = receipts[begin..].iter().map(component).collect();
    let served = |change: &Change<'_>| change.served(&sent, &components).context("a change was not seen");
    let times = changes.iter().map(served).collect::<Result<_>>()?;
    Ok(Changes { times, errors })
}

/// A change of a tenant's component.
#[derive(Debug, Clone, Copy)]
struct Change<'a> {
    at: Instant,
    /// The first event that was sent after it.
    from: usize,
    component: &'a str,
}

impl Change<'_> {
    /// The time from the change to the first event under the new component, in ms.
    fn served(&self, sent: &[Instant], components: &[String]) -> Option<f64> {
        let mut events = sent.iter().zip(components).skip(self.from);
        let (first, _) = events.find(|(_, component)| *component == self.component)?;
        Some(milliseconds(first.duration_since(self.at)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn processor_time_is_that_of_the_receipts() {
        let receipts = [json!({ "cpuMs": 0.25 }), json!({ "cpuMs": 1 })];
        let events = Events::of(vec![1.0, 2.0], &receipts.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(events.processor, [250.0, 1000.0]);
        assert!(Events::of(vec![1.0], &[&json!({})]).is_err());
    }

    #[test]
    fn a_hit_is_an_event_without_a_fetch() {
        let requests = Requests { records: 25, unchanged: 99, codes: 3, others: 0 };
        let drawn = Drawn { took: vec![1.0; 100], requests, ..Drawn::default() };
        assert!((drawn.hit_rate() - 0.75).abs() < 1e-9);
    }

    #[test]
    fn a_change_is_served_by_the_first_event_after_it() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let sent = [at(0), at(20), at(40), at(60)];
        let components = ["new", "old", "old", "new"].map(str::to_owned);
        let change = Change { at: at(10), from: 1, component: "new" };
        assert_eq!(change.served(&sent, &components), Some(50.0));
        assert_eq!(Change { component: "other", ..change }.served(&sent, &components), None);
    }
}
