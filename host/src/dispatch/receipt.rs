//! The receipt of one event: the resources that it used, and how it ended. One line of JSON.
//!
//! A guest cannot forge a receipt: its output is never a line of its own, but the message of a record
//! ([`crate::log`]). With the format `emf`, CloudWatch reads the line as embedded metrics.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::policy::manifest::Receipts;
use crate::sandbox::Usage;
use crate::text::printable;

/// The value of the field `type`.
pub const KIND: &str = "bulkhead.receipt";

/// The resources that one event used, and how it ended. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// [`KIND`].
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// When the event ended, in RFC 3339.
    pub timestamp: String,
    /// The invocation.
    pub request_id: Arc<str>,
    /// The tenant, if there is one.
    pub tenant_id: Option<Arc<str>>,
    /// The handler, if the event got that far.
    pub handler: Option<Arc<str>>,
    /// The digest of the handler's component, if the event got that far.
    pub component: Option<Arc<str>>,
    /// The digest of the script that the component runs, if it is an engine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub script: Option<Arc<str>>,
    /// `Replied`, or the type of the error: `Function.Timeout`.
    pub outcome: Cow<'static, str>,
    /// The limit that ended the event, or that it reached and continued: a key of `bulkhead.toml`.
    pub limit: Option<Cow<'static, str>>,
    /// The records that this receipt covers, if a batch was split.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<usize>,
    /// Whether the event was served under a record that is older than `refresh`, because the store could not be asked for
    /// a newer one.
    #[serde(skip_serializing_if = "is_default", default)]
    pub stale: bool,
    /// The time in its sandbox.
    pub wall_ms: f64,
    /// The processor time: all work for the event from its arrival until its answer was posted, including the
    /// making of the sandbox. Waiting does not count.
    pub cpu_ms: f64,
    /// The time from the event's arrival to the start of its sandbox.
    pub queue_ms: f64,
    /// The time to make the sandbox, which is done in advance if possible.
    pub setup_ms: f64,
    /// The peak memory of the sandbox.
    pub peak_memory_bytes: usize,
    /// The size of the event.
    pub bytes_in: usize,
    /// The size of the response; 0 for an error.
    pub bytes_out: usize,
    /// The size of the handler's output.
    pub log_bytes: usize,
    /// Outbound requests, including denied ones.
    pub outbound_requests: u32,
    /// All bytes sent over its connections.
    pub outbound_bytes_out: u64,
    /// All bytes received over its connections.
    pub outbound_bytes_in: u64,
    /// The time with at least one outbound request in flight, until its response was read.
    #[serde(default)]
    pub outbound_ms: f64,
    /// The requests that the host has authenticated, by the name of the credential.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub credentials: BTreeMap<Box<str>, u32>,
    /// Operations on key-value stores, including denied ones.
    #[serde(skip_serializing_if = "is_default", default)]
    pub key_value_operations: u32,
    /// The keys and values that it passed to key-value stores and got from them.
    #[serde(skip_serializing_if = "is_default", default)]
    pub key_value_bytes: u64,
    /// The time in these operations.
    #[serde(skip_serializing_if = "is_default", default)]
    pub key_value_ms: f64,
    /// Whether `bulkhead.toml` contains the tenant. A caller can make up other ids.
    #[serde(skip)]
    pub is_known: bool,
}

/// The subject of a receipt, without the resources.
#[derive(Debug, Clone)]
pub struct About<'a> {
    /// The invocation.
    pub request_id: &'a Arc<str>,
    /// The tenant, and whether `bulkhead.toml` contains it.
    pub tenant: Option<(&'a Arc<str>, bool)>,
    /// The handler, if the event got that far.
    pub handler: Option<&'a Arc<str>>,
    /// The digest of its component, if the event got that far.
    pub component: Option<&'a Arc<str>>,
    /// The digest of its script, if it runs one.
    pub script: Option<&'a Arc<str>>,
    /// `Replied`, or the type of the error.
    pub outcome: Cow<'static, str>,
    /// The records of a part of a batch.
    pub records: Option<usize>,
    /// Whether the store could not be asked for a newer record of the tenant.
    pub is_stale: bool,
    /// The time from the event's arrival to the start of its sandbox.
    pub queue: Duration,
    /// The sizes of event and response in bytes.
    pub bytes: (usize, usize),
}

