//! `bulkhead tenants gc`: removes what no tenant needs any more, while others publish.
//!
//! A file that nothing refers to may belong to a record that is about to be written. Its writer has made it new again,
//! so it is looked at once more when it is removed, in one step; and the writer looks after its record is written. The
//! record of a tenant is removed only if it is still the one that was read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::layout::{Key, history_of};
use bulkhead_host::store::{MAX_ENVELOPE, Record};
use clap::Args;
use serde::Serialize;

use super::contents::records;
use super::files::Files;
use super::history::read;
use super::verify::{References, history, kept, leftovers};
use super::{Opened, Place, now};
use crate::number;
use crate::output::{self, tell};

/// The clock of a file system may be behind by a tick of the kernel.
const TICK: Duration = Duration::from_millis(20);

/// Remove earlier versions, records of tenants that were removed and have expired, and files that nothing refers to.
///
/// A file that was written a short time ago may belong to a record that is about to be written, so it is kept. So is a record
/// that cannot be read, with the code that it needs.
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
    /// Files that cannot be read as records, and what was kept because of them.
    kept: Vec<String>,
}

/// Removes files of one store.
struct Collector<'a, F> {
    files: &'a F,
    store: &'a Store,
    keep: usize,
    removed: Removed,
    /// Whether all code is kept, because a record does not say what it needs.
    keeps_code: bool,
    /// The folders with files that cannot be read.
    unreadable: BTreeSet<String>,
}

impl Gc {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Opened { settings, files, .. } = self.place.open()?;
        let mut collector = Collector::new(&files, &settings, self.keep);
        collector.removed.dry_run = self.dry_run;
        collector.collect(self.older_than)?;
        let removed = collector.removed;
        if self.json {
            return output::print_json(&removed);
        }
        removed.kept.iter().for_each(|text| tell(text));
        for file in &removed.files {
            output::print(format_args!("{file}\n"))?;
        }
        let would = if self.dry_run { "would be" } else { "were" };
        tell(&format!("{} files {would} removed, {} bytes of code", removed.files.len(), removed.bytes));
        Ok(())
    }
}

impl<'a, F: Files> Collector<'a, F> {
    fn new(files: &'a F, store: &'a Store, keep: usize) -> Self {
        let (removed, unreadable) = (Removed::default(), BTreeSet::new());
        Self { files, store, keep, removed, keeps_code: false, unreadable }
    }

    fn collect(&mut self, older_than: Duration) -> anyhow::Result<()> {
        // Before anything is read: what is written from here on may be needed by a record that is not read.
        let time = SystemTime::now().checked_sub(older_than + TICK).unwrap_or(SystemTime::UNIX_EPOCH);
        let references = self.records()?;
        for found in leftovers(self.files, &references)? {
            let is_kept = self.keeps_code && !found.is_unfinished();
            let is_removed = !is_kept
                && found.written <= time
                && (self.removed.dry_run || self.files.remove_older(&found.key, time)?);
            if is_removed {
                self.removed.bytes += found.bytes;
                self.removed.files.push(found.key.to_string());
            }
        }
        Ok(())
    }

    /// Removes records that are not needed, and returns what the others refer to.
    fn records(&mut self) -> anyhow::Result<References> {
        let mut references = References::default();
        let mut versions: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for (key, record) in history(self.files, self.store)? {
            match record {
                Ok(record) => versions.entry(record.tenant.clone()).or_default().push(record),
                Err(error) => self.keep_unreadable(&key, &format!("{error:#}"), &mut references),
            }
        }
        for entry in records(self.files, self.store)? {
            match entry.record {
                Ok(record) => {
                    let versions = versions.remove(&record.tenant).unwrap_or_default();
                    self.tenant(&record, versions, &mut references)?;
                }
                // The history of its tenant stays as it is.
                Err(text) => self.keep_unreadable(&entry.key, &text, &mut references),
            }
        }
        // Without a record, somebody has removed it, or a writer is about to write it.
        versions.into_values().flatten().for_each(|record| references.add(&record));
        Ok(references)
    }

    /// Keeps a file that is not a record of this store, and what it needs.
    fn keep_unreadable(&mut self, key: &Key, why: &str, references: &mut References) {
        let known = kept(self.files, key);
        self.keeps_code |= known.is_none();
        self.unreadable.extend(key.as_str().rsplit_once('/').map(|(folder, _)| folder.to_owned()));
        let what = match &known {
            Some(_) => "the file is kept, and the code that it names",
            None => {
                "the file is kept, and all code, because it is not known what this record needs: repair the tenant, or \
                 remove the file"
            }
        };
        known.iter().for_each(|record| references.add(record));
        self.removed.kept.push(format!("{key}: {why}; {what}"));
    }

    /// Removes what is not needed of the record of a tenant and its history, and notes what the rest refers to.
    fn tenant(
        &mut self,
        current: &Record,
        history: Vec<Record>,
        references: &mut References,
    ) -> anyhow::Result<()> {
        let (earlier, later): (Vec<_>, Vec<_>) =
            history.into_iter().partition(|record| record.version < current.version);
        // If its history has a newer version, the record is not the last word.
        let is_gone = current.handler.is_none()
            && current.expires <= now()
            && !self.unreadable.contains(&history_of(&current.tenant))
            && later.iter().all(|record| record.version == current.version)
            && earlier.iter().all(|record| record.expires <= current.expires);
        let kept = if is_gone { 0 } else { self.keep };
        let going = earlier.len().saturating_sub(kept);
        for (at, record) in earlier.iter().enumerate() {
            // One that is valid for longer must not be put back when the record has expired.
            let stays = at >= going || record.expires > current.expires;
            if stays || !self.remove_record(&Key::earlier(&record.tenant, record.version), record)? {
                references.add(record);
            }
        }
        let mut rest: Vec<&Record> = later.iter().chain([current]).collect();
        // An earlier record must never become valid again, so the record goes last.
        if is_gone {
            later.iter().try_for_each(|record| {
                self.remove_record(&Key::earlier(&record.tenant, record.version), record).map(drop)
            })?;
            if self.remove_record(&Key::record(&current.tenant), current)? {
                rest.clear();
            }
        }
        rest.into_iter().for_each(|record| references.add(record));
        Ok(())
    }

    /// Removes a file if it still has this record. Returns whether it was removed.
    fn remove_record(&mut self, key: &Key, record: &Record) -> anyhow::Result<bool> {
        if !self.removed.dry_run {
            let Some(file) = self.files.read(key, MAX_ENVELOPE)? else { return Ok(true) };
            let is_same = read(&file, self.store).is_ok_and(|found| found == *record);
            if !is_same || !self.files.remove_unchanged(key, &file)? {
                return Ok(false);
            }
        }
        self.removed.files.push(key.to_string());
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
