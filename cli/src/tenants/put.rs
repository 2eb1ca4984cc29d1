//! `bulkhead tenants put`: puts a tenant into the store, or changes it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use bulkhead_host::engine::Target;
use bulkhead_host::policy::manifest::store::Settings;
use bulkhead_host::store::{Handler, Record};
use bulkhead_host::text::printable::Shown as _;
use clap::Args;

use super::compile::{compile, targets};
use super::{Place, Signer, print, tenant_id};
use crate::compile::parse_target;
use crate::number;
use crate::output::{self, tell};

/// Put a tenant into the store, or change it: compile its component, check what it asks for, and sign its record.
///
/// Example: bulkhead tenants put acme --component acme.wasm --settings acme.toml --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The id of the tenant
    #[arg(value_name = "ID", value_parser = tenant_id)]
    tenant: String,
    /// Its component
    #[arg(long, value_name = "FILE.wasm")]
    component: PathBuf,
    /// A file with the limits and grants that it asks for, in TOML: [limits], [grants], reuse, other_events and
    /// invoke_mode, as for a handler [default: those of [limits], and no grants]
    #[arg(long, value_name = "FILE.toml")]
    settings: Option<PathBuf>,
    /// The processors of the functions that read the store: x86_64, or aarch64 (arm64 in Lambda); may be repeated
    /// [default: this machine's]
    #[arg(long, value_parser = parse_target)]
    target: Vec<Target>,
    /// Fail with exit code 3 unless the tenant has this version; 0 is a tenant that is not there
    #[arg(long, value_name = "VERSION", value_parser = number::version)]
    expect_version: Option<u64>,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    place: Place,
    /// Print JSON: the record
    #[arg(long)]
    json: bool,
}

impl Put {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let key = self.signer.key(&opened.settings)?;
        let settings = self.settings()?;
        let policy = opened.settings.policy(&settings).with_context(|| match &self.settings {
            Some(file) => file.shown(),
            None => "the tenant asks for nothing, and the store does not allow even that".to_owned(),
        })?;
        let code = compile(&self.component, &targets(&self.target)?, &policy)?;
        code.write(&opened.files)?;
        let handler = Handler {
            component: code.digest.clone(),
            kind: code.kind.name().to_owned(),
            settings,
            native: code.described(),
        };
        let publisher = opened.publisher(&key, &self.signer);
        let record = publisher.publish(&self.tenant, self.expect_version, |_| Ok(Some(handler.clone())))?;
        report(&record, "put", self.json)
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let Some(file) = &self.settings else { return Ok(Settings::default()) };
        let text = std::fs::read_to_string(file).with_context(|| file.shown())?;
        Settings::parse(&text).or_else(|mistakes| {
            let lines: Vec<String> =
                mistakes.iter().map(|mistake| format!("{}:{mistake}", file.shown())).collect();
            bail!("{}", lines.join("\n"))
        })
    }
}

/// Reports a record that was written.
pub(super) fn report(record: &Record, what: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return output::print_json(record);
    }
    tell(&format!("{what} {}", print::line(record)));
    Ok(())
}
