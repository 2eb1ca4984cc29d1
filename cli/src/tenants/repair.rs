//! `bulkhead tenants repair`: puts the newest signed version of a tenant into effect.

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::{MAX_ENVELOPE, Record};
use clap::Args;

use super::files::Files;
use super::history::{newest, read};
use super::publish::Conflict;
use super::{Opened, Place, named, print, tenant_id};
use crate::output::{self, tell};

/// Put the newest version in the history of a tenant into effect, if its record is an older one, damaged or missing.
///
/// A writer that died has left such a record, or somebody has changed the store who has no key. The version was signed
/// when it was put, so this needs no key.
///
/// Example: bulkhead tenants repair acme
#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// The id of the tenant
    #[arg(value_name = "ID", value_parser = tenant_id)]
    tenant: String,
    #[command(flatten)]
    place: Place,
    /// Print JSON: the record
    #[arg(long)]
    json: bool,
}

impl Repair {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let (done, record) = self.repaired(&opened)?;
        if self.json {
            return output::print_json(&record);
        }
        tell(&format!("{done} {}", print::line(&record)));
        Ok(())
    }

    fn repaired(&self, opened: &Opened) -> anyhow::Result<(&'static str, Record)> {
        let Opened { settings, files, .. } = opened;
        let key = Key::record(&self.tenant);
        let Some(newest) = newest(files, settings, &self.tenant)? else {
            bail!(
                "the history of {} has no signed version; if {key} is damaged, remove this file, and put the tenant \
                 again",
                named(&self.tenant)
            );
        };
        let file = files.read(&key, MAX_ENVELOPE).context("remove this file, and repair the tenant again")?;
        let current = file.as_deref().and_then(|file| read(file, settings).ok());
        let current = current.filter(|record| record.tenant == self.tenant);
        if let Some(current) =
            current.filter(|current| current.version > newest.record.version || *current == newest.record)
        {
            return Ok(("nothing to repair:", current));
        }
        let is_replaced = files.replace(&key, &newest.file, file.as_deref())?;
        let conflict = || Conflict(format!("{} was changed meanwhile; try again", named(&self.tenant)));
        ensure!(is_replaced, conflict());
        Ok(("repaired", newest.record))
    }
}