impl Receipt {
    /// The receipt of an event that just ended, without the part that [`Self::with_cpu`] adds.
    pub fn new(about: About<'_>, usage: &Usage, now: SystemTime) -> Self {
        Self {
            kind: Cow::Borrowed(KIND),
            timestamp: humantime::format_rfc3339_millis(now).to_string(),
            request_id: Arc::clone(about.request_id),
            tenant_id: about.tenant.map(|(id, _)| Arc::clone(id)),
            handler: about.handler.cloned(),
            component: about.component.cloned(),
            script: about.script.cloned(),
            outcome: about.outcome,
            limit: usage.limit.map(|limit| Cow::Borrowed(limit.key())),
            records: about.records,
            stale: about.is_stale,
            wall_ms: milliseconds(usage.wall),
            cpu_ms: 0.0,
            queue_ms: milliseconds(about.queue),
            setup_ms: milliseconds(usage.setup),
            peak_memory_bytes: usage.peak_memory,
            bytes_in: about.bytes.0,
            bytes_out: about.bytes.1,
            log_bytes: usage.logs,
            outbound_requests: usage.outbound.requests,
            outbound_bytes_out: usage.outbound.bytes_out,
            outbound_bytes_in: usage.outbound.bytes_in,
            outbound_ms: milliseconds(usage.outbound.time),
            credentials: usage
                .outbound
                .credentials
                .iter()
                .map(|(used, count)| (used.name.clone(), *count))
                .collect(),
            key_value_operations: usage.key_value.operations,
            key_value_bytes: usage.key_value.bytes,
            key_value_ms: milliseconds(usage.key_value.time),
            is_known: about.tenant.is_some_and(|(_, is_known)| is_known),
        }
    }

    /// The receipt with the processor time, which is known last.
    #[must_use]
    pub fn with_cpu(self, spent: Duration) -> Self {
        Self { cpu_ms: milliseconds(spent), ..self }
    }

    /// The line, without its end; `None` if receipts are off.
    pub fn line(&self, format: &Receipts) -> Option<String> {
        // Most receipts fit.
        let mut line = Vec::with_capacity(1024);
        let written = match format {
            Receipts::Off => return None,
            Receipts::Json => serde_json::to_writer(&mut line, self),
            Receipts::Emf { namespace } => serde_json::to_writer(&mut line, &Emf::of(self, namespace)),
        };
        // Text and finite numbers always serialise.
        let line = written.ok().and_then(|()| String::from_utf8(line).ok())?;
        Some(match printable::json(&line) {
            Cow::Borrowed(_) => line,
            Cow::Owned(escaped) => escaped,
        })
    }
}

/// The outcome of an event that was answered with a response.
pub const REPLIED: &str = "Replied";

/// The handler of events that reached none. The parentheses cannot occur in the name of a handler.
const NOWHERE: &str = "(none)";

/// All tenants that `bulkhead.toml` does not contain.
const UNKNOWN: &str = "(unknown)";

/// What only some events have is left out of the receipts of others.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// To the microsecond: more digits would be noise.
fn milliseconds(duration: Duration) -> f64 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

/// The receipt with the data of CloudWatch's Embedded Metric Format.
#[derive(Serialize)]
struct Emf<'a> {
    #[serde(rename = "_aws")]
    aws: Metadata<'a>,
    errors: u8,
    /// The tenant, if it is not the value of a dimension.
    #[serde(rename = "unknownTenantId", skip_serializing_if = "Option::is_none")]
    unknown_tenant_id: Option<&'a str>,
    #[serde(flatten)]
    receipt: Cow<'a, Receipt>,
}

