//! Prints the report as text: a block for each handler, narrow enough for most terminals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bulkhead_host::text::printable::{Shown as _, line, name};

use super::credentials;
use super::report::{Change, Checked, Component, Finding, Grant, Limit, Policy, Report, Store};
use crate::label::label;
use crate::preinit::SCRIPT;
use crate::reset;
use crate::table::{Align, Table};

/// Up to this many tenants of one policy are named individually.
const NAMED: usize = 5;
/// The width at which a list of interfaces continues on the next line; it stands beside a column of headings.
const WIDTH: usize = 64;

/// The whole report. Limits at their default are left out unless `all` is set.
pub(super) fn text(report: &Report, all: bool) -> String {
    let mut text = String::new();
    for handler in &report.handlers {
        text += &format!("handler {}\n", name(&handler.name));
        if let Some(script) = &handler.script {
            text += &format!("  script     {}\n", script.shown());
        }
        text += &handler.component.as_ref().map(component).unwrap_or_default();
        handler.policies.iter().for_each(|shown| text += &policy(shown, all));
        text.push('\n');
    }
    text += &report.store.as_ref().map(|shown| store(shown, all)).unwrap_or_default();
    text += &credentials::text(&report.credentials);
    for mistake in &report.mistakes {
        text += &format!("{mistake}\n");
    }
    for warning in &report.warnings {
        text += &format!("warning: {}\n", line(warning));
    }
    text + &summary(report)
}

fn summary(report: &Report) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let manifest = match &report.manifest {
        Some(file) => file.shown(),
        None if report.handlers.len() == 1 => {
            "no bulkhead.toml: the only component, the default limits, no grants".to_owned()
        }
        None => "no bulkhead.toml: the default limits, no grants".to_owned(),
    };
    let mistakes = count(report.mistakes.len(), "mistake");
    if report.handlers.is_empty() {
        return format!("{manifest}: {mistakes}\n");
    }
    format!(
        "{manifest}: {}, {}, {mistakes}, {}\n",
        count(report.handlers.len(), "handler"),
        count(report.tenants, "tenant"),
        count(report.warnings.len(), "warning")
    )
}

fn component(component: &Component) -> String {
    let mut table = Table::new(2, [Align::Left, Align::Left]);
    table.row(["component", &component.file.shown()]);
    table.row(["digest", &component.digest]);
    if component.preinitialised {
        table.row(["init", "was run at compile time"]);
    }
    for (at, line) in reset::lines(component.reset).into_iter().enumerate() {
        table.row([if at == 0 { "reset" } else { "" }, &line]);
    }
    if let Checked::StampOnly { target } = &component.checked {
        table.row(["target", target]);
    }
    for (heading, names) in [("exports", &component.exports), ("imports", &component.imports)] {
        for (at, line) in by_package(names).into_iter().enumerate() {
            table.row([if at == 0 { heading } else { "" }, &line]);
        }
    }
    // Nobody who writes a script can change the engine.
    let is_engine = component.imports.iter().any(|import| import.starts_with(SCRIPT));
    let note =
        reset::advice(component.reset).filter(|_| !is_engine).map(|advice| format!("  note: {advice}\n"));
    table.to_string() + &note.unwrap_or_default()
}

fn store(store: &Store, all: bool) -> String {
    let mut table = Table::new(2, [Align::Left, Align::Left]);
    match (&store.directory, &store.bucket) {
        (Some(directory), _) => table.row(["directory", &directory.shown()]),
        (None, bucket) => table.row(["bucket", bucket.as_deref().unwrap_or_default()]),
    }
    for (at, key) in store.public_keys.iter().enumerate() {
        table.row([if at == 0 { "keys" } else { "" }, key]);
    }
    if store.scripts {
        table.row(["scripts", "its tenants may be scripts"]);
    }
    let mut limits = Table::new(4, [Align::Left, Align::Left]);
    store.limits.iter().filter(|limit| all || !limit.default).for_each(|shown| {
        limits.row([shown.key.to_owned(), limit(shown)]);
    });
    if !store.credentials.is_empty() {
        limits.row(["credentials".to_owned(), store.credentials.join(", ")]);
    }
    let limits = limits.to_string();
    let most = if limits.is_empty() { "    the default limits\n" } else { &limits };
    format!("store {}\n{table}  each tenant at most\n{most}\n", name(&store.name))
}

