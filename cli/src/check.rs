//! `bulkhead check`: shows what the handlers and tenants of a task root may use and reach, and what is wrong,
//! before it is deployed.

mod denied;
mod inspect;
mod listed;
mod policies;
mod print;
mod report;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulkhead_host::dispatch::catalog;
use bulkhead_host::policy::manifest::{self, FILE, Manifest, ManifestError, UnknownTenant};
use bulkhead_host::policy::{InvokeMode, OtherEvents};
use bulkhead_host::text::printable::Shown as _;
use bulkhead_host::wasm::Kind;
use clap::Args;

use crate::output::{self, Progress};
pub(crate) use denied::grant_lines;
use inspect::{Inspector, certificates};
pub(crate) use listed::{Granted, granted, policies_of};
use policies::{directories, groups};
use report::{Checked, Finding, Handler, Report};
pub(crate) use verdict::{Denied, Verdict, verdict};

/// Check bulkhead.toml and its components as the bootstrap would, and show what each tenant may use and
/// reach.
///
/// Every component is loaded with the bootstrap's own code. Everything that the bootstrap would reject is a
/// mistake, even if invalid_handler is "fail_events". Environment variables are shown by name only.
///
/// Example: bulkhead check ./package
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The task root: the directory with bulkhead.toml, or with the only component
    #[arg(value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// The value of _HANDLER, if it decides which handler is the function's
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
    /// Show every limit, including defaults
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A task root has mistakes for which the bootstrap would reject it.
pub(crate) fn mistakes(root: &Path, handler: Option<&str>) -> anyhow::Result<Vec<String>> {
    let check = Check { root: root.to_owned(), handler: handler.map(str::to_owned), all: false, json: false };
    Ok(check.report()?.mistakes.iter().map(ToString::to_string).collect())
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let report = self.report()?;
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(print::text(&report, self.all))?;
        }
        Ok(if report.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn report(&self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        let mut manifest = match Manifest::read(&self.root) {
            Ok(manifest) => {
                report.manifest = manifest.is_some().then(|| self.root.join(FILE));
                manifest.unwrap_or_default()
            }
            Err(ManifestError::Mistakes { path, mistakes }) => {
                report.mistakes = mistakes.into_iter().map(|mistake| Finding::at(&path, mistake)).collect();
                report.manifest = Some(path);
                return Ok(report);
            }
            Err(error @ ManifestError::Read { .. }) => return Err(error.into()),
        };
        let mut inspector = Inspector::of(&self.root);
        report.mistakes.extend(certificates(&self.root, &manifest.extra_ca_certificates));
        let mut loaded = Vec::new();
        let progress = Progress::of(&format!("checking {}", self.root.shown()));
        if manifest.handlers.is_empty() {
            let (handlers, components) = self.unnamed(&manifest, &mut inspector, &mut report)?;
            manifest.handlers = handlers;
            loaded = components;
        } else {
            self.main(&manifest, &mut report);
            for (at, handler) in manifest.handlers.iter().enumerate() {
                progress.tell(&format!(
                    "checking {} ({} of {})",
                    handler.name,
                    at + 1,
                    manifest.handlers.len()
                ));
                let component = inspector.named(handler)?;
                loaded.push(component.map_err(|text| report.mistakes.push(Finding::of(text))).ok());
            }
        }
        drop(progress);
        for (at, component) in loaded.into_iter().enumerate() {
            handler(&self.root, (&manifest, at), component, &mut report);
        }
        report.tenants = manifest.tenants.len();
        Ok(report)
    }

    /// The handlers of a task root whose manifest names none, and their components: the handler that
    /// `_HANDLER` names, or the only component. Without `_HANDLER`, all of several components.
    fn unnamed(
        &self,
        manifest: &Manifest,
        inspector: &mut Inspector,
        report: &mut Report,
    ) -> anyhow::Result<(Vec<manifest::Handler>, Vec<Option<inspect::Component>>)> {
        let mut asked = vec![self.handler.clone()];
        // A folder that cannot be read is reported below.
        let there = catalog::components(&self.root).unwrap_or_default();
        if self.handler.is_none() && there.len() > 1 {
            report.mistakes.push(Finding::of(format!(
                "{} has {}; name one of them with --handler, as _HANDLER would, or all of them in {FILE}",
                self.root.shown(),
                there.join(", ")
            )));
            asked = there.into_iter().map(Some).collect();
        }
        let (mut handlers, mut components) = (Vec::new(), Vec::new());
        for asked in asked {
            match inspector.only(manifest, asked.as_deref())? {
                Ok((handler, component)) => {
                    handlers.push(handler);
                    components.push(Some(component));
                }
                Err(text) => report.mistakes.push(Finding::of(text)),
            }
        }
        Ok((handlers, components))
    }

    /// Reports a mistake if events go to the function's own handler and it is unclear which one that is.
    fn main(&self, manifest: &Manifest, report: &mut Report) {
        let names: Vec<&str> = manifest.handlers.iter().map(|handler| handler.name.as_str()).collect();
        let decides = manifest.tenants.is_empty() && manifest.routing.unknown_tenant == UnknownTenant::Reject;
        if !decides || names.len() == 1 {
            return;
        }
        let known = names.join(", ");
        match &self.handler {
            None => report.warnings.push(format!(
                "there are no tenants and no unknown_tenant, so _HANDLER decides which handler gets the events; it must \
                 be one of {known}"
            )),
            Some(asked) if !names.contains(&asked.as_str()) => {
                report.mistakes.push(Finding::of(format!("_HANDLER is {asked}; it must be one of {known}")));
            }
            Some(_) => {}
        }
    }
}

