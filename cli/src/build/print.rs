//! Prints the result of a build, for people and as JSON.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::sandbox::component;
use bulkhead_host::script;
use bulkhead_host::text::printable::{Shown as _, line};
use bulkhead_host::wasm::{Description, Kind};
use bytesize::ByteSize;
use serde::Serialize;

use super::task_root::TaskRoot;
use crate::check::{Denied, Summary};
use crate::table::{Align, Table};
use crate::worlds;

/// The result of a build.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    task_root: PathBuf,
    components: Vec<Built>,
    /// The scripts of handlers.
    scripts: Vec<Script>,
    /// How many other scripts the tenants have.
    scripts_of_tenants: usize,
    /// Mistakes for which the bootstrap would reject the task root.
    pub(super) mistakes: Vec<String>,
    warnings: Vec<String>,
}

/// One component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Built {
    /// The path, relative to the task root.
    file: PathBuf,
    bytes: u64,
    /// The kind of component. `None` if it is of no such kind.
    kind: Option<&'static str>,
    /// The handlers of this component. It may be that the bootstrap would reject them.
    handlers: Vec<String>,
    /// The imports that fail under the current policy.
    denied: Vec<Denied>,
}

/// One script.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Script {
    /// The path of its entry, relative to the task root.
    file: PathBuf,
    /// The number of its files, and their size.
    files: usize,
    bytes: u64,
    /// The handlers whose source it is.
    handlers: Vec<String>,
}

impl Script {
    /// The script with this entry. One that cannot be read is among the mistakes.
    fn of(root: &TaskRoot, manifest: &Manifest, place: &Arc<Path>) -> Option<Self> {
        let script = script::read(&root.shown, place).ok()?;
        let bytes = script.files().iter().map(|file| file.content.len()).sum::<usize>();
        let handlers = manifest.handlers.iter().filter(|handler| handler.script.as_ref() == Some(place));
        Some(Self {
            file: place.to_path_buf(),
            files: script.files().len(),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            handlers: handlers.map(|handler| handler.name.clone()).collect(),
        })
    }
}

impl Report {
    pub(super) fn new(root: &TaskRoot, manifest: &Manifest, mut summary: Summary) -> anyhow::Result<Self> {
        let mut built = |file: &PathBuf| {
            let path = root.shown.join(file);
            let bytes =
                std::fs::metadata(&path).with_context(|| format!("{} cannot be read", path.shown()))?.len();
            let (mut kind, mut handlers, mut denied) = (None, Vec::new(), Vec::new());
            // The handler's file is the native code of an earlier build, if there is some.
            for handler in
                summary.handlers.extract_if(.., |handler| handler.file.with_extension("wasm") == path)
            {
                kind = kind.or(handler.kind);
                handlers.push(handler.name);
                denied.extend(handler.denied);
            }
            // Those that the bootstrap would reject.
            let listed = manifest.handlers.iter().filter(|handler| handler.source == *file);
            let rejected = listed.filter(|handler| !handlers.contains(&handler.name));
            let rejected: Vec<String> = rejected.map(|handler| handler.name.clone()).collect();
            handlers.extend(rejected);
            let kind = kind.or_else(|| kind_of(&path));
            Ok(Built { file: file.clone(), bytes, kind, handlers, denied })
        };
        let components = root.components().iter().map(&mut built).collect::<anyhow::Result<_>>()?;
        let of_handlers = manifest.handlers.iter().filter_map(|handler| handler.script.as_ref());
        let of_handlers: BTreeSet<_> = of_handlers.collect();
        let all: BTreeSet<_> = manifest.scripts().collect();
        Ok(Self {
            task_root: root.shown.clone(),
            components,
            scripts: of_handlers.iter().filter_map(|place| Script::of(root, manifest, place)).collect(),
            scripts_of_tenants: all.difference(&of_handlers).count(),
            mistakes: summary.mistakes,
            warnings: summary.warnings,
        })
    }
}

/// The kind of a component that no handler runs, or that the bootstrap would reject.
fn kind_of(file: &Path) -> Option<&'static str> {
    let bytes = component::read(file).ok()?;
    let ready = worlds::ready(&bytes, file).ok()?;
    Kind::of(&Description::read(&ready)?.exports).ok().map(Kind::name)
}

pub(super) fn text(report: &Report) -> String {
    let mut table = Table::new(2, [Align::Left, Align::Left, Align::Right, Align::Left]);
    table.row([
        if report.components.is_empty() { "script" } else { "component" },
        "kind",
        "size",
        "handlers",
    ]);
    for built in &report.components {
        table.row([
            built.file.shown(),
            built.kind.unwrap_or("not known").to_owned(),
            ByteSize(built.bytes).display().iec().to_string(),
            if built.handlers.is_empty() { "none".to_owned() } else { built.handlers.join(", ") },
        ]);
    }
    for script in &report.scripts {
        let kind =
            if script.files == 1 { "script".to_owned() } else { format!("script, {} files", script.files) };
        let size = ByteSize(script.bytes).display().iec().to_string();
        table.row([script.file.shown(), kind, size, script.handlers.join(", ")]);
    }
    let mut text = format!("{}\n{table}", report.task_root.shown());
    if report.scripts_of_tenants > 0 {
        text += &format!("scripts of tenants: {}\n", report.scripts_of_tenants);
    }
    for denied in report.components.iter().flat_map(|built| &built.denied) {
        text += &format!("note: {}\n", line(&denied.text));
    }
    for warning in &report.warnings {
        text += &format!("warning: {}\n", line(warning));
    }
    for mistake in &report.mistakes {
        text += &format!("mistake: {}\n", line(mistake));
    }
    text
}
