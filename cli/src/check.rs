//! `bulkhead check`: shows what the handlers and tenants of a task root may use and reach, and what is wrong,
//! before it is deployed.

mod components;
mod credentials;
mod denied;
mod examine;
mod idle;
mod imports;
mod listed;
mod nearby;
mod policies;
mod print;
mod report;
mod scripts;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::{local, output};
pub(crate) use denied::grant_lines;
use examine::examine;
pub(crate) use listed::{policies_of, policy_of};
pub(crate) use scripts::{is_compiled, mistakes_of_scripts, told};
pub(crate) use summary::{Denied, Summary, summary};

/// Check bulkhead.toml and its components as the bootstrap would, and show what each tenant may use and
/// reach.
///
/// Every component is loaded with the bootstrap's own code. Everything that the bootstrap would reject is a
/// mistake, even if invalid_handler is "fail_events". Environment variables are shown by name only.
///
/// Example: bulkhead check ./package
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The task root: the directory with bulkhead.toml, or with the only component [default: target/bulkhead, if it is
    /// there, or .]
    #[arg(value_name = "DIR")]
    root: Option<PathBuf>,
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
    Ok(examine(root, handler)?.mistakes.iter().map(ToString::to_string).collect())
}

impl Check {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let root = local::task_root(self.root)?;
        let report = examine(&root, self.handler.as_deref())?;
        if self.json {
            output::print_json(&report)?;
        } else {
            output::print(print::text(&report, self.all))?;
        }
        Ok(if report.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[cfg(test)]
mod tests;