/// Adds the findings about one handler.
fn handler(
    root: &Path,
    (manifest, at): (&Manifest, usize),
    component: Option<inspect::Component>,
    report: &mut Report,
) {
    let Some(handler) = manifest.handlers.get(at) else { return };
    let imports = component.as_ref().map_or(&[][..], |component| &component.imports);
    let groups = groups(manifest, at);
    if groups.iter().all(|group| group.events.is_none() && group.tenants.is_empty()) {
        report.warnings.push(format!(
            "the handler {} gets no events: it has no tenant, and it is not routing.unknown_tenant",
            handler.name
        ));
    }
    for group in &groups {
        let inherited = &group.policy.grants.inherit_environment;
        if !inherited.is_empty() {
            let names = inherited.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            report.warn_once(format!(
                "{} inherits {names} from the function's environment; the values cannot be checked here",
                handler.name
            ));
        }
        report.mistakes.extend(directories(root, group.policy));
    }
    if let Some(component) = &component {
        report.warnings.extend(component.warnings.iter().cloned());
        report.warnings.extend(idle_settings(handler, component.kind));
        if let Checked::StampOnly { target } = &component.checked {
            report.warnings.push(format!(
                "{} is native code for {target}: its stamp and checksum are valid, but this machine cannot load it",
                component.file.shown()
            ));
        }
    }
    report.mistakes.dedup();
    report.handlers.push(Handler {
        name: handler.name.clone(),
        policies: groups.iter().map(|group| group.report(&handler.policy, imports)).collect(),
        component,
    });
}

/// Warnings about HTTP settings of a handler that is not an HTTP service.
fn idle_settings(handler: &manifest::Handler, kind: Option<Kind>) -> Vec<String> {
    let Some(kind) = kind.filter(|kind| *kind != Kind::Http) else { return Vec::new() };
    let said = [
        ("other_events", handler.policy.other_events != OtherEvents::default()),
        ("invoke_mode", handler.policy.invoke_mode != InvokeMode::default()),
    ];
    let idle = said.into_iter().filter(|(_, is_said)| *is_said);
    idle.map(|(key, _)| {
        format!(
            "handlers.{}.{key} has no effect: it is for HTTP services, and this component is of the kind {}; \
             remove it",
            handler.name,
            kind.name()
        )
    })
    .collect()
}

#[cfg(test)]
mod tests;
