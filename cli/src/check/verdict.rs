//! The result of a check for other commands: whether the bootstrap would accept a task root, and which
//! imports are denied.

use std::path::{Path, PathBuf};

use bulkhead_host::wasm::Kind;
use serde::Serialize;

use super::Check;
use super::report::Handler;

/// The verdict about one task root.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Findings for which the bootstrap would reject the task root.
    pub(crate) mistakes: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// The handlers that have a component.
    pub(crate) handlers: Vec<Judged>,
}

/// A handler that can be run.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) kind: Option<&'static str>,
    pub(crate) denied: Vec<Denied>,
}

/// An import of a handler that is denied.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Denied {
    pub(crate) import: String,
    /// The message, with the line of `bulkhead.toml` that would allow the import.
    pub(crate) text: String,
}

/// Checks a task root as `bulkhead check` does.
pub(crate) fn verdict(root: &Path, handler: Option<String>) -> anyhow::Result<Verdict> {
    let report = Check { root: root.to_owned(), handler, all: false, json: false }.report()?;
    Ok(Verdict {
        mistakes: report.mistakes.iter().map(ToString::to_string).collect(),
        warnings: report.warnings,
        handlers: report.handlers.into_iter().filter_map(judged).collect(),
    })
}

fn judged(handler: Handler) -> Option<Judged> {
    let component = handler.component?;
    let denials = handler.policies.into_iter().flat_map(|policy| policy.denied);
    let denied =
        denials.map(|denial| Denied { text: format!("{} {denial}", handler.name), import: denial.import });
    Some(Judged {
        denied: denied.collect(),
        name: handler.name,
        kind: Kind::of(&component.exports).ok().map(Kind::name),
        file: component.file,
    })
}

impl Verdict {
    /// Adds the findings about the same root with another handler.
    pub(crate) fn add(&mut self, other: Self) {
        self.mistakes.extend(other.mistakes);
        self.warnings.extend(other.warnings);
        self.handlers.extend(other.handlers);
    }
}
