//! The report about the events, made from the responses and from the lines that the bootstrap printed.

use std::borrow::Cow;
use std::time::Duration;

use bulkhead_host::dispatch::receipt::{KIND, Receipt};
use bulkhead_host::policy::manifest::{self, Manifest, store};
use bulkhead_host::policy::{Limit, Policy};
use bulkhead_host::tls::ExtraRoots;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::local::{Answer, Printed};
use crate::tenants;

/// The whole report, in the form of `--json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// `Replied`, or the type of the error; of the last event.
    pub(super) outcome: String,
    /// JSON with every number unchanged if the response is JSON, otherwise text; of the last event.
    pub(super) answer: Box<RawValue>,
    /// The response as it arrived.
    #[serde(skip)]
    pub(super) body: Vec<u8>,
    /// Of the last event, if it is whole and the manifest enables receipts.
    pub(super) receipt: Option<Receipt>,
    /// The receipts of the parts of the last event, if it is a batch that was split.
    pub(super) parts: Vec<Receipt>,
    /// How much of its limits that event used.
    pub(super) used: Vec<Used>,
    pub(super) events: usize,
    pub(super) failed: usize,
    /// Over all events, in milliseconds.
    pub(super) wall_ms: Option<Spread>,
    /// The lines of the log that are not receipts.
    pub(super) log: Vec<String>,
}

/// The receipts and log lines of the events.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) receipts: Vec<Receipt>,
    /// The lines that are not receipts.
    pub(super) log: Vec<String>,
}

/// How much of one limit was used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Used {
    /// The key in `bulkhead.toml`.
    pub(super) limit: &'static str,
    /// The part of the limit: 1 is all of it.
    pub(super) part: f64,
    pub(super) text: String,
    pub(super) limit_text: String,
    /// The event was ended by this limit, or reached it and went on.
    pub(super) hit: bool,
}

/// The times of several events.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

/// The source of an event's limits.
#[derive(Debug)]
pub(super) struct Limits {
    manifest: Manifest,
    /// Whom the server of a store is trusted by.
    roots: ExtraRoots,
    timeout: Duration,
}

impl Limits {
    pub(super) fn new(manifest: Manifest, roots: ExtraRoots, timeout: Duration) -> Self {
        Self { manifest, roots, timeout }
    }

    fn of(&self, receipt: &Receipt) -> Cow<'_, Policy> {
        let tenant = receipt.tenant_id.as_deref().and_then(|id| self.manifest.tenants.get(id));
        let handler = || {
            let name = receipt.handler.as_deref();
            self.manifest.handlers.iter().find(|handler| Some(handler.name.as_str()) == name)
        };
        if let Some(tenant) = tenant {
            return Cow::Borrowed(&tenant.policy);
        }
        let of_store =
            receipt.handler.as_deref().filter(|handler| *handler == store::HANDLER).and_then(|_| {
                let (store, tenant) = (self.manifest.store.as_ref()?, receipt.tenant_id.as_deref()?);
                tenants::policy_of(store, self.roots.clone(), tenant).map(Cow::Owned)
            });
        of_store
            .or_else(|| Some(Cow::Borrowed(&*handler()?.policy)))
            .unwrap_or(Cow::Borrowed(&self.manifest.default))
    }

    fn used(&self, receipt: &Receipt) -> Vec<Used> {
        let shown = manifest::shown(&self.of(receipt)).into_iter();
        shown
            .filter_map(|limit| {
                let (used, text) = amount(limit.limit, receipt)?;
                let hit = receipt.limit.as_deref() == Some(limit.limit.key());
                let mut whole = precise(limit.value);
                let mut limit_text = limit.text;
                // Lambda's timeout may come first.
                let timeout = self.timeout.as_nanos();
                if limit.limit == Limit::WallTime && timeout < u128::from(limit.value) {
                    whole = self.timeout.as_secs_f64() * 1e9;
                    limit_text = format!("{}, the timeout", humantime::format_duration(self.timeout));
                }
                let part = if whole > 0.0 { used / whole } else { 0.0 };
                Some(Used { limit: limit.limit.key(), part, text, limit_text, hit })
            })
            .collect()
    }
}

