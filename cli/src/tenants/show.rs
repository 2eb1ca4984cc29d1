//! `bulkhead tenants show`: what a tenant is, and what it may use and reach.

use anyhow::bail;
use bulkhead_host::engine::{BUILD, Target};
use bulkhead_host::script::object;
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::record::shown;
use bulkhead_host::store::{Code, Digest, Handler, MAX_COMPONENT, Record};
use bulkhead_host::wasm::Description;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::code::most_script;
use super::files::Files as _;
use super::history::{Standing, current, newest, version, versions};
use super::verify::problems_of;
use super::{Opened, Place, missing, named, tenant_id};
use crate::check::policy_of;
use crate::label::label;
use crate::number;
use crate::output;
use crate::table::{Align, Table};

/// Show the record of a tenant, and what it may use and reach.
///
/// Example: bulkhead tenants show acme
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The id of the tenant
    #[arg(value_name = "ID", value_parser = tenant_id)]
    tenant: String,
    /// An earlier version [default: the current one]
    #[arg(long, value_name = "VERSION", value_parser = number::version)]
    version: Option<u64>,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    record: Record,
    /// The file of the record.
    file: String,
    /// The build of Bulkhead whose native code this command makes.
    build: &'static str,
    /// The policy, unless the store does not allow what the tenant asks for.
    policy: Option<Value>,
    /// What a script consists of.
    #[serde(skip)]
    files: Option<String>,
    /// The reasons why the bootstrap would reject it, and what somebody without a key may have changed.
    problems: Vec<String>,
    /// The earlier versions.
    versions: Vec<u64>,
}

impl Show {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let opened = self.place.open()?;
        let (record, standing) = self.record(&opened)?;
        let mut problems = problems_of(&opened.files, &opened.settings, &record);
        problems.extend(standing.problem(&self.tenant));
        let mut versions = versions(&opened.files, &self.tenant)?;
        versions.retain(|version| *version < record.version);
        let imports = record.handler.as_ref().map(|handler| imports(&opened, handler)).unwrap_or_default();
        let files = match record.handler.as_ref().map(|handler| &handler.code) {
            Some(Code::Script(digest)) => script_files(&opened, digest),
            Some(Code::Component(_)) | None => None,
        };
        let policy =
            record.handler.as_ref().and_then(|handler| opened.settings.policy(&handler.settings).ok());
        let policy = policy.map(|policy| policy_of(&self.tenant, &policy, &imports));
        let (policy, text) = policy.unzip();
        let report = Report {
            file: Key::record(&self.tenant).to_string(),
            versions,
            build: BUILD,
            policy,
            files,
            problems,
            record,
        };
        if self.json {
            return output::print_json(&report);
        }
        Ok(output::print(report.text() + &text.unwrap_or_default() + &report.rest())?)
    }

    /// The version that was asked for, and how the current one compares with the history.
    fn record(&self, opened: &Opened) -> anyhow::Result<(Record, Standing)> {
        let Opened { files, settings, .. } = opened;
        let newest = newest(files, settings, &self.tenant)?.map(|newest| newest.record);
        let Some(now) = current(files, settings, &self.tenant)? else {
            match Standing::of(&self.tenant, None, newest.as_ref()).problem(&self.tenant) {
                Some(problem) => bail!(problem),
                None => bail!("{}", missing(&self.tenant)),
            }
        };
        let standing = Standing::of(&self.tenant, Some(&now.record), newest.as_ref());
        let Some(number) = self.version.filter(|version| *version != now.record.version) else {
            return Ok((now.record, standing));
        };
        match version(files, settings, &self.tenant, number)? {
            Some(earlier) => Ok((earlier.record, Standing::Newest)),
            None => bail!("{} has no version {number}", named(&self.tenant)),
        }
    }
}

/// What a script consists of; nothing if it cannot be read, which is a problem that is reported.
fn script_files(opened: &Opened, digest: &Digest) -> Option<String> {
    let object = opened.files.read(&Key::script(digest), most_script()).ok()??;
    let script = object::read(digest.as_str(), &object).ok()?;
    let (count, bytes) =
        (script.files().len(), script.files().iter().map(|file| file.content.len()).sum::<usize>());
    let files = if count == 1 { "file" } else { "files" };
    Some(format!("{count} {files}, {bytes} bytes, entry {}", label(&script.entry)))
}

/// The imports of the component; none if it cannot be read, which is a problem that is reported. What an engine imports says
/// nothing about a script.
fn imports(opened: &Opened, handler: &Handler) -> Vec<String> {
    let Code::Component(code) = &handler.code else { return Vec::new() };
    let component = opened.files.read(&Key::component(&code.component), MAX_COMPONENT).ok().flatten();
    let described = component.as_deref().and_then(Description::read);
    described.map(|described| described.imports).unwrap_or_default()
}

/// What the digest is of.
fn label_of(code: &Code) -> &'static str {
    match code {
        Code::Component(_) => "component",
        Code::Script(_) => "script",
    }
}

impl Report {
    fn text(&self) -> String {
        let Record { tenant, store, version, not_before, expires, handler } = &self.record;
        let mut table = Table::new(2, [Align::Left, Align::Left]);
        table.row(["store".to_owned(), label(store)]);
        table.row(["version".to_owned(), version.to_string()]);
        table.row(["valid".to_owned(), format!("{} to {}", shown(*not_before), shown(*expires))]);
        match handler {
            None => table.row(["state", "removed"]),
            Some(handler) => {
                let code = &handler.code;
                table.row(["kind", code.kind()]);
                table.row([label_of(code), code.digest().as_str()]);
                self.files.iter().for_each(|files| table.row(["files", files.as_str()]));
                for (at, native) in handler.native().iter().enumerate() {
                    let heading = if at == 0 { "native" } else { "" };
                    let (target, build) = (label(&native.target), label(&native.build));
                    table.row([heading.to_owned(), format!("{target} for {build}, {} bytes", native.bytes)]);
                }
            }
        }
        format!("tenant {}\n{table}", label(tenant))
    }

    fn rest(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            text += &format!("  problem: {problem}\n");
        }
        let host = Target::host().map_or("this machine", Target::name);
        let lacks_native = |handler: &Handler| match &handler.code {
            Code::Component(component) => component.native_for(host, BUILD).is_none(),
            Code::Script(_) => false,
        };
        if self.record.handler.as_ref().is_some_and(lacks_native) {
            text += &format!(
                "  note: it has no native code for {BUILD} on {host}; `bulkhead tenants recompile` makes it\n"
            );
        }
        text
    }
}
