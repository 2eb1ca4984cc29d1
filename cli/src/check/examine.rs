//! Examines one task root: its manifest, its components and its policies become a report.

use std::path::Path;

use bulkhead_host::dispatch::catalog;
use bulkhead_host::policy::manifest::{self, FILE, Manifest, ManifestError, UnknownTenant};
use bulkhead_host::text::printable::Shown as _;

use super::components::{ComponentLoader, certificates};
use super::credentials::Credential;
use super::idle;
use super::imports;
use super::policies::{directories, groups, store};
use super::report::{Checked, Component, Finding, Handler, Report};
use super::scripts::{missing_engine, mistakes_of_scripts, mistakes_of_syntax, wrong_engine};
use crate::local::secrets;
use crate::output::Progress;
use crate::{handlers, suggest};

/// Examines a task root. `asked` is the value of `_HANDLER`, if it decides which handler is the function's.
pub(super) fn examine(root: &Path, asked: Option<&str>) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut manifest = match Manifest::read(root) {
        Ok(manifest) => {
            report.manifest = manifest.is_some().then(|| root.join(FILE));
            manifest.unwrap_or_default()
        }
        Err(ManifestError::Mistakes { path, mistakes }) => {
            report.mistakes = mistakes.into_iter().map(|mistake| Finding::at(&path, mistake)).collect();
            report.manifest = Some(path);
            return Ok(report);
        }
        Err(error @ ManifestError::Read { .. }) => return Err(error.into()),
    };
    let mut loader = ComponentLoader::of(root);
    report.mistakes.extend(certificates(root, &manifest.extra_ca_certificates));
    report.warnings.extend(idle::of_manifest(root, &manifest));
    report.mistakes.extend(mistakes_of_scripts(root, &manifest).into_iter().map(Finding::of));
    report.mistakes.extend(missing_engine(root, &manifest).map(Finding::of));
    // They are not for Lambda.
    report.warnings.extend(secrets::values(root, &manifest).err().map(|error| format!("{error:#}")));
    let mut loaded = Vec::new();
    let progress = Progress::of(&format!("checking {}", root.shown()));
    if manifest.has_only_handler() {
        let (handlers, components) = unnamed(&manifest, asked, &mut loader, &mut report)?;
        manifest.handlers = handlers;
        loaded = components;
    } else {
        own_handler(&manifest, asked, &mut report);
        for (at, handler) in manifest.handlers.iter().enumerate() {
            progress.tell(&format!("checking {} ({} of {})", handler.name, at + 1, manifest.handlers.len()));
            let component = loader.named(handler)?;
            loaded.push(component.map_err(|text| report.mistakes.push(Finding::of(text))).ok());
        }
    }
    report.mistakes.extend(mistakes_of_syntax(root, &manifest, &loader)?.into_iter().map(Finding::of));
    let imports = imports::of_scripts(root, &manifest);
    report.mistakes.extend(imports.mistakes.into_iter().map(Finding::of));
    report.warnings.extend(imports.warnings);
    drop(progress);
    for (at, component) in loaded.into_iter().enumerate() {
        handler(root, &manifest, at, component, &mut report);
    }
    report.tenants = manifest.tenants.len();
    report.store = manifest.store.as_ref().map(store);
    report.credentials =
        manifest.granted_credentials().values().map(|credential| Credential::of(credential)).collect();
    Ok(report)
}

/// The handlers of a task root whose manifest names none, and their components: the handler that
/// `_HANDLER` names, or the only component. Without `_HANDLER`, all of several components.
fn unnamed(
    manifest: &Manifest,
    asked: Option<&str>,
    loader: &mut ComponentLoader,
    report: &mut Report,
) -> anyhow::Result<(Vec<manifest::Handler>, Vec<Option<Component>>)> {
    let mut names = vec![asked.map(str::to_owned)];
    if let Some(asked) = asked
        && !handlers::is_there(loader.root(), manifest, asked)?
    {
        report.mistakes.push(Finding::of(handlers::missing(loader.root(), manifest, asked)?));
        return Ok((Vec::new(), Vec::new()));
    }
    // A folder that cannot be read is reported below.
    let there = catalog::components(loader.root()).unwrap_or_default();
    if asked.is_none() && there.len() > 1 {
        report.mistakes.push(Finding::of(handlers::several(loader.root(), &there)));
        names = there.into_iter().map(Some).collect();
    }
    let (mut handlers, mut components) = (Vec::new(), Vec::new());
    for name in names {
        match loader.only(manifest, name.as_deref())? {
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
fn own_handler(manifest: &Manifest, asked: Option<&str>, report: &mut Report) {
    let names: Vec<&str> = manifest.handlers.iter().map(|handler| handler.name.as_str()).collect();
    let decides = !manifest.has_tenants() && manifest.routing.unknown_tenant == UnknownTenant::Reject;
    if !decides || names.len() == 1 {
        return;
    }
    let known = names.join(", ");
    match asked {
        None => report.warnings.push(format!(
            "there are no tenants and no unknown_tenant, so _HANDLER decides which handler gets the events; it must \
             be one of {known}"
        )),
        Some(asked) if !names.contains(&asked) => {
            report.mistakes.push(Finding::of(suggest::missing("handler", asked, &names)));
        }
        Some(_) => {}
    }
}

/// Adds the findings about one handler.
fn handler(root: &Path, manifest: &Manifest, at: usize, component: Option<Component>, report: &mut Report) {
    let Some(handler) = manifest.handlers.get(at) else { return };
    // An engine imports what any script may use, which says nothing about this one.
    let imports = component.as_ref().filter(|_| handler.script.is_none());
    let imports = imports.map_or(&[][..], |component| &component.imports);
    let groups = groups(manifest, at);
    if groups.iter().all(|group| group.events.is_none() && group.tenants.is_empty()) {
        report.warnings.push(format!(
            "the handler {} gets no events: it has no tenant, and it is not routing.unknown_tenant",
            handler.name
        ));
    }
    for group in &groups {
        let owner = match group.tenants.first() {
            Some(id) if group.policy.limits != handler.policy.limits => format!("tenants.{id}"),
            Some(_) | None => group.policy.owner().to_owned(),
        };
        for warning in idle::of_policy(root, &owner, group.policy, &manifest.default) {
            report.warn_once(warning);
        }
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
        report.warnings.extend(idle::of_kind(handler, component.kind));
        report.warnings.extend(wrong_engine(handler, component));
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
        script: handler.script.as_ref().map(|place| root.join(place)),
        policies: groups.iter().map(|group| group.report(&handler.policy, imports)).collect(),
        component,
    });
}
