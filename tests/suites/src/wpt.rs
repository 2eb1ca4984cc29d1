//! web-platform-tests: those of the interfaces that scripts have.
//!
//! A file `NAME.any.js` runs in any global scope, so it runs in the engine, together with the suite's own harness. There is no
//! server: the files that tests fetch are part of the script.

mod meta;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::expected::Expected;
use crate::folders::{self, joined};
use crate::pool::{Answer, ENTRY, Job};
use crate::summary;
use meta::Meta;

/// What is run, and the name of its row.
const FOLDERS: [(&str, &str); 18] = [
    ("url", "url"),
    ("streams", "streams"),
    ("encoding", "encoding"),
    ("fetch/api/abort", "fetch/api"),
    ("fetch/api/body", "fetch/api"),
    ("fetch/api/headers", "fetch/api"),
    ("fetch/api/request", "fetch/api"),
    ("fetch/api/response", "fetch/api"),
    ("dom/abort", "dom/abort"),
    ("dom/events", "dom/events"),
    ("html/webappapis/atob", "html/webappapis"),
    ("html/webappapis/microtask-queuing", "html/webappapis"),
    ("html/webappapis/structured-clone", "html/webappapis"),
    ("html/webappapis/timers", "html/webappapis"),
    ("WebCryptoAPI", "WebCryptoAPI"),
    ("console", "console"),
    ("hr-time", "hr-time"),
    ("webidl/ecmascript-binding", "webidl"),
];

const PRELUDE: &str = include_str!("wpt/entry.js");
const HARNESS: &str = "resources/testharness.js";

/// See `test262/script.rs`.
const BEFORE: &str = "});";
const AFTER: &str = "\n;(function () {";

/// One file of tests.
pub(crate) struct Case {
    path: String,
    row: &'static str,
    source: Arc<str>,
    meta: Meta,
    checkout: Arc<PathBuf>,
}

/// All files whose paths begin with `only`.
pub(crate) fn cases(checkout: &Path, only: &str) -> Result<Vec<Case>> {
    let root = Arc::new(checkout.to_owned());
    let mut cases = Vec::new();
    for (folder, row) in FOLDERS.iter().filter(|(folder, _)| checkout.join(folder).is_dir()) {
        for path in folders::below(checkout, folder)? {
            if !path.ends_with(".any.js") || !path.starts_with(only) {
                continue;
            }
            let source = std::fs::read_to_string(checkout.join(&path)).with_context(|| path.clone())?;
            let meta = Meta::parse(&source);
            cases.push(Case { path, row, source: source.into(), meta, checkout: Arc::clone(&root) });
        }
    }
    Ok(cases)
}

impl Case {
    /// The files that the tests may fetch: those in quotes that are there.
    fn data(&self, texts: &[String]) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for part in texts.iter().flat_map(|text| text.split(['\'', '"', '`'])) {
            let is_data = part.ends_with(".json") && !part.contains(['\n', ' ']);
            let place = Some(part).filter(|_| is_data).and_then(|part| joined(&self.path, part));
            let Some(place) = place.filter(|place| !found.iter().any(|(there, _)| there == place)) else {
                continue;
            };
            if let Ok(text) = std::fs::read_to_string(self.checkout.join(&place)) {
                found.push((place, text));
            }
        }
        found
    }
}

fn global(source: &str) -> Arc<[u8]> {
    format!("{BEFORE}{source}{AFTER}").into_bytes().into()
}

impl summary::Case for Case {
    fn row(&self) -> String {
        self.row.to_owned()
    }

    fn left_out(&self, expected: &Expected) -> Option<String> {
        if !self.meta.is_anywhere() {
            return Some("it is for some global scopes only".to_owned());
        }
        expected.file(&self.path).map(str::to_owned)
    }

    fn jobs(&self) -> Result<Vec<Job>> {
        let mut paths = vec![HARNESS.to_owned()];
        paths.extend(self.meta.scripts.iter().filter_map(|script| joined(&self.path, script)));
        let mut texts = Vec::new();
        for path in &paths {
            let file = self.checkout.join(path);
            texts
                .push(std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?);
        }
        paths.push(self.path.clone());
        texts.push(self.source.to_string());
        let data = self.data(&texts[1..]);
        let mut files: Vec<(String, Arc<[u8]>)> = Vec::new();
        let mut entry = format!("const settings = {};\n{PRELUDE}", json!({ "path": self.path }));
        for (number, (place, text)) in data.into_iter().enumerate() {
            let name = format!("data/{number}.cjs");
            entry += &format!("data.set({}, './{name}');\n", json!(place));
            files.push((name, format!("module.exports = {};", json!(text)).into_bytes().into()));
        }
        for (number, (path, text)) in paths.iter().zip(&texts).enumerate() {
            let name = format!("{path}.cjs");
            entry += &format!("load(() => require({}));\n", json!(format!("./{name}")));
            if number == 0 {
                entry += "begin();\n";
            }
            if !files.iter().any(|(there, _)| *there == name) {
                files.push((name, global(text)));
            }
        }
        files.push((ENTRY.to_owned(), entry.into_bytes().into()));
        Ok(vec![Job { files }])
    }

    fn verdicts(&self, answers: &[Answer]) -> Vec<(String, Option<String>)> {
        let mut verdicts = Vec::new();
        for answer in answers {
            let tests = match answer {
                Ok(answer) => serde_json::from_str::<Vec<(String, u64, Value)>>(answer)
                    .map_err(|error| format!("the answer cannot be read: {error}")),
                Err(ended) => Err(ended.clone()),
            };
            match tests {
                Ok(tests) => verdicts.extend(tests.into_iter().map(|(name, status, message)| {
                    let name = format!("{}: {}", self.path, shown(&name));
                    (name.trim_end().to_owned(), wrong(status, &message))
                })),
                Err(ended) => verdicts.push((self.path.clone(), Some(ended))),
            }
        }
        unique(verdicts)
    }
}

/// Why a test did not pass, by its status in the suite's harness.
fn wrong(status: u64, message: &Value) -> Option<String> {
    let what = match status {
        0 => return None,
        1 => "failed",
        2 => "timed out",
        3 => "was not run",
        _ => "had not what it needs",
    };
    let message = shown(message.as_str().unwrap_or_default());
    Some(format!("{what}: {}", message.chars().take(200).collect::<String>()))
}

/// Names may have anything in them.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character.is_control() || ('\u{2028}'..='\u{202f}').contains(&character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

/// Two tests of a file may have one name.
fn unique(verdicts: Vec<(String, Option<String>)>) -> Vec<(String, Option<String>)> {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    let mut verdicts = verdicts;
    for (name, _) in &mut verdicts {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            *name = format!("{name} ({count})");
        }
    }
    verdicts
}

#[cfg(test)]
mod tests;
