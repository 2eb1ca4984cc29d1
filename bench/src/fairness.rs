//! Measures the events of one quiet tenant, while the handlers of another, noisy tenant never stop and have
//! more events waiting.
//!
//! The quiet tenant's event counts from the time when it is due, whether or not a call is pending for it: the
//! noisy tenant takes processor time, and the calls that could take the event.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bulkhead_bench::figures::{count, microseconds, quantile};

use crate::contestant::Contestant;
use crate::faults::HANDLER;
use crate::plan::{Plan, WARM_UP, order};
use crate::results::{Metric, Results};
use crate::scenario;
use crate::server::{Batch, Event};
use crate::turns::{LATENCIES, latencies};

/// The name in the report.
pub(crate) const TITLE: &str = "a quiet tenant, 8 at once";
/// What runs beside the quiet tenant: nothing, or a noisy tenant with this line of limits.
pub(crate) const NEIGHBOURS: [(&str, Option<&str>); 4] = [
    ("alone", None),
    ("concurrency = 1", Some("limits.concurrency = 1")),
    ("default (half)", Some("")),
    ("concurrency = 8", Some("limits.concurrency = 8")),
];

const AT_ONCE: usize = 8;
/// The interval of the quiet tenant's events.
const INTERVAL: Duration = Duration::from_millis(5);
/// More events than there is time for.
const ENDLESS: usize = 1_000_000_000;
/// With what the noisy tenant took meanwhile.
const PROCESSOR: Metric = Metric { name: "the process's, per quiet event", unit: "µs" };
const SLOWEST: Metric = Metric { name: "the slowest event", unit: "µs" };

/// Measures the quiet tenant once in each case.
pub(crate) fn round(plan: &Plan, round: usize, bulkhead: &Contestant, results: &mut Results) -> Result<()> {
    // The manifests need task roots of their own, since they change how a function runs.
    let contestant = bulkhead.varied(bulkhead.name, "", None)?;
    let hello = Event { tenant: Some("quiet"), ..scenario::greeting_event()? };
    let stuck = Event {
        body: br#"{"name":"stuck"}"#.to_vec(),
        answer: None,
        tenant: Some("noisy"),
        ..scenario::greeting_event()?
    };
    let (hello, stuck) = (Arc::new(hello), Arc::new(stuck));
    for index in order(round, NEIGHBOURS.len()) {
        let (_, noisy) = NEIGHBOURS[index];
        contestant.prepare(HANDLER, b"")?;
        contestant.manifest(HANDLER, &manifest(noisy.unwrap_or_default()))?;
        let started = contestant.start(HANDLER, AT_ONCE)?;
        let failed = || contestant.failed(&started);
        started.server.run(&hello, WARM_UP, Duration::ZERO).with_context(failed)?;
        let events = (plan.events / 2).max(2);
        let noisy = Batch::beside_others(&stuck, if noisy.is_some() { ENDLESS } else { 0 });
        let before = started.program.processor_time()?;
        let batches = [Batch::every(&hello, events, INTERVAL), noisy];
        let [quiet, _] = started.server.begin_together(batches);
        started.server.wait_done(&quiet, WAIT_LIMIT).with_context(failed)?;
        let timings = quiet.timings().with_context(failed)?;
        let figures: Vec<f64> = timings.iter().map(|timing| microseconds(timing.latency())).collect();
        let spent = started.program.processor_time()?.saturating_sub(before);
        latencies(&LATENCIES[..1], index, &figures, results);
        results.add(PROCESSOR, index, microseconds(spent) / count(events));
        latencies(&LATENCIES[1..2], index, &figures, results);
        results.add(SLOWEST, index, quantile(&figures, 1000));
    }
    Ok(())
}

/// Longer than the longest wait of a quiet tenant.
const WAIT_LIMIT: Duration = Duration::from_secs(120);

/// A handler for both tenants, which is stopped after 100 ms of processor time.
fn manifest(limits: &str) -> String {
    format!(
        "[limits]\ncpu_time = '100ms'\nwall_time = '60s'\n\
         [handlers.{HANDLER}]\n[tenants.quiet]\n[tenants.noisy]\n{limits}\n"
    )
}