/// The use of a limit according to a receipt, in the limit's unit; `None` if the receipt does not contain it.
fn amount(limit: Limit, receipt: &Receipt) -> Option<(f64, String)> {
    let milliseconds = |value: f64| Some((value * 1e6, format!("{value:.2} ms")));
    let bytes = |value: u64| Some((precise(value), bytesize::ByteSize(value).display().iec().to_string()));
    let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    match limit {
        Limit::WallTime => milliseconds(receipt.wall_ms),
        Limit::CpuTime => milliseconds(receipt.cpu_ms),
        Limit::Memory => bytes(wide(receipt.peak_memory_bytes)),
        Limit::Response => bytes(wide(receipt.bytes_out)),
        Limit::Logs => bytes(wide(receipt.log_bytes)),
        Limit::OutboundRequests => {
            Some((f64::from(receipt.outbound_requests), receipt.outbound_requests.to_string()))
        }
        Limit::OutboundBytes => bytes(receipt.outbound_bytes_in + receipt.outbound_bytes_out),
        Limit::TableEntries
        | Limit::StreamedResponse
        | Limit::Instances
        | Limit::Hostcall
        | Limit::Handles
        | Limit::Random
        | Limit::Concurrency
        | Limit::Tmp => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "parts of limits are shown with two digits")]
fn precise(value: u64) -> f64 {
    value as f64
}

impl Report {
    /// At least one response was an error.
    pub(super) fn new(answers: Vec<Answer>, seen: Seen, limits: &Limits) -> Self {
        let Seen { receipts, log } = seen;
        let events = answers.len();
        let failed = answers.iter().filter(|answer| !matches!(answer, Answer::Replied(_))).count();
        let last = answers.into_iter().next_back();
        let (outcome, body) = match last {
            Some(Answer::Replied(body)) => ("Replied".to_owned(), body),
            Some(Answer::Failed { body, error_type } | Answer::NotStarted { body, error_type }) => {
                (error_type, body)
            }
            None => (String::new(), Default::default()),
        };
        let spread = Spread::of(receipts.iter().map(|receipt| receipt.wall_ms).collect());
        let (parts, receipt) = of_last(receipts);
        Self {
            outcome,
            answer: answer(&body),
            body: body.to_vec(),
            used: receipt.as_ref().map(|receipt| limits.used(receipt)).unwrap_or_default(),
            wall_ms: spread,
            receipt,
            parts,
            events,
            failed,
            log,
        }
    }
}

/// The receipts of the last event: those of its parts if it was split, or else its only one.
fn of_last(mut receipts: Vec<Receipt>) -> (Vec<Receipt>, Option<Receipt>) {
    let Some(last) = receipts.pop() else { return (Vec::new(), None) };
    if last.records.is_none() {
        return (Vec::new(), Some(last));
    }
    receipts.retain(|other| other.request_id == last.request_id);
    receipts.push(last);
    (receipts, None)
}

fn answer(body: &[u8]) -> Box<RawValue> {
    let text = || to_raw_value(&String::from_utf8_lossy(body)).unwrap_or_default();
    serde_json::from_slice(body).unwrap_or_else(|_| text())
}

impl Seen {
    /// Splits a log into receipts and other lines.
    pub(super) fn read(printed: &Printed) -> Self {
        let mut seen = Self::default();
        for line in printed.stdout.lines().chain(printed.stderr.lines()) {
            match serde_json::from_str::<Receipt>(line) {
                Ok(receipt) if receipt.kind == KIND => seen.receipts.push(receipt),
                Ok(_) | Err(_) => seen.log.push(line.to_owned()),
            }
        }
        seen
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        Some(Self { least: *values.first()?, median: *values.get(values.len() / 2)?, most: *values.last()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(tenant: &str, limit: &str) -> String {
        format!(
            r#"{{"type":"bulkhead.receipt","timestamp":"t","requestId":"r","tenantId":{tenant},"handler":"hello",
            "component":"c","outcome":"Replied","limit":{limit},"wallMs":30.0,"cpuMs":1.5,"queueMs":0.0,"setupMs":0.0,
            "peakMemoryBytes":1048576,"bytesIn":1,"bytesOut":2,"logBytes":3,"outboundRequests":4,"outboundBytesOut":5,
            "outboundBytesIn":6}}"#
        )
        .replace('\n', " ")
    }

    fn limits(toml: &str) -> Limits {
        Limits::new(Manifest::parse(toml).unwrap(), ExtraRoots::default(), Duration::from_secs(3))
    }

    fn report(lines: &[&str], toml: &str) -> Report {
        let printed = Printed { stdout: lines.join("\n"), stderr: String::new() };
        let answer = Answer::Replied(r#"{"a":1}"#.into());
        Report::new(vec![answer; lines.len()], Seen::read(&printed), &limits(toml))
    }

    fn used<'r>(report: &'r Report, limit: &str) -> &'r Used {
        report.used.iter().find(|used| used.limit == limit).unwrap()
    }

