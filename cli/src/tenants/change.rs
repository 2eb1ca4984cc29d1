//! `bulkhead tenants rollback`, `rm` and `recompile`: records that are made from records.

use anyhow::{bail, ensure};
use bulkhead_host::engine::{BUILD, Target};
use bulkhead_host::policy::manifest::Store;
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::{Handler, MAX_ENVELOPE, Native, Record};
use clap::Args;
use serde_json::json;

use super::compile::{compile, fetched, targets};
use super::contents::{State, records};
use super::files::{Files, StoreFiles};
use super::publish::{Publisher, read, versions};
use super::put::report;
use super::{Opened, Place, Signer, missing, named, print, tenant_id};
use crate::compile::parse_target;
use crate::output::{self, tell};

/// The number of builds whose native code a record keeps: the new one, and those of bootstraps that still run.
const BUILDS: usize = 3;

/// Give a tenant the component and the settings of an earlier version, under a new version.
///
/// Example: bulkhead tenants rollback acme --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The id of the tenant
    #[arg(value_name = "ID", value_parser = tenant_id)]
    tenant: String,
    /// The version to go back to [default: the one before the current one]
    #[arg(long, value_name = "VERSION")]
    to: Option<u64>,
    /// Fail with exit code 3 unless the tenant has this version
    #[arg(long, value_name = "VERSION")]
    expect_version: Option<u64>,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    place: Place,
    /// Print JSON: the new record
    #[arg(long)]
    json: bool,
}

/// Remove a tenant. Its next event is an event of an unknown tenant.
///
/// A record without a handler stays, so that nobody can bring back an earlier record of the tenant.
///
/// Example: bulkhead tenants rm acme --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The id of the tenant
    #[arg(value_name = "ID", value_parser = tenant_id)]
    tenant: String,
    /// Fail with exit code 3 unless the tenant has this version
    #[arg(long, value_name = "VERSION")]
    expect_version: Option<u64>,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    place: Place,
    /// Print JSON: the new record
    #[arg(long)]
    json: bool,
}

/// Compile the components of all tenants for this version of Bulkhead, and sign their records anew.
///
/// Do this with the command of a new release before you deploy the bootstrap of that release. The native code for the
/// bootstraps that still run is kept.
///
/// Example: bulkhead tenants recompile --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Recompile {
    /// The processors: x86_64, or aarch64 (arm64 in Lambda); may be repeated [default: those that a tenant's record has]
    #[arg(long, value_parser = parse_target)]
    target: Vec<Target>,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Rollback {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let key = self.signer.key(&opened.settings)?;
        let publisher = opened.publisher(&key, &self.signer);
        let record = publisher.publish(&self.tenant, self.expect_version, |current| {
            let Some(current) = current else { bail!("{}", missing(&self.tenant)) };
            let earlier = earlier(&opened, &self.tenant, current, self.to)?;
            let Some(handler) = earlier.handler else {
                bail!(
                    "version {} of {} is its removal; choose another one with --to",
                    earlier.version,
                    named(&self.tenant)
                );
            };
            // The store may have become narrower since.
            opened.settings.policy(&handler.settings)?;
            Ok(Some(handler))
        })?;
        report(&record, "rolled back", self.json)
    }
}

/// An earlier record of a tenant: this version, or the one before the current one.
fn earlier(opened: &Opened, tenant: &str, current: &Record, asked: Option<u64>) -> anyhow::Result<Record> {
    let Opened { settings, files } = opened;
    let known: Vec<u64> =
        versions(files, tenant)?.into_iter().filter(|version| *version < current.version).collect();
    let version = asked.or_else(|| known.last().copied());
    let Some(version) = version else { bail!("{} has no earlier version", named(tenant)) };
    earlier_record(files, settings, tenant, version)?.ok_or_else(|| {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{} has no earlier version {version}; there are {}", named(tenant), known.join(", "))
    })
}

/// A version in the history of a tenant.
pub(super) fn earlier_record(
    files: &StoreFiles,
    store: &Store,
    tenant: &str,
    version: u64,
) -> anyhow::Result<Option<Record>> {
    let key = Key::earlier(tenant, version);
    let Some(file) = files.read(&key, MAX_ENVELOPE)? else { return Ok(None) };
    let record = read(&file, store)?;
    ensure!(record.tenant == tenant && record.version == version, "{key}: this is another record");
    Ok(Some(record))
}

