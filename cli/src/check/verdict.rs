//! What other commands want to know of a task root: whether the bootstrap would take it, and what its handlers lack.

use std::path::{Path, PathBuf};

use bulkhead_host::component::Kind;

use super::Check;
use super::report::Handler;

/// About one task root.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What the bootstrap would refuse.
    pub(crate) mistakes: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// Those that have a component.
    pub(crate) handlers: Vec<Judged>,
}

/// A handler that can be run.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) kind: Option<&'static str>,
    /// What it imports and gets nothing from, with the line that would change that.
    pub(crate) denied: Vec<String>,
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
    let denials = handler.policies.iter().flat_map(|policy| &policy.denied);
    Some(Judged {
        denied: denials.map(|denial| format!("{} {denial}", handler.name)).collect(),
        name: handler.name,
        kind: Kind::of(&component.exports).ok().map(Kind::name),
        file: component.file,
    })
}

impl Verdict {
    /// Adds what was found about the same root with another handler.
    pub(crate) fn add(&mut self, other: Self) {
        self.mistakes.extend(other.mistakes);
        self.warnings.extend(other.warnings);
        self.handlers.extend(other.handlers);
    }
}
