//! What the commands that change one tenant have in common; and `bulkhead tenants rollback` and `rm`.

use std::rc::Rc;

use anyhow::bail;
use bulkhead_host::store::Record;
use bulkhead_host::store::key::SigningKey;
use clap::Args;

use super::code::Code;
use super::files::StoreFiles;
use super::history::{version, versions};
use super::publish::{Draft, Publisher};
use super::{Opened, Place, Signer, missing, named, print, tenant_id};
use crate::number;
use crate::output::{self, tell};

/// The arguments of a command that changes a tenant.
#[derive(Debug, Args)]
pub(super) struct Change {
    /// The id of the tenant
    #[arg(value_name = "ID", value_parser = tenant_id)]
    tenant: String,
    /// Fail with exit code 3 unless the tenant has this version; 0 is a tenant that is not there
    #[arg(long, value_name = "VERSION", value_parser = number::version)]
    expect_version: Option<u64>,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    place: Place,
    /// Print JSON: the new record
    #[arg(long)]
    pub(super) json: bool,
}

/// A change that is in progress: the store is open, and the key is one that the bootstrap accepts.
#[derive(Debug)]
pub(super) struct Changing<'a> {
    change: &'a Change,
    pub(super) opened: Opened,
    key: SigningKey,
}

impl Change {
    pub(super) fn open(&self) -> anyhow::Result<Changing<'_>> {
        let opened = self.place.open()?;
        let key = self.signer.key.read(&opened.settings)?;
        Ok(Changing { change: self, opened, key })
    }
}

impl Changing<'_> {
    /// Writes the next record of the tenant, and reports it.
    pub(super) fn publish(
        &self,
        done: &str,
        change: impl Fn(Option<&Record>) -> anyhow::Result<Draft>,
    ) -> anyhow::Result<()> {
        let Change { tenant, expect_version, .. } = self.change;
        let record = self.publisher().publish(tenant, *expect_version, change)?;
        if self.change.json {
            return output::print_json(&record);
        }
        tell(&format!("{done} {}", print::line(&record)));
        Ok(())
    }

    /// The current record of the tenant and the next one, which is not written.
    pub(super) fn prepared(
        &self,
        change: impl Fn(Option<&Record>) -> anyhow::Result<Draft>,
    ) -> anyhow::Result<(Option<Record>, Record)> {
        let Change { tenant, expect_version, .. } = self.change;
        let prepared = self.publisher().prepare(tenant, *expect_version, change)?;
        Ok((prepared.current.map(|current| current.record), prepared.next))
    }

    fn publisher(&self) -> Publisher<'_, StoreFiles> {
        self.opened.publisher(&self.key, Some(self.change.signer.valid_for))
    }
}

/// Give a tenant the component and the settings of an earlier version, under a new version.
///
/// Example: bulkhead tenants rollback acme --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The version to go back to [default: the one before the current one]
    #[arg(long, value_name = "VERSION", value_parser = number::version)]
    to: Option<u64>,
    #[command(flatten)]
    change: Change,
}

/// Remove a tenant. Its next event is an event of an unknown tenant.
///
/// A record without a handler stays, so that nobody can bring back an earlier record of the tenant.
///
/// Example: bulkhead tenants rm acme --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Rm {
    #[command(flatten)]
    change: Change,
}

impl Rollback {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let changing = self.change.open()?;
        changing.publish("rolled back", |current| self.draft(&changing.opened, current))
    }

    fn draft(&self, opened: &Opened, current: Option<&Record>) -> anyhow::Result<Draft> {
        let tenant = &self.change.tenant;
        let Some(current) = current else { bail!("{}", missing(tenant)) };
        let earlier = self.earlier(opened, current)?;
        let Some(handler) = earlier.handler else {
            bail!(
                "version {} of {} is its removal; choose another one with --to",
                earlier.version,
                named(tenant)
            );
        };
        // The store may have become narrower since.
        opened.settings.policy(&handler.settings)?;
        let code = Rc::new(Code::fetch(&opened.files, &handler)?);
        Ok(Draft { handler: Some(handler), code })
    }

    /// The version that was asked for, or the one before the current one.
    fn earlier(&self, opened: &Opened, current: &Record) -> anyhow::Result<Record> {
        let Opened { settings, files, .. } = opened;
        let tenant = &self.change.tenant;
        let mut known = versions(files, tenant)?;
        known.retain(|version| *version < current.version);
        let Some(number) = self.to.or_else(|| known.last().copied()) else {
            bail!("{} has no earlier version", named(tenant))
        };
        match version(files, settings, tenant, number)? {
            Some(earlier) => Ok(earlier.record),
            None => {
                let known: Vec<String> = known.iter().map(ToString::to_string).collect();
                bail!("{} has no earlier version {number}; there are {}", named(tenant), known.join(", "))
            }
        }
    }
}

impl Rm {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let tenant = &self.change.tenant;
        self.change.open()?.publish("removed", |current| match current {
            Some(Record { handler: Some(_), .. }) => Ok(Draft::default()),
            Some(Record { handler: None, .. }) => bail!("{} is removed already", named(tenant)),
            None => bail!("{}", missing(tenant)),
        })
    }
}
