//! Prints the report as text, narrow enough for most terminals.

use bulkhead_host::text::printable::{Shown as _, line};
use bytesize::ByteSize;

use super::report::{Form, Report, Sizes};
use crate::label::label;
use crate::reset;
use crate::table::{Align, Table};

/// The whole report: what the file is, whether it would run, then the details.
pub(super) fn text(report: &Report) -> String {
    let mut table = Table::new(0, [Align::Left, Align::Left]);
    table.row(["file", &report.file.shown()]);
    table.row(["form", form(report.form)]);
    table.row(["kind", report.kind.unwrap_or("not known")]);
    table.row(["runs", report.reason.as_deref().map_or("yes", |_| "no")]);
    if let Some(compiled) = &report.compiled {
        table.row(["target", &compiled.target]);
        table.row(["compiled by", &compiled.build]);
        table.row([
            "init",
            if compiled.preinitialised { "was run at compile time" } else { "was not run at compile time" },
        ]);
    }
    if !report.digest.is_empty() {
        table.row(["digest", &report.digest]);
    }
    for (at, name) in report.exports.iter().enumerate() {
        table.row([if at == 0 { "exports" } else { "" }, &label(name)]);
    }
    for (at, producer) in report.producers.iter().enumerate() {
        let heading = if at == 0 { "made with" } else { "" };
        table.row([heading, &label(&format!("{} {}", producer.name, producer.version))]);
    }
    let mut text = table.to_string() + &sizes(report) + &reset(report) + &imports(report);
    if let Some(advice) = report.reset.and_then(reset::advice) {
        text += &format!("\n{advice}\n");
    }
    if let Some(note) = &report.note {
        text += &format!("\n{}\n", line(note));
    }
    if let Some(reason) = &report.reason {
        text += &format!("\nit would not run: {}\n", line(reason));
    }
    text
}

fn form(form: Form) -> &'static str {
    match form {
        Form::Component => "component",
        Form::CoreModule => "core module",
        Form::Native => "native code (.cwasm)",
        Form::Unknown => "not WebAssembly",
    }
}

fn sizes(report: &Report) -> String {
    let Sizes { file, code, data, custom, .. } = report.sizes;
    let mut table = Table::new(2, [Align::Left, Align::Right, Align::Left]);
    let bytes = |count: usize| size(u64::try_from(count).unwrap_or(u64::MAX));
    table.row(["file", &bytes(file), ""]);
    if matches!(report.form, Form::Component | Form::CoreModule) {
        let Sizes { core_modules, functions, memories, tables, .. } = report.sizes;
        table.row(["code", &bytes(code), &format!("{functions} functions in {core_modules} core modules")]);
        table.row(["data", &bytes(data), ""]);
        table.row([
            "custom sections",
            &bytes(custom),
            "names and similar data; `wasm-tools strip` removes them",
        ]);
        table.row(["initial memory", &size(report.sizes.initial_memory), &format!("in {memories} memories")]);
        let entries = report.sizes.initial_table_entries.to_string();
        table.row(["table entries", &entries, &format!("in {tables} tables")]);
    } else if report.compiled.is_some() {
        table.row(["code", &bytes(code), ""]);
        table.row(["data", &bytes(data), ""]);
    }
    format!("\nsizes\n{table}")
}

fn reset(report: &Report) -> String {
    let lines = report.reset.map(reset::lines).unwrap_or_default();
    let heading = if lines.is_empty() { "" } else { "\nreset for each event\n" };
    lines.into_iter().fold(heading.to_owned(), |text, line| format!("{text}  {line}\n"))
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).to_string()
}

fn imports(report: &Report) -> String {
    if report.imports.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2, [Align::Left, Align::Left]);
    for import in &report.imports {
        table.row([label(&import.name), import.what.unwrap_or("not known to this host").to_owned()]);
        if !import.grants.is_empty() {
            table.row([String::new(), format!("needs a grant: {}", import.grants.join(" or "))]);
        }
    }
    format!("\nimports\n{table}")
}
