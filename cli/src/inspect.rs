//! `bulkhead inspect`: shows what a file is, what it needs, how large it is, and whether this version would
//! run it.

mod compiled;
mod imports;
mod outline;
mod print;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulkhead_host::capabilities;
use bulkhead_host::engine::artifact::digest;
use bulkhead_host::engine::{self, Share};
use bulkhead_host::sandbox::component::{self, ComponentError};
use bulkhead_host::text::printable::Shown as _;
use bulkhead_host::wasm::{self, Description, Worlds};
use clap::Args;

use crate::output::{self, Progress};
use crate::{files, worlds};
use outline::Outline;
use report::{Form, Report};

/// Show what a .wasm or .cwasm is, what it imports, how large it is, and whether this version would run it.
///
/// The check uses the bootstrap's own code. If this version would not run the file, the exit code is 1, and
/// the reason and a remedy are shown.
///
/// Example: bulkhead inspect hello.wasm
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component, a core module for WASI preview 1, or a file that `bulkhead compile` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let progress = Progress::of(&format!("compiling {}", self.file.shown()));
        let report = inspect(&self.file)?;
        drop(progress);
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(print::text(&report))?;
        }
        Ok(if report.runs { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn inspect(file: &Path) -> anyhow::Result<Report> {
    let bytes = files::read_component(file)?;
    if bytes.ends_with(b"BULKHEAD") || file.extension().is_some_and(|ending| ending == "cwasm") {
        return compiled::inspect(file, &bytes);
    }
    let mut report = Report { digest: digest(&bytes), ..Report::of(file, Form::Unknown) };
    report.sizes.file = bytes.len();
    if let Some(outline) = Outline::read(&bytes) {
        outline.tell(&mut report);
    }
    let ready = match worlds::ready(&bytes, file) {
        Ok(ready) => ready,
        Err(error) => {
            // The report of a component that is not to be compiled, or of a module that cannot be adapted.
            report.describe(Description::read(&bytes));
            report.refused(&error);
            return Ok(report);
        }
    };
    if report.form == Form::CoreModule {
        report.note = Some(adapted(&bytes, file));
    }
    report.describe(Description::read(&ready));
    report.reset = Some(wasm::reset(&ready));
    if let Err(error) = run(&ready, file) {
        report.refused(&error);
    }
    Ok(report)
}

/// Compiles and links a component, as for its first event.
fn run(ready: &[u8], file: &Path) -> Result<(), ComponentError> {
    let system =
        |error: String| ComponentError::Read { path: file.to_owned(), error: std::io::Error::other(error) };
    let (engine, _) = engine::start_for(1, Share::most()).map_err(|error| system(error.to_string()))?;
    let imports = capabilities::imports(&engine).map_err(|error| system(format!("{error:#}")))?;
    component::compile_ready(&engine, &imports, ready, ready, file).map(|_| ())
}

/// Explains how a core module becomes a component.
fn adapted(module: &[u8], file: &Path) -> String {
    let who = match component::ready(module, Worlds::Refused, file) {
        Ok(_) => "`bulkhead compile` makes it a component, and so does a bootstrap with the compiler",
        Err(_) => {
            "`bulkhead compile` makes it a component; a bootstrap does not, because the module describes its \
             own world"
        }
    };
    format!("a core module for WASI preview 1: {who}")
}

#[cfg(test)]
mod tests;
