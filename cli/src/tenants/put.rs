//! `bulkhead tenants put`: puts a tenant into the store, or changes it.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::engine::Target;
use bulkhead_host::policy::Policy;
use bulkhead_host::policy::manifest::store::Settings;
use bulkhead_host::store::Handler;
use bulkhead_host::text::printable::Shown as _;
use clap::Args;

use super::change::{Change, Changing};
use super::code::Code;
use super::compile::{Compiled, compile, preinitialised, targets};
use super::diff;
use super::publish::Draft;
use super::script;
use crate::compile::parse_target;
use crate::preinit;

/// Put a tenant into the store, or change it: compile its component or check its script, check what it asks for, and sign its
/// record.
///
/// A script is the file that --script names, with the other files in its folder and below, as in a package. It runs in the
/// engine of the package, so `scripts = true` has to be in [store] of bulkhead.toml.
///
/// Example: bulkhead tenants put acme --component acme.wasm --settings acme.toml --key store.pem
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Its component
    #[arg(long, value_name = "FILE.wasm", required_unless_present = "script", conflicts_with = "script")]
    component: Option<PathBuf>,
    /// The entry of its script, in place of a component
    #[arg(long, value_name = "FILE.js", conflicts_with = "target")]
    script: Option<PathBuf>,
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
        let (handler, code) = self.handler(&changing, settings)?;
        let draft = || Ok(Draft { handler: Some(handler.clone()), code: Rc::clone(&code) });
        if self.dry_run {
            let (current, next) = changing.prepared(|_| draft())?;
            return diff::print(current.as_ref(), &next, self.change.json);
        }
        changing.publish("put", |_| draft())
    }

    /// What handles the events of the tenant, and its files.
    fn handler(&self, changing: &Changing<'_>, settings: Settings) -> anyhow::Result<(Handler, Rc<Code>)> {
        let opened = &changing.opened;
        let policy = opened.settings.policy(&settings).with_context(|| match &self.settings {
            Some(file) => file.shown(),
            None => "the tenant asks for nothing, and the store does not allow even that".to_owned(),
        })?;
        match (&self.component, &self.script) {
            (_, Some(entry)) => {
                ensure!(
                    !self.preinit.is_asked(),
                    "--preinit is for components; the engine of scripts is preinitialised already, so leave it out"
                );
                script::expect_engine(&opened.settings)?;
                let checked = script::checked(entry, &opened.root, &policy)?;
                Ok((checked.handler(settings), checked.code))
            }
            (Some(component), None) => {
                let compiled = self.compiled(component, &policy)?;
                Ok((compiled.handler(settings), compiled.code))
            }
            (None, None) => bail!("pass --component or --script"),
        }
    }

    fn compiled(&self, component: &Path, policy: &Policy) -> anyhow::Result<Compiled> {
        let targets = targets(&self.target)?;
        if !self.preinit.is_asked() {
            return compile(component, &targets, policy);
        }
        // The store has the component as its init function has left it, so `recompile` need not run that again.
        let folder = tempfile::tempdir()?;
        compile(&preinitialised(component, &self.preinit, folder.path())?, &targets, policy)
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
