//! `bulkhead tenants gc`: removes what no tenant needs any more.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bulkhead_host::store::Record;
use bulkhead_host::store::layout::Key;
use clap::Args;
use serde::Serialize;

use super::contents::records;
use super::files::Files as _;
use super::verify::{References, history, leftovers};
use super::{Opened, Place, now};
use crate::number;
use crate::output::{self, tell};

/// Remove earlier versions, records of tenants that were removed and have expired, and files that nothing refers to.
///
/// A file that was written a short time ago may belong to a record that is about to be written, so it is kept.
///
/// Example: bulkhead tenants gc --dry-run
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// The number of earlier versions of each tenant that are kept
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = number::whole::<usize>(0..=1_000_000, 10))]
    keep: usize,
    /// Keep files that are younger than this
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = number::time("1h or 7days"))]
    older_than: Duration,
    /// Only print what would be removed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    files: Vec<String>,
    bytes: u64,
    dry_run: bool,
}

impl Gc {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let mut removed = Removed { dry_run: self.dry_run, ..Removed::default() };
        let references = self.records(&opened, &mut removed)?;
        let before = SystemTime::now().checked_sub(self.older_than).unwrap_or(SystemTime::UNIX_EPOCH);
        for found in leftovers(&opened.files, &references)? {
            if found.changed <= before {
                removed.bytes += found.bytes;
                self.remove(&opened, &found.key, &mut removed)?;
            }
        }
        if self.json {
            return output::print_json(&removed);
        }
        for file in &removed.files {
            output::print(format_args!("{file}\n"))?;
        }
        let would = if self.dry_run { "would be" } else { "were" };
        tell(&format!("{} files {would} removed, {} bytes of code", removed.files.len(), removed.bytes));
        Ok(())
    }

    /// Removes records that are not needed, and returns what the others refer to.
    fn records(&self, opened: &Opened, removed: &mut Removed) -> anyhow::Result<References> {
        let mut references = References::default();
        let mut current = BTreeMap::new();
        for entry in records(&opened.files, &opened.settings)? {
            let record = entry.record.map_err(|text| unreadable(&entry.key, &text))?;
            current.insert(record.tenant.clone(), record);
        }
        let mut earlier: BTreeMap<String, Vec<(Key, Record)>> = BTreeMap::new();
        for (key, record) in history(&opened.files, &opened.settings)? {
            let record = record.map_err(|text| unreadable(&key, &text))?;
            earlier.entry(record.tenant.clone()).or_default().push((key, record));
        }
        for (tenant, record) in &current {
            let is_gone = record.handler.is_none() && record.expires <= now();
            let mut versions = earlier.remove(tenant).unwrap_or_default();
            // An earlier record must never become valid again, so the record goes last.
            let kept = if is_gone { 0 } else { self.keep };
            let going = versions.len().saturating_sub(kept);
            for (key, _) in versions.drain(..going) {
                self.remove(opened, &key, removed)?;
            }
            if is_gone {
                self.remove(opened, &Key::record(tenant), removed)?;
            } else {
                references.add(record);
            }
            versions.iter().for_each(|(_, record)| references.add(record));
        }
        // Without a current record, somebody has removed that by hand; what is left can still be put back.
        earlier.into_values().flatten().for_each(|(_, record)| references.add(&record));
        Ok(references)
    }

    fn remove(&self, opened: &Opened, key: &Key, removed: &mut Removed) -> anyhow::Result<()> {
        removed.files.push(key.to_string());
        if self.dry_run { Ok(()) } else { opened.files.remove(key) }
    }
}

/// Without one of the records, it is not known which files are needed.
fn unreadable(key: &Key, text: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{key}: {text}; nothing was removed because it is not known what this record needs: repair it, or remove it"
    )
}
