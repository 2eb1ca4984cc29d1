//! `bulkhead tenants verify`: whether every file of the store is what it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::anyhow;
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::script::object;
use bulkhead_host::store::layout::{COMPONENTS, HISTORY, Key, NATIVE, SCRIPTS, TENANTS, history_of};
use bulkhead_host::store::{Code, Digest, Expected, Handler, MAX_ENVELOPE, Record};
use clap::Args;
use serde::Serialize;

use super::code::files_of;
use super::contents::{Entry, records};
use super::files::{Files, Found, StoreFiles};
use super::history::{Foreign, Standing, read, unverified};
use super::script::expect_engine;
use super::{Place, now};
use crate::label::label;
use crate::output;

/// Check every file of the store: signatures, digests, what the tenants ask for, whether each record is the newest one
/// in its history, and files that nothing refers to.
///
/// Exits with 1 if the bootstrap would reject a tenant, or if a record is not the newest one.
///
/// Example: bulkhead tenants verify
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    /// The number of records that are valid.
    records: usize,
    pub(super) problems: Vec<Problem>,
    /// Earlier versions that cannot be used, because their key is not trusted any more.
    pub(super) notes: Vec<Problem>,
    /// Files that no record refers to, and unfinished files.
    leftovers: Vec<String>,
}

/// A file for which the bootstrap would reject a tenant, or which somebody without a key may have changed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) file: String,
    pub(super) tenant: Option<String>,
    pub(super) text: String,
}

/// The files that records refer to.
#[derive(Debug, Default)]
pub(super) struct References(BTreeSet<Key>);

impl References {
    pub(super) fn add(&mut self, record: &Record) {
        if let Some(handler) = &record.handler {
            self.0.extend(files_of(handler).into_iter().map(|(key, _, _)| key));
        }
    }

    pub(super) fn contain(&self, key: &Key) -> bool {
        self.0.contains(key)
    }
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let opened = self.place.open()?;
        let findings = findings(&opened.files, &opened.settings)?;
        if self.json {
            output::print_json(&findings)?;
        } else {
            output::print(text(&findings, &opened.files))?;
        }
        Ok(if findings.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn text(findings: &Findings, files: &StoreFiles) -> String {
    let mut text = String::new();
    for Problem { file, tenant, text: problem } in &findings.problems {
        let tenant = tenant.as_ref().map(|tenant| format!(" ({})", label(tenant))).unwrap_or_default();
        text += &format!("{file}{tenant}: {problem}\n");
    }
    for Problem { file, text: note, .. } in &findings.notes {
        text += &format!("note: {file}: {note}\n");
    }
    for leftover in &findings.leftovers {
        text += &format!("{leftover}: nothing refers to this file; `bulkhead tenants gc` removes it\n");
    }
    let Findings { records, problems, leftovers, .. } = findings;
    text + &format!(
        "{}: {records} valid records, {} problems, {} leftovers\n",
        files.shown(),
        problems.len(),
        leftovers.len()
    )
}

fn findings(files: &impl Files, store: &Store) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let mut references = References::default();
    // The history comes first: a version is in it before it takes effect.
    let mut newest: BTreeMap<String, Record> = BTreeMap::new();
    let (mut unreadable, mut versions) = (Vec::new(), BTreeMap::new());
    for (key, record) in history(files, store)? {
        match record {
            Ok(record) => {
                references.add(&record);
                newest.insert(record.tenant.clone(), record);
            }
            Err(error) => {
                kept(files, &key).iter().for_each(|record| references.add(record));
                unreadable.push((key, error));
            }
        }
    }
    for Entry { key, record } in records(files, store)? {
        match record {
            Err(text) => {
                kept(files, &key).iter().for_each(|record| references.add(record));
                findings.add(&key, None, text);
            }
            Ok(record) => {
                references.add(&record);
                versions.insert(history_of(&record.tenant), record.version);
                let newest = newest.remove(&record.tenant);
                let standing = Standing::of(&record.tenant, Some(&record), newest.as_ref());
                let problems = problems_of(files, store, &record).into_iter();
                let problems: Vec<String> = problems.chain(standing.problem(&record.tenant)).collect();
                findings.records += usize::from(problems.is_empty());
                problems.into_iter().for_each(|text| findings.add(&key, Some(&record.tenant), text));
            }
        }
    }
    for (tenant, newest) in newest {
        let problem = Standing::of(&tenant, None, Some(&newest)).problem(&tenant);
        problem.into_iter().for_each(|text| findings.add(&Key::record(&tenant), Some(&tenant), text));
    }
    for (key, error) in unreadable {
        findings.add_unreadable(&key, &error, &versions);
    }
    let leftovers = leftovers(files, &references)?;
    findings.leftovers = leftovers.iter().map(|found| found.key.to_string()).collect();
    Ok(findings)
}

impl Findings {
    /// Adds a file of the history. The record of its tenant may be older than this one, unless the name of the file says that
    /// this is an earlier version.
    fn add_unreadable(&mut self, key: &Key, error: &anyhow::Error, versions: &BTreeMap<String, u64>) {
        let name = key.as_str().rsplit_once('/');
        let number = name.and_then(|(_, file)| file.strip_suffix(".json")?.parse::<u64>().ok());
        let current = name.and_then(|(folder, _)| versions.get(folder));
        let is_earlier = number.zip(current).is_some_and(|(number, current)| number < *current);
        if is_earlier && error.downcast_ref::<Foreign>().is_some() {
            let text = format!("{error:#}; until then, the tenant cannot be rolled back to it");
            self.notes.push(Problem { file: key.to_string(), tenant: None, text });
        } else {
            self.add(key, None, format!("{error:#}"));
        }
    }

