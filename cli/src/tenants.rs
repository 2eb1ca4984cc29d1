//! `bulkhead tenants`: puts tenants into a store, changes and removes them, and looks after the store.
//!
//! `publish` is the only place that changes a tenant: every change is a new signed record. `history` knows the records
//! before it, and `files` reads and writes the store.

mod apart;
mod aws;
mod change;
mod clean;
mod code;
mod compile;
mod contents;
mod diff;
mod files;
#[cfg(test)]
mod fixture;
mod history;
mod lookup;
mod print;
mod publish;
mod put;
mod recompile;
mod repair;
mod resign;
mod script;
mod show;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use bulkhead_host::policy::ProcessVars;
use bulkhead_host::policy::manifest::store::StoreUrl;
use bulkhead_host::policy::manifest::{self, FILE, Manifest, Store};
use bulkhead_host::store::key::SigningKey;
use bulkhead_host::text::printable::{Shown as _, name};
use bulkhead_host::tls::ExtraRoots;
use clap::{Args, Subcommand};

use crate::build::PLACE;
use crate::keygen;
use crate::number;
pub(crate) use apart::{answer, asked};
use files::{Folder, StoreFiles};
pub(crate) use lookup::{Listed, Lister, policy_of};
use publish::Publisher;

/// Another writer has changed the tenant at the same time, or its version is not the expected one.
const CONFLICT: u8 = 3;

/// Put tenants into the store of a function, change and remove them, without a deployment.
///
/// The store is the one in [store] of bulkhead.toml: a directory or a bucket with a signed record for each tenant. The next
/// event of a tenant is served under its new record. Exit codes: 0 for success, 1 if the command failed or `verify` found
/// mistakes, 2 for wrong arguments, 3 if somebody else has changed the tenant.
///
/// Example: bulkhead tenants put acme --component acme.wasm --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Tenants {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Put(put::Put),
    List(contents::List),
    Show(show::Show),
    Diff(diff::Diff),
    Rollback(change::Rollback),
    Rm(change::Rm),
    Repair(repair::Repair),
    Verify(verify::Verify),
    Gc(clean::Gc),
    Recompile(recompile::Recompile),
    Resign(resign::Resign),
}

impl Tenants {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let done = match self.command {
            Command::Put(put) => put.run(),
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Diff(diff) => diff.run(),
            Command::Rollback(rollback) => rollback.run(),
            Command::Rm(rm) => rm.run(),
            Command::Repair(repair) => repair.run(),
            Command::Verify(verify) => return verify.run(),
            Command::Gc(gc) => gc.run(),
            Command::Recompile(recompile) => recompile.run(),
            Command::Resign(resign) => resign.run(),
        };
        match done {
            Err(error) if error.downcast_ref::<publish::Conflict>().is_some() => {
                crate::output::tell(&format!("bulkhead: {error:#}"));
                Ok(ExitCode::from(CONFLICT))
            }
            done => done.map(|()| ExitCode::SUCCESS),
        }
    }
}

/// Where the store is.
#[derive(Debug, Clone, Args)]
struct Place {
    /// The folder with bulkhead.toml, whose [store] is meant [default: . or target/bulkhead]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The directory or the bucket of the store, if it is another one here than in bulkhead.toml: file:// or s3://
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// The server of the bucket, if it is not that of AWS [default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url]
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
}

/// The key that signs.
#[derive(Debug, Clone, Args)]
struct KeyFile {
    /// The private key that signs the record, as `bulkhead keygen` makes it
    #[arg(long = "key", value_name = "FILE.pem")]
    path: PathBuf,
}

/// Who signs a change, and for how long it is valid.
#[derive(Debug, Clone, Args)]
struct Signer {
    #[command(flatten)]
    key: KeyFile,
    /// How long the record is valid, such as 30days
    #[arg(long, value_name = "TIME", default_value = "365days", value_parser = number::time("30days"))]
    valid_for: Duration,
}

