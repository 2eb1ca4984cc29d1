//! `bulkhead tenants put`: puts a tenant into the store, or changes it.

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use bulkhead_host::engine::Target;
use bulkhead_host::policy::manifest::store::Settings;
use bulkhead_host::text::printable::Shown as _;
use clap::Args;

use super::change::{Change, Changing};
use super::compile::{Compiled, compile, preinitialised, targets};
use super::diff;
use super::publish::Draft;
use crate::compile::parse_target;
use crate::preinit;

/// Put a tenant into the store, or change it: compile its component, check what it asks for, and sign its record.
///
/// Example: bulkhead tenants put acme --component acme.wasm --settings acme.toml --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Its component
    #[arg(long, value_name = "FILE.wasm")]
    component: PathBuf,
    /// A file with the limits and grants that it asks for, in TOML: [limits], [grants], [config], reuse, other_events
    /// and invoke_mode, as for a handler [default: those of [limits], and no grants]
    #[arg(long, value_name = "FILE.toml")]
    settings: Option<PathBuf>,
    /// The processors of the functions that read the store: x86_64, or aarch64 (arm64 in Lambda); may be repeated
    /// [default: this machine's]
    #[arg(long, value_parser = parse_target)]
    target: Vec<Target>,
    #[command(flatten)]
    preinit: preinit::Options,
    /// Check and compile everything, show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    change: Change,
}

impl Put {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let changing = self.change.open()?;
        let settings = self.settings()?;
        let compiled = self.compiled(&changing, &settings)?;
        let handler = compiled.handler(settings);
        let draft = || Ok(Draft { handler: Some(handler.clone()), code: Rc::clone(&compiled.code) });
        if self.dry_run {
            let (current, next) = changing.prepared(|_| draft())?;
            return diff::print(current.as_ref(), &next, self.change.json);
        }
        changing.publish("put", |_| draft())
    }

    fn compiled(&self, changing: &Changing<'_>, settings: &Settings) -> anyhow::Result<Compiled> {
        let policy = changing.opened.settings.policy(settings).with_context(|| match &self.settings {
            Some(file) => file.shown(),
            None => "the tenant asks for nothing, and the store does not allow even that".to_owned(),
        })?;
        let targets = targets(&self.target)?;
        if !self.preinit.is_asked() {
            return compile(&self.component, &targets, &policy);
        }
        // The store has the component as its init function has left it, so `recompile` need not run that again.
        let folder = tempfile::tempdir()?;
        compile(&preinitialised(&self.component, &self.preinit, folder.path())?, &targets, &policy)
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