impl<'a> Emf<'a> {
    /// Every dimension is a text in the same object, and CloudWatch bills each distinct value. So a caller
    /// must not be able to choose one.
    fn of(receipt: &'a Receipt, namespace: &'a str) -> Self {
        let aws = Metadata::new(namespace, receipt.tenant_id.is_some(), &receipt.timestamp);
        let errors = u8::from(receipt.outcome != REPLIED);
        let unknown_tenant_id = receipt.tenant_id.as_deref().filter(|_| !receipt.is_known);
        let mut dimensioned = Cow::Borrowed(receipt);
        if receipt.handler.is_none() {
            dimensioned.to_mut().handler = Some(NOWHERE.into());
        }
        if unknown_tenant_id.is_some() {
            dimensioned.to_mut().tenant_id = Some(UNKNOWN.into());
        }
        Self { aws, errors, unknown_tenant_id, receipt: dimensioned }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    timestamp: u64,
    cloud_watch_metrics: [Metrics<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics<'a> {
    namespace: &'a str,
    dimensions: &'static [&'static [&'static str]],
    metrics: [Metric; 5],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl<'a> Metadata<'a> {
    fn new(namespace: &'a str, has_tenant: bool, timestamp: &str) -> Self {
        let at = humantime::parse_rfc3339(timestamp).unwrap_or(UNIX_EPOCH);
        let millis = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let metric = |name, unit| Metric { name, unit };
        let metrics = [
            metric("wallMs", "Milliseconds"),
            metric("cpuMs", "Milliseconds"),
            metric("peakMemoryBytes", "Bytes"),
            metric("outboundRequests", "Count"),
            metric("errors", "Count"),
        ];
        // An event without a tenant has one dimension less.
        let dimensions: &[&[&str]] =
            if has_tenant { &[&["handler"], &["handler", "tenantId"]] } else { &[&["handler"]] };
        Self {
            timestamp: u64::try_from(millis).unwrap_or(u64::MAX),
            cloud_watch_metrics: [Metrics { namespace, dimensions, metrics }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Limit;
    use serde_json::{Value, json};

    fn receipt(tenant_id: Option<&str>) -> Receipt {
        let tenant_id = tenant_id.map(Arc::from);
        let about = About {
            request_id: &"r-1".into(),
            tenant: tenant_id.as_ref().map(|id| (id, &**id == "acme")),
            handler: Some(&"hello".into()),
            component: Some(&"sha256:00".into()),
            script: None,
            outcome: Cow::Borrowed("Function.Timeout"),
            records: None,
            is_stale: false,
            queue: Duration::from_nanos(1500),
            bytes: (17, 0),
        };
        let usage = Usage {
            wall: Duration::from_millis(5000),
            peak_memory: 65536,
            limit: Some(Limit::WallTime),
            ..Usage::default()
        };
        Receipt::new(about, &usage, UNIX_EPOCH).with_cpu(Duration::from_micros(1234))
    }

    fn line(receipt: &Receipt, format: &Receipts) -> Value {
        serde_json::from_str(&receipt.line(format).unwrap()).unwrap()
    }

    #[test]
    fn a_receipt_says_who_what_and_how_much() {
        assert_eq!(
            line(&receipt(Some("acme")), &Receipts::Json),
            json!({
                "type": "bulkhead.receipt", "timestamp": "1970-01-01T00:00:00.000Z", "requestId": "r-1",
                "tenantId": "acme", "handler": "hello", "component": "sha256:00",
                "outcome": "Function.Timeout", "limit": "wall_time",
                "wallMs": 5000.0, "cpuMs": 1.234, "queueMs": 0.001, "setupMs": 0.0,
                "peakMemoryBytes": 65536, "bytesIn": 17, "bytesOut": 0, "logBytes": 0,
                "outboundRequests": 0, "outboundBytesOut": 0, "outboundBytesIn": 0, "outboundMs": 0.0,
            })
        );
    }

    #[test]
    fn a_receipt_says_that_the_record_is_old_only_if_it_is() {
        let receipt = Receipt { stale: true, ..receipt(Some("acme")) };
        for format in [Receipts::Json, Receipts::Emf { namespace: "Tenants".to_owned() }] {
            assert_eq!(line(&receipt, &format)["stale"], true);
        }
    }

    #[test]
    fn a_receipt_reads_as_it_was_written() {
        let credentials = BTreeMap::from([("stripe".into(), 2)]);
        let receipt = Receipt { credentials, script: Some("sha256:11".into()), ..receipt(None) };
        assert_eq!(line(&receipt, &Receipts::Json)["script"], "sha256:11");
        assert_eq!(line(&receipt, &Receipts::Json)["credentials"], json!({ "stripe": 2 }));
        let read: Receipt = serde_json::from_value(line(&receipt, &Receipts::Json)).unwrap();
        assert_eq!(read, receipt);
    }

    #[test]
    fn cloudwatch_finds_every_metric_and_dimension_in_the_object() {
        let emf = Receipts::Emf { namespace: "Tenants".to_owned() };
        for tenant_id in [None, Some("acme")] {
            let line = line(&receipt(tenant_id), &emf);
            let metrics = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!((&metrics["Namespace"], &line["_aws"]["Timestamp"]), (&json!("Tenants"), &json!(0)));
            for metric in metrics["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
            }
            for dimension in
                metrics["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
            {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
            }
            assert_eq!(line["errors"], 1);
        }
    }

    #[test]
    fn no_dimension_has_a_value_that_a_stranger_chose() {
        let emf = Receipts::Emf { namespace: "Tenants".to_owned() };
        let known = line(&receipt(Some("acme")), &emf);
        assert_eq!((&known["tenantId"], known.get("unknownTenantId")), (&json!("acme"), None));
        let strange = line(&receipt(Some("a stranger")), &emf);
        assert_eq!(
            (&strange["tenantId"], &strange["unknownTenantId"]),
            (&json!("(unknown)"), &json!("a stranger"))
        );
        let nowhere = Receipt { handler: None, ..receipt(None) };
        assert_eq!(line(&nowhere, &emf)["handler"], "(none)");
        assert_eq!(line(&nowhere, &Receipts::Json)["handler"], Value::Null);
        assert_eq!(line(&receipt(Some("a stranger")), &Receipts::Json)["tenantId"], "a stranger");
    }

    #[test]
    fn a_tenant_s_id_ends_no_line_and_steers_no_terminal() {
        let hostile = "a\n\u{1b}[31m\u{7f}\u{9b}\u{2028}\u{202e}b";
        for (format, key) in [
            (Receipts::Json, "tenantId"),
            (Receipts::Emf { namespace: "Tenants".to_owned() }, "unknownTenantId"),
        ] {
            let line = receipt(Some(hostile)).line(&format).unwrap();
            assert!(line.chars().all(printable::is_printable), "{line}");
            let read: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read[key], hostile, "who reads it sees whose it is");
        }
        assert!(receipt(None).line(&Receipts::Off).is_none());
    }
}