impl Rm {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let key = self.signer.key(&opened.settings)?;
        let publisher = opened.publisher(&key, &self.signer);
        let record = publisher.publish(&self.tenant, self.expect_version, |current| match current {
            Some(Record { handler: Some(_), .. }) => Ok(None),
            Some(Record { handler: None, .. }) => bail!("{} is removed already", named(&self.tenant)),
            None => bail!("{}", missing(&self.tenant)),
        })?;
        report(&record, "removed", self.json)
    }
}

impl Recompile {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let key = self.signer.key(&opened.settings)?;
        let publisher = opened.publisher(&key, &self.signer);
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for entry in records(&opened.files, &opened.settings)? {
            let record = match entry.record {
                Ok(record) => record,
                Err(error) => {
                    failed.push(format!("{}: {error}", entry.key));
                    continue;
                }
            };
            let handler = match record.handler {
                Some(handler) if State::of(&record.expires) == State::Valid => handler,
                Some(_) | None => continue,
            };
            match self.tenant(&publisher, &record.tenant, &handler) {
                Ok(record) => done.push(record),
                Err(error) => failed.push(format!("{}: {error:#}", named(&record.tenant))),
            }
        }
        self.report(&done, &failed)
    }

    fn tenant(
        &self,
        publisher: &Publisher<'_, StoreFiles>,
        tenant: &str,
        handler: &Handler,
    ) -> anyhow::Result<Record> {
        let asked = match self.target.as_slice() {
            [] => handler.native.iter().filter_map(|native| Target::parse(&native.target)).collect(),
            asked => asked.to_vec(),
        };
        let policy = publisher.store.policy(&handler.settings)?;
        let folder = tempfile::tempdir()?;
        let file = fetched(publisher.files, &handler.component, folder.path())?;
        let code = compile(&file, &targets(&asked)?, &policy)?;
        code.write(publisher.files)?;
        publisher.publish(tenant, None, |current| {
            let current = current.and_then(|current| current.handler.clone());
            match current {
                Some(current) if current.component == handler.component => {
                    let native = merged(&code.described(), &current.native);
                    Ok(Some(Handler { native, ..current }))
                }
                // It was put again or removed in between.
                current => Ok(current),
            }
        })
    }

    fn report(&self, done: &[Record], failed: &[String]) -> anyhow::Result<()> {
        if self.json {
            output::print_json(&json!({ "build": BUILD, "records": done, "failed": failed }))?;
        } else {
            done.iter().for_each(|record| tell(&format!("compiled {}", print::line(record))));
            failed.iter().for_each(|text| tell(text));
            tell(&format!("compiled {} tenants for {BUILD}; {} failed", done.len(), failed.len()));
        }
        ensure!(failed.is_empty(), "{} tenants cannot be compiled", failed.len());
        Ok(())
    }
}

/// The new native code, and that of the builds before it.
fn merged(new: &[Native], before: &[Native]) -> Vec<Native> {
    let mut merged = new.to_vec();
    let mut builds = vec![BUILD.to_owned()];
    for native in before {
        let is_new = new.iter().any(|new| new.target == native.target && new.build == native.build);
        if !builds.contains(&native.build) {
            builds.push(native.build.clone());
        }
        if !is_new && builds.iter().take(BUILDS).any(|build| *build == native.build) {
            merged.push(native.clone());
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use bulkhead_host::store::Digest;

    use super::*;

    #[test]
    fn the_code_of_the_builds_before_is_kept_for_a_while() {
        let native = |target: &str, build: &str, code: &str| Native {
            target: target.to_owned(),
            build: build.to_owned(),
            digest: Digest::of(code.as_bytes()),
            bytes: 1,
        };
        let new = [native("x86_64", BUILD, "new")];
        let before = [
            native("x86_64", BUILD, "old"),
            native("aarch64", BUILD, "other"),
            native("x86_64", "3", "3"),
            native("x86_64", "2", "2"),
            native("aarch64", "2", "2a"),
            native("x86_64", "1", "1"),
        ];
        let merged = merged(&new, &before);
        let kept =
            [new[0].clone(), before[1].clone(), before[2].clone(), before[3].clone(), before[4].clone()];
        assert_eq!(merged, kept);
    }
}