    fn add(&mut self, key: &Key, tenant: Option<&String>, text: String) {
        self.problems.push(Problem { file: key.to_string(), tenant: tenant.cloned(), text });
    }
}

/// The reasons why the bootstrap would reject a tenant with this record now.
pub(super) fn problems_of(files: &impl Files, store: &Store, record: &Record) -> Vec<String> {
    let mut problems = Vec::new();
    let expected = Expected { tenant: &record.tenant, store: &store.name, seen: 0, now: now() };
    problems.extend(record.check(expected).err().map(|error| error.to_string()));
    let Some(handler) = &record.handler else { return problems };
    problems.extend(store.policy(&handler.settings).err().into_iter().flat_map(|error| error.0));
    if let Code::Script(_) = handler.code
        && let Err(error) = expect_engine(store)
    {
        problems.push(error.to_string());
    }
    for (key, digest, most) in files_of(handler) {
        match files.read(&key, most) {
            Ok(Some(content)) if Digest::of(&content) == *digest => {
                problems.extend(not_a_script(handler, &key, &content));
            }
            Ok(Some(_)) => problems.push(format!("{key}: the file has another digest")),
            Ok(None) => problems.push(format!("{key}: the file is missing")),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    problems
}

/// Why the object of a script is none, although its digest is right.
fn not_a_script(handler: &Handler, key: &Key, object: &[u8]) -> Option<String> {
    match &handler.code {
        Code::Component(_) => None,
        Code::Script(digest) => {
            let error = object::read(digest.as_str(), object).err()?;
            Some(format!("{key}: this is not a script: {error}"))
        }
    }
}

/// The records in the history of all tenants: those of a tenant in the order of their versions.
pub(super) fn history(
    files: &impl Files,
    store: &Store,
) -> anyhow::Result<Vec<(Key, anyhow::Result<Record>)>> {
    let mut all = Vec::new();
    for found in files.list(HISTORY)?.into_iter().filter(|found| !found.is_unfinished()) {
        let Some(file) = files.read(&found.key, MAX_ENVELOPE).transpose() else { continue };
        let record = file.and_then(|file| read(&file, store)).and_then(|record| {
            let is_here = Key::earlier(&record.tenant, record.version) == found.key;
            if is_here { Ok(record) } else { Err(anyhow!("it is another record")) }
        });
        all.push((found.key, record));
    }
    Ok(all)
}

/// The record in a file that cannot be used, if nobody has damaged the file: what it refers to is kept.
pub(super) fn kept(files: &impl Files, key: &Key) -> Option<Record> {
    let record = unverified(&files.read(key, MAX_ENVELOPE).ok()??)?;
    let places = [Key::record(&record.tenant), Key::earlier(&record.tenant, record.version)];
    places.contains(key).then_some(record)
}

/// The files that no record refers to, and those that a writer has not finished.
pub(super) fn leftovers(files: &impl Files, references: &References) -> anyhow::Result<Vec<Found>> {
    let mut leftovers = Vec::new();
    for folder in [COMPONENTS, NATIVE, SCRIPTS] {
        leftovers.extend(files.list(folder)?.into_iter().filter(|found| !references.contain(&found.key)));
    }
    for folder in [TENANTS, HISTORY] {
        leftovers.extend(files.list(folder)?.into_iter().filter(Found::is_unfinished));
    }
    Ok(leftovers)
}
