//! `bulkhead tenants diff`: what differs between two versions of a tenant.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use bulkhead_host::store::Record;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::history::{current, version, versions};
use super::{Opened, Place, missing, named, tenant_id};
use crate::number;
use crate::output;

/// Show what differs between two versions of a tenant.
///
/// Example: bulkhead tenants diff acme
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The id of the tenant
    #[arg(value_name = "ID", value_parser = tenant_id)]
    tenant: String,
    /// The earlier version [default: the one before the later one]
    #[arg(value_name = "FROM", value_parser = number::version)]
    from: Option<u64>,
    /// The later version [default: the current one]
    #[arg(value_name = "TO", value_parser = number::version)]
    to: Option<u64>,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    /// The place in the record: `handler.settings.limits.memory`.
    key: String,
    from: Option<Value>,
    to: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    tenant: &'a str,
    from: u64,
    to: u64,
    differences: Vec<Difference>,
}

impl Diff {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let Some(now) = current(&opened.files, &opened.settings, &self.tenant)? else {
            bail!("{}", missing(&self.tenant));
        };
        let now = now.record;
        let record = |version: u64| self.record(&opened, &now, version);
        let to = record(self.to.unwrap_or(now.version))?;
        let known = versions(&opened.files, &self.tenant)?;
        let before = known.into_iter().filter(|known| *known < to.version).max();
        let Some(from) = self.from.or(before) else {
            bail!("{} has no earlier version", named(&self.tenant))
        };
        print(Some(&record(from)?), &to, self.json)
    }

    fn record(&self, opened: &Opened, now: &Record, number: u64) -> anyhow::Result<Record> {
        if number == now.version {
            return Ok(now.clone());
        }
        let found = version(&opened.files, &opened.settings, &self.tenant, number)?;
        found
            .map(|found| found.record)
            .with_context(|| format!("{} has no version {number}", named(&self.tenant)))
    }
}

/// Prints what differs between two records. Without the first one, everything in the second one is new.
pub(super) fn print(from: Option<&Record>, to: &Record, json: bool) -> anyhow::Result<()> {
    let report = Report {
        tenant: &to.tenant,
        from: from.map_or(0, |from| from.version),
        to: to.version,
        differences: differences(from, to)?,
    };
    if json { output::print_json(&report) } else { Ok(output::print(text(&report))?) }
}

fn text(report: &Report<'_>) -> String {
    let Report { tenant, from, to, .. } = report;
    let mut text = match from {
        0 => format!("{}: nothing, and version {to}\n", named(tenant)),
        from => format!("{}: version {from} and version {to}\n", named(tenant)),
    };
    for Difference { key, from, to } in &report.differences {
        for (sign, value) in [('-', from), ('+', to)] {
            if let Some(value) = value {
                text += &format!("{sign} {key}: {value}\n");
            }
        }
    }
    text
}

/// Every value that is not the same in both records, except their versions.
fn differences(from: Option<&Record>, to: &Record) -> anyhow::Result<Vec<Difference>> {
    let (mut from, mut to) = (from.map(flat).transpose()?.unwrap_or_default(), flat(to)?);
    let mut differences = Vec::new();
    for (key, from) in std::mem::take(&mut from) {
        let to = to.remove(&key);
        if to.as_ref() != Some(&from) {
            differences.push(Difference { key, from: Some(from), to });
        }
    }
    differences.extend(to.into_iter().map(|(key, to)| Difference { key, from: None, to: Some(to) }));
    differences.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(differences)
}

fn flat(record: &Record) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut values = BTreeMap::new();
    flatten("", serde_json::to_value(record)?, &mut values);
    values.remove("version");
    Ok(values)
}

/// The native code is named by its processor and its build, since its order means nothing.
fn flatten(above: &str, value: Value, values: &mut BTreeMap<String, Value>) {
    let below = |key: &str| if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
    match value {
        Value::Object(members) => {
            members.into_iter().for_each(|(key, value)| flatten(&below(&key), value, values));
        }
        Value::Array(elements) if above == "handler.native" => {
            for native in elements {
                let text = |key: &str| native[key].as_str().unwrap_or_default().to_owned();
                let name = format!("{} ({})", text("target"), text("build"));
                values.insert(below(&name), native["digest"].clone());
            }
        }
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            values.insert(above.to_owned(), value);
        }
    }
}
