//! `bulkhead tenants resign`: signs every record with another key as well, so that a key can be replaced.
//!
//! A record stays what it is: it gets one more signature, and no new version. So history and removed tenants survive the
//! key that has signed them, and no environment sees a change.

use anyhow::{bail, ensure};
use bulkhead_host::store::MAX_ENVELOPE;
use bulkhead_host::store::envelope::sign_again;
use bulkhead_host::store::key::SigningKey;
use bulkhead_host::store::layout::{HISTORY, Key, TENANTS};
use clap::Args;
use serde::Serialize;

use super::files::{Files, StoreFiles};
use super::history::read;
use super::{KeyFile, Opened, Place};
use crate::output::{self, tell};

/// The number of times that a record is signed again because it was changed meanwhile.
const ATTEMPTS: usize = 3;

/// Sign all records and their history with another key as well.
///
/// This is a step of replacing a key. `public_keys` of [store] has both keys meanwhile. Records keep their version, and are
/// valid for as long as before. Run it again if somebody has published with the old key since.
///
/// Example: bulkhead tenants resign --key new.pem
#[derive(Debug, Args)]
pub(crate) struct Resign {
    #[command(flatten)]
    key: KeyFile,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Resigned {
    /// Files that have one more signature now.
    signed: usize,
    /// Files that had it before.
    unchanged: usize,
    /// Files that cannot be signed, and why.
    failed: Vec<String>,
}

impl Resign {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let key = self.key.read(&opened.settings)?;
        let done = resigned(&opened, &key)?;
        if self.json {
            output::print_json(&done)?;
        } else {
            done.failed.iter().for_each(|text| tell(text));
            let Resigned { signed, unchanged, failed } = &done;
            tell(&format!(
                "signed {signed} files with {}; {unchanged} were signed with it before, {} failed",
                key.public(),
                failed.len()
            ));
        }
        ensure!(done.failed.is_empty(), "{} files cannot be signed", done.failed.len());
        Ok(())
    }
}

fn resigned(opened: &Opened, key: &SigningKey) -> anyhow::Result<Resigned> {
    let mut done = Resigned::default();
    // The history comes first, as it does for every writer.
    for folder in [HISTORY, TENANTS] {
        for found in opened.files.list(folder)?.into_iter().filter(|found| !found.is_unfinished()) {
            match resign(opened, key, &found.key) {
                Ok(true) => done.signed += 1,
                Ok(false) => done.unchanged += 1,
                Err(error) => done.failed.push(format!("{}: {error:#}", found.key)),
            }
        }
    }
    Ok(done)
}

/// Signs a file. Returns whether it was not signed with this key before.
fn resign(Opened { settings, files, .. }: &Opened, key: &SigningKey, place: &Key) -> anyhow::Result<bool> {
    for _ in 0..ATTEMPTS {
        // It was removed in between.
        let Some(file) = StoreFiles::read(files, place, MAX_ENVELOPE)? else { return Ok(false) };
        read(&file, settings)?;
        let Some(signed) = sign_again(&file, &settings.public_keys, key)? else { return Ok(false) };
        ensure!(
            u64::try_from(signed.len()).is_ok_and(|length| length <= MAX_ENVELOPE),
            "it would have {} bytes, and a record has at most {MAX_ENVELOPE}; put the tenant again",
            signed.len()
        );
        if files.replace(place, &signed, Some(&file))? {
            return Ok(true);
        }
    }
    bail!("it is changed by others all the time; try again")
}
