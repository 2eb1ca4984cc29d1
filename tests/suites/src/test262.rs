//! test262: the language's own suite.
//!
//! `front_matter` says how a test is to be run, `script` makes a script of it, and this file decides what its answer means.

mod front_matter;
mod script;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::expected::Expected;
use crate::folders;
use crate::pool::{Answer, Job};
use crate::summary;
use front_matter::{FrontMatter, Phase};
use script::Sources;

/// The parts of the suite that are run. `intl402` needs `Intl`, `annexB` is for browsers, and `staging` is not finished.
const FOLDERS: [&str; 2] = ["test/language", "test/built-ins"];

/// One test file.
pub(crate) struct Case {
    /// Below `test`.
    path: String,
    source: Arc<str>,
    matter: FrontMatter,
    sources: Arc<Sources>,
}

/// How a file is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Sloppy,
    Strict,
    Module,
}

/// All tests whose paths begin with `only`.
pub(crate) fn cases(checkout: &Path, only: &str) -> Result<Vec<Case>> {
    let sources = Arc::new(Sources::new(checkout));
    let mut cases = Vec::new();
    for folder in FOLDERS.iter().filter(|folder| checkout.join(folder).is_dir()) {
        for file in folders::below(checkout, folder)? {
            let path = file.strip_prefix("test/").unwrap_or(&file);
            if !path.ends_with(".js") || path.contains("_FIXTURE") || !path.starts_with(only) {
                continue;
            }
            let source = std::fs::read_to_string(checkout.join(&file)).with_context(|| file.clone())?;
            let matter = FrontMatter::parse(&source).with_context(|| file.clone())?;
            let (path, sources) = (path.to_owned(), Arc::clone(&sources));
            cases.push(Case { path, source: source.into(), matter, sources });
        }
    }
    Ok(cases)
}

impl Case {
    fn modes(&self) -> Vec<Mode> {
        let has = |flag: &str| self.matter.has(flag);
        if has("module") {
            return vec![Mode::Module];
        }
        let mut modes = Vec::new();
        if !has("onlyStrict") {
            modes.push(Mode::Sloppy);
        }
        if !(has("noStrict") || has("raw")) {
            modes.push(Mode::Strict);
        }
        modes
    }

    /// What is wrong with an answer: a test answers with what it threw, or with an empty text.
    fn wrong(&self, answer: &Answer) -> Option<String> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(ended) => return Some(ended.clone()),
        };
        let thrown = answer.split(':').next().unwrap_or_default();
        match &self.matter.negative {
            None if answer.is_empty() => None,
            None => Some(answer.clone()),
            Some(negative) if negative.error == thrown => None,
            Some(negative) if answer.is_empty() => Some(format!("no {} was thrown", negative.error)),
            Some(negative) => Some(format!("{answer}, in place of {}", negative.error)),
        }
    }
}

impl summary::Case for Case {
    fn row(&self) -> String {
        self.path.split('/').take(2).collect::<Vec<_>>().join("/")
    }

    fn left_out(&self, expected: &Expected) -> Option<String> {
        if self.source.contains("$262.agent") {
            return Some("a sandbox has one thread, and no agents".to_owned());
        }
        if self.matter.has("CanBlockIsFalse") {
            return Some("the thread of a sandbox may block".to_owned());
        }
        expected.left_out(&self.matter.features).map(str::to_owned)
    }

    fn jobs(&self) -> Result<Vec<Job>> {
        self.modes().into_iter().map(|mode| self.sources.job(self, mode)).collect()
    }

    fn verdicts(&self, answers: &[Answer]) -> Vec<(String, Option<String>)> {
        let modes = self.modes();
        let failed = modes.iter().zip(answers).find_map(|(mode, answer)| {
            let wrong = self.wrong(answer)?;
            Some(if modes.len() > 1 { format!("{mode:?}: {wrong}") } else { wrong })
        });
        vec![(self.path.clone(), failed)]
    }
}

#[cfg(test)]
mod tests;