/// Lines for each package, none of them long: `wasi:cli@0.2.6: environment, exit`.
fn by_package(names: &[String]) -> Vec<String> {
    let mut packages: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in names {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/').unwrap_or((path, ""));
        let package = if version.is_empty() { package.to_owned() } else { format!("{package}@{version}") };
        packages.entry(package).or_default().insert(interface);
    }
    packages.into_iter().flat_map(|(package, interfaces)| lines_of(&package, &interfaces)).collect()
}

fn lines_of(package: &str, interfaces: &BTreeSet<&str>) -> Vec<String> {
    if interfaces.iter().all(|interface| interface.is_empty()) {
        // A function or type of the component's own.
        return vec![package.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = format!("{package}:");
    for (at, interface) in interfaces.iter().enumerate() {
        if line.len() + interface.len() > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".to_owned()));
        }
        line += &format!(" {interface}{}", if at + 1 < interfaces.len() { "," } else { "" });
    }
    lines.push(line);
    lines
}

pub(super) fn policy(policy: &Policy, all: bool) -> String {
    let mut table = Table::new(4, [Align::Left, Align::Left]);
    policy.limits.iter().filter(|limit| all || !limit.default || limit.change.is_some()).for_each(|shown| {
        table.row([shown.key.to_owned(), limit(shown)]);
    });
    policy.grants.iter().for_each(|shown| table.row([shown.key.to_owned(), grant(shown)]));
    let mut text = format!("  {}\n", whose(policy));
    let shown = table.to_string();
    text += if shown.is_empty() { "    the default limits, no grants\n" } else { &shown };
    for denial in &policy.denied {
        // Writing to a string does not fail.
        let _ = writeln!(text, "    {denial}");
    }
    text
}

fn limit(limit: &Limit) -> String {
    match &limit.change {
        None => limit.text.clone(),
        Some(Change::Narrower(handler)) => format!("{}  narrower: the handler has {handler}", limit.text),
        Some(Change::Wider(handler)) => format!("{}  wider: the handler has {handler}", limit.text),
    }
}

fn grant(grant: &Grant) -> String {
    let list = |values: &[String]| if values.is_empty() { "nothing".to_owned() } else { values.join(", ") };
    match &grant.in_place_of {
        None => list(&grant.values),
        Some(handler) => format!("{}  in place of the handler's: {}", list(&grant.values), list(handler)),
    }
}

/// The events that a policy is for.
fn whose(policy: &Policy) -> String {
    let named = if policy.tenants.len() > NAMED { NAMED - 2 } else { policy.tenants.len() };
    let mut names = policy.tenants.iter().take(named).map(|id| label(id)).collect::<Vec<_>>().join(", ");
    if policy.tenants.len() > named {
        names += &format!(", … (+{})", policy.tenants.len() - named);
    }
    match (&policy.events, policy.tenants.len()) {
        (Some(events), 0) => format!("for {}", name(events)),
        (Some(events), _) => format!("for {}, and for {names}", name(events)),
        (None, 0) => "unused: no event reaches it".to_owned(),
        (None, _) => format!("for {names}"),
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let (Some(file), Some(at), Some(key)) = (&self.file, self.line, &self.key) {
            write!(f, "{}:{at}: {}: ", file.shown(), line(key))?;
        }
        f.write_str(&line(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_interfaces_are_wrapped() {
        let imports =
            ["environment", "exit", "stdin", "terminal-input", "terminal-output", "terminal-stderr"];
        let mut names: Vec<String> = imports.map(|name| format!("wasi:cli/{name}@0.2.6")).into();
        names.extend(["wasi:cli/run@0.2.0".to_owned(), "run".to_owned()]);
        assert_eq!(
            by_package(&names),
            [
                "run",
                "wasi:cli@0.2.0: run",
                "wasi:cli@0.2.6: environment, exit, stdin, terminal-input,",
                "  terminal-output, terminal-stderr",
            ]
        );
    }
}
