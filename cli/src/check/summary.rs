//! The result of a check for other commands: whether the bootstrap would accept a task root, and which
//! imports are denied.

use std::path::{Path, PathBuf};

use bulkhead_host::wasm::Kind;
use serde::Serialize;

use super::examine::examine;
use super::report::Handler;

/// The summary of one task root.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Findings for which the bootstrap would reject the task root.
    pub(crate) mistakes: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// The handlers that have a component.
    pub(crate) handlers: Vec<HandlerSummary>,
}

/// A handler that can be run.
#[derive(Debug)]
pub(crate) struct HandlerSummary {
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
pub(crate) fn summary(root: &Path, handler: Option<&str>) -> anyhow::Result<Summary> {
    let report = examine(root, handler)?;
    Ok(Summary {
        mistakes: report.mistakes.iter().map(ToString::to_string).collect(),
        warnings: report.warnings,
        handlers: report.handlers.into_iter().filter_map(of_handler).collect(),
    })
}

fn of_handler(handler: Handler) -> Option<HandlerSummary> {
    let component = handler.component?;
    let denials = handler.policies.into_iter().flat_map(|policy| policy.denied);
    let denied =
        denials.map(|denial| Denied { text: format!("{} {denial}", handler.name), import: denial.import });
    Some(HandlerSummary {
        denied: denied.collect(),
        name: handler.name,
        kind: Kind::of(&component.exports).ok().map(Kind::name),
        file: component.file,
    })
}

impl Summary {
    /// Adds the findings about the same root with another handler.
    pub(crate) fn add(&mut self, other: Self) {
        self.mistakes.extend(other.mistakes);
        self.warnings.extend(other.warnings);
        self.handlers.extend(other.handlers);
    }
}