    #[test]
    fn receipts_are_told_from_the_log_and_measured_against_their_own_tenant_s_limits() {
        let toml =
            "[handlers.hello]\n[tenants.acme]\nhandler = \"hello\"\n[tenants.acme.limits]\nmemory = \"2MiB\"";
        let report = report(&["a line", &receipt("\"acme\"", "null")], toml);
        assert_eq!(report.log, ["a line"]);
        let memory = used(&report, "memory");
        assert_eq!((memory.part, memory.text.as_str(), memory.hit), (0.5, "1.0 MiB", false));
        assert_eq!(memory.limit_text, "2MiB");
        assert_eq!(used(&report, "outbound_requests").text, "4");
        assert_eq!(report.answer.get(), r#"{"a":1}"#);
    }

    #[test]
    fn the_limit_that_was_hit_is_named_and_a_shorter_timeout_counts() {
        let report = report(&[&receipt("null", "\"cpu_time\"")], "[handlers.hello]");
        assert!(used(&report, "cpu_time").hit && !used(&report, "memory").hit);
        let wall = used(&report, "wall_time");
        assert_eq!((wall.part, wall.limit_text.as_str()), (0.01, "3s, the timeout"));
    }

    #[test]
    fn a_batch_that_was_split_has_a_receipt_for_each_part() {
        let part = |tenant: &str| receipt(tenant, "null").replace("\"limit\"", "\"records\":2,\"limit\"");
        let earlier = receipt("\"acme\"", "null").replace("\"r\"", "\"before\"");
        let report = report(&[&earlier, &part("\"acme\""), &part("\"beta\"")], "[handlers.hello]");
        let tenants: Vec<_> = report.parts.iter().map(|part| part.tenant_id.as_deref()).collect();
        assert_eq!(tenants, [Some("acme"), Some("beta")]);
        assert_eq!((report.receipt, report.used), (None, Vec::new()), "no part stands for the whole");
    }

    #[test]
    fn of_many_events_the_spread_is_told() {
        let [fast, slow] = ["30.0", "90.0"].map(|wall| receipt("null", "null").replace("30.0", wall));
        let report = report(&[&fast, &slow, &slow], "");
        assert_eq!(report.wall_ms, Some(Spread { least: 30.0, median: 90.0, most: 90.0 }));
        assert_eq!((report.events, report.failed), (3, 0));
    }

    #[test]
    fn failures_count_and_what_is_no_json_is_text() {
        let failed = Answer::Failed { body: "oh".into(), error_type: "Function.Panic".to_owned() };
        let report = Report::new(vec![failed], Seen::default(), &limits(""));
        assert_eq!((report.outcome.as_str(), report.failed), ("Function.Panic", 1));
        assert_eq!((report.answer.get(), report.receipt), (r#""oh""#, None));
    }

    #[test]
    fn an_answer_keeps_the_digits_of_its_numbers() {
        let body = r#"{"big":12345678901234567890123,"d":19.990,"far":1E400}"#;
        assert_eq!(answer(body.as_bytes()).get(), body);
        assert_eq!(answer(b"{\"a\":").get(), r#""{\"a\":""#);
        assert_eq!(answer(b"\xff").get(), "\"\u{fffd}\"");
    }
}
