//! `bulkhead tenants list`, and the records of a store.

use std::time::SystemTime;

use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::layout::{Key, TENANTS};
use bulkhead_host::store::record::shown;
use bulkhead_host::store::{MAX_ENVELOPE, Record};
use clap::Args;
use serde::Serialize;

use super::files::{Files, Found};
use super::history::read;
use super::print::{short, targets};
use super::{Place, now};
use crate::label::label;
use crate::output;
use crate::table::{Align, Table};

/// List the tenants in the store.
///
/// Example: bulkhead tenants list
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Show removed tenants too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON: an array with an object for each record
    #[arg(long)]
    json: bool,
}

/// A file in the folder of records.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Or the reason why it is not a record of this store.
    pub(super) record: Result<Record, String>,
}

/// Whether a record is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    Valid,
    Expired,
    Removed,
    Invalid,
}

/// One line of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    file: String,
    state: State,
    /// The reason why the record is not valid.
    problem: Option<String>,
    record: Option<Record>,
}

/// The files of records.
pub(super) fn found(files: &impl Files) -> anyhow::Result<Vec<Found>> {
    let mut found = files.list(TENANTS)?;
    found.retain(|found| !found.is_unfinished());
    Ok(found)
}

/// All records of a store, in the order of the ids of their tenants.
pub(super) fn records(files: &impl Files, store: &Store) -> anyhow::Result<Vec<Entry>> {
    read_all(files, store, found(files)?)
}

/// The records in these files, in the order of the ids of their tenants.
pub(super) fn read_all(files: &impl Files, store: &Store, found: Vec<Found>) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for found in found {
        let record = files.read(&found.key, MAX_ENVELOPE).and_then(|file| match file {
            Some(file) => read(&file, store).map(Some),
            None => Ok(None),
        });
        let record = match record {
            // It was removed in between.
            Ok(None) => continue,
            Ok(Some(record)) if Key::record(&record.tenant) == found.key => Ok(record),
            Ok(Some(record)) => Err(format!("it is the record of the tenant {:?}", label(&record.tenant))),
            Err(error) => Err(format!("{error:#}")),
        };
        entries.push(Entry { key: found.key, record });
    }
    let tenant = |entry: &Entry| entry.record.as_ref().ok().map(|record| record.tenant.clone());
    entries.sort_by_key(tenant);
    Ok(entries)
}

impl State {
    /// Of a record that is signed, and has a handler.
    pub(super) fn of(expires: &SystemTime) -> Self {
        if now() >= *expires { Self::Expired } else { Self::Valid }
    }

    pub(super) fn of_entry(entry: &Entry) -> Self {
        match &entry.record {
            Err(_) => Self::Invalid,
            Ok(Record { handler: None, .. }) => Self::Removed,
            Ok(record) => Self::of(&record.expires),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Removed => "removed",
            Self::Invalid => "invalid",
        }
    }
}

impl List {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let rows = records(&opened.files, &opened.settings)?.into_iter().map(|entry| Row {
            state: State::of_entry(&entry),
            file: entry.key.to_string(),
            problem: entry.record.as_ref().err().cloned(),
            record: entry.record.ok(),
        });
        let rows: Vec<Row> = rows.filter(|row| self.all || row.state != State::Removed).collect();
        if self.json {
            return output::print_json(&rows);
        }
        Ok(output::print(table(&rows))?)
    }
}

fn table(rows: &[Row]) -> Table<7> {
    let left = Align::Left;
    let mut table = Table::new(0, [left, Align::Right, left, left, left, left, left]);
    table.row(["tenant", "version", "state", "kind", "code", "for", "until"]);
    for Row { file, state, problem, record } in rows {
        match record {
            Some(record) => {
                let handler = record.handler.as_ref();
                table.row([
                    label(&record.tenant),
                    record.version.to_string(),
                    state.name().to_owned(),
                    handler.map_or_else(String::new, |handler| label(handler.code.kind())),
                    handler
                        .map_or_else(String::new, |handler| short(handler.code.digest().as_str()).to_owned()),
                    targets(record).join(" "),
                    shown(record.expires),
                ]);
            }
            None => {
                let text = format!("{} ({})", state.name(), problem.as_deref().unwrap_or_default());
                table.row([short(file), "", text.as_str(), "", "", "", ""]);
            }
        }
    }
    table
}
