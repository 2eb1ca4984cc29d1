//! `bulkhead doctor`: checks this machine for everything that the other commands and the bootstrap need.

mod checks;
mod languages;
mod print;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::output;

/// Check this machine: the Rust toolchain, the tools of other languages, the bootstrap, the emulator, and what the
/// bootstrap needs of the system.
///
/// Each finding comes with advice. The exit code is 1 if handlers cannot be built or run here. Optional items do
/// not affect the exit code.
///
/// Example: bulkhead doctor
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One finding.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    what: &'static str,
    state: State,
    /// The version or path that was found, or what is wrong.
    found: String,
    /// What to do about it.
    advice: Option<String>,
}

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Fine,
    /// It is missing, but not required.
    Without,
    /// Handlers cannot be built or run.
    Wrong,
}

impl Doctor {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let findings = checks::all();
        if self.json {
            output::print_json(&findings)?;
        } else {
            output::print_in_colour(&print::text(&findings))?;
        }
        let is_wrong = findings.iter().any(|finding| finding.state == State::Wrong);
        Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl Finding {
    fn fine(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Fine, found: found.into(), advice: None }
    }

    fn without(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, state: State::Without, found: found.into(), advice: Some(advice.into()) }
    }

    fn wrong(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, state: State::Wrong, found: found.into(), advice: Some(advice.into()) }
    }
}
