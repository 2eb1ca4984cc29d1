//! The script of a test: the files of the harness, the test, and what runs them.
//!
//! A test that is not strict is global code, as the suite wants it. It gets there because CommonJS puts a function around a file:
//! the text before the test closes this function, and the text after it opens another one. A strict test is code of an indirect
//! `eval`, since `'use strict'` has to be the first statement of a script; if it imports something, it is that of a function. A test
//! that must not be parsed is code of an `eval`, too, since its text has to stay as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

use super::{Case, Mode, Phase};
use crate::folders::joined;
use crate::pool::{ENTRY, Job};

const PRELUDE: &str = include_str!("entry.js");

const USE_STRICT: &str = "\"use strict\";\n";

const BEFORE: &str = "});";
const AFTER: &str = "\n;(function () {";

/// Makes a file an ES module also if nothing else in it does.
const MODULE: &str = "export {}; ";

/// The files of a checkout.
pub(super) struct Sources {
    checkout: PathBuf,
    /// The files of the harness as global code.
    harness: Mutex<BTreeMap<String, Arc<[u8]>>>,
}

impl Sources {
    pub(super) fn new(checkout: &Path) -> Self {
        Self { checkout: checkout.to_owned(), harness: Mutex::default() }
    }

    /// The script of a test.
    pub(super) fn job(&self, case: &Case, mode: Mode) -> Result<Job> {
        let mut files = Vec::new();
        let mut entry = PRELUDE.to_owned();
        for name in harness(case) {
            let path = format!("harness/{name}.cjs");
            entry += &format!("require('./{path}');\n");
            files.push((path, self.of_harness(&name)?));
        }
        let (path, source) = (&case.path, &*case.source);
        let is_exact = source.starts_with("#!")
            || case.matter.negative.as_ref().is_some_and(|negative| negative.phase == Phase::Parse);
        let awaits = case.matter.has("async");
        entry += &match mode {
            Mode::Module => {
                files.push((path.clone(), module(source).into_bytes().into()));
                let wait = if awaits { " if (!wrong) wrong = await settled;" } else { "" };
                format!(
                    "exports.handler = async () => {{ try {{ await import('./{path}'); }} catch (error) {{ wrong = thrown(error); }}\
                     {wait} return wrong; }};\n"
                )
            }
            Mode::Sloppy | Mode::Strict => {
                let strict = format!("{}{source}", if mode == Mode::Strict { USE_STRICT } else { "" });
                // What `eval` imports is not relative to the file of the test.
                let is_file = !is_exact && (mode == Mode::Sloppy || source.contains("import("));
                let call = if is_file {
                    let text = if mode == Mode::Sloppy { global(source) } else { strict.into_bytes().into() };
                    files.push((format!("{path}.cjs"), text));
                    format!("require('./{path}.cjs')")
                } else {
                    format!("indirectEval({})", literal(&strict)?)
                };
                let answer = if awaits { "wrong || settled" } else { "wrong" };
                format!("attempt(() => {{ {call}; }});\nexports.handler = () => {answer};\n")
            }
        };
        self.add_fixtures(path, source, &mut files);
        files.push((ENTRY.to_owned(), entry.into_bytes().into()));
        Ok(Job { files })
    }

    fn of_harness(&self, name: &str) -> Result<Arc<[u8]>> {
        let mut harness = self.harness.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = harness.get(name) {
            return Ok(Arc::clone(file));
        }
        let path = self.checkout.join("harness").join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let file = global(&text);
        harness.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    /// Adds the files that a test imports, and those that these import. It may import itself.
    fn add_fixtures(&self, path: &str, source: &str, files: &mut Vec<(String, Arc<[u8]>)>) {
        let mut open: Vec<String> = named(source).filter_map(|name| joined(path, name)).collect();
        while let Some(place) = open.pop() {
            if files.iter().any(|(there, _)| *there == place) {
                continue;
            }
            // A name may be part of a text, or be missing on purpose.
            let Ok(text) = std::fs::read_to_string(self.checkout.join("test").join(&place)) else { continue };
            open.extend(named(&text).filter_map(|name| joined(&place, name)));
            let content = if place.ends_with(".js") { module(&text) } else { text };
            files.push((place, content.into_bytes().into()));
        }
    }
}

/// The files of the harness that a test needs, in order.
fn harness(case: &Case) -> Vec<String> {
    if case.matter.has("raw") {
        return Vec::new();
    }
    let mut names = vec!["assert.js".to_owned(), "sta.js".to_owned()];
    if case.matter.has("async") {
        names.push("doneprintHandle.js".to_owned());
    }
    names.extend(case.matter.includes.iter().cloned());
    names
}

/// The files that a text may import.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let is_path =
        |part: &&str| (part.starts_with("./") || part.starts_with("../")) && !part.contains(['\n', ' ']);
    text.split(['\'', '"', '`']).filter(is_path)
}

fn global(source: &str) -> Arc<[u8]> {
    format!("{BEFORE}{source}{AFTER}").into_bytes().into()
}

fn module(source: &str) -> String {
    // A first line that begins with `#!` has to stay the first.
    if source.starts_with("#!") { source.to_owned() } else { format!("{MODULE}{source}") }
}

/// A text as a literal of JavaScript, which every text of JSON is.
fn literal(text: &str) -> Result<String> {
    Ok(serde_json::to_string(text)?)
}