/// A store that is open.
#[derive(Debug)]
struct Opened {
    settings: Store,
    files: StoreFiles,
    /// The folder of `bulkhead.toml`.
    root: PathBuf,
}

impl Place {
    fn open(&self) -> anyhow::Result<Opened> {
        let root = self.root.clone().unwrap_or_else(|| {
            let here = PathBuf::from(".");
            if here.join(FILE).is_file() { here } else { PLACE.into() }
        });
        let Some(manifest) = Manifest::read(&root)? else {
            bail!(
                "{}: there is no such file; name the folder of {FILE} with --root",
                root.join(FILE).shown()
            );
        };
        let certificates = manifest.extra_ca_certificates;
        let Some(settings) = manifest.store else {
            bail!(
                "{}: there is no [store] in this file; `bulkhead keygen` makes its key",
                root.join(FILE).shown()
            );
        };
        let url = match &self.store {
            Some(url) => StoreUrl::parse(url).map_err(anyhow::Error::msg).context("--store")?,
            None => settings.url.clone(),
        };
        let roots = roots_of(&root, &certificates)?;
        let files = files_of(&settings, &url, self.endpoint_url.as_deref(), roots)?;
        Ok(Opened { settings, files, root })
    }
}

/// The authorities of `extra_ca_certificates`, which are files in the folder of bulkhead.toml. The bootstrap trusts them, too.
pub(crate) fn roots_of(root: &Path, certificates: &[PathBuf]) -> anyhow::Result<ExtraRoots> {
    let mut files = Vec::new();
    for file in certificates {
        let path = root.join(file);
        let pem = std::fs::read(&path).with_context(|| {
            format!("{}: {}", manifest::place_of(root, "outbound", "extra_ca_certificates"), path.shown())
        })?;
        files.push((path, pem));
    }
    Ok(ExtraRoots::read(&files)?)
}

/// The files of a store that is here.
fn files_of(
    store: &Store,
    url: &StoreUrl,
    endpoint_url: Option<&str>,
    roots: ExtraRoots,
) -> anyhow::Result<StoreFiles> {
    Ok(match url {
        StoreUrl::Directory(path) => {
            ensure!(path.is_dir(), "{}: the directory of the store does not exist; create it", path.shown());
            StoreFiles::Folder(Folder::new(path.clone()))
        }
        StoreUrl::Bucket(bucket) => {
            let opened = aws::open(store, bucket, endpoint_url, roots, &ProcessVars);
            StoreFiles::Bucket(Box::new(opened.with_context(|| bucket.to_string())?))
        }
    })
}

impl Opened {
    fn publisher<'a>(
        &'a self,
        key: &'a SigningKey,
        valid_for: Option<Duration>,
    ) -> Publisher<'a, StoreFiles> {
        Publisher { files: &self.files, store: &self.settings, key, now: now(), valid_for }
    }
}

impl KeyFile {
    /// The key, if the bootstrap would accept its signatures.
    fn read(&self, store: &Store) -> anyhow::Result<SigningKey> {
        let key = keygen::read(&self.path)?;
        ensure!(
            store.public_keys.contains(key.public()),
            "{}: `public_keys` of [store] in {FILE} does not contain the public key of this key, {}",
            self.path.shown(),
            key.public()
        );
        Ok(key)
    }
}

/// A valid id of a tenant.
fn tenant_id(id: &str) -> Result<String, String> {
    match id.len() {
        1..=1024 if !id.contains(char::is_control) => Ok(id.to_owned()),
        _ => Err("expected a tenant id of 1 to 1024 bytes, without control characters".to_owned()),
    }
}

/// The time now, as records have it.
fn now() -> SystemTime {
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// `the tenant "acme"`, within a sentence.
fn named(tenant: &str) -> String {
    format!("the tenant \"{}\"", name(tenant))
}

/// A tenant that has no record.
fn missing(tenant: &str) -> String {
    format!("there is no tenant \"{}\" in the store", name(tenant))
}
