//! What became of tests: read from the records that `node:test` writes, and counted.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::run::MARK;

/// What became of all tests.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) files: Vec<FileReport>,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) todo: usize,
}

/// What became of the tests of one file.
#[derive(Debug, Default, Serialize)]
pub(super) struct FileReport {
    pub(super) path: String,
    /// Why the file has not run to its end.
    pub(super) error: Option<Failure>,
    pub(super) ms: f64,
    /// What was logged outside of tests.
    pub(super) output: Vec<String>,
    /// In the order in which they began. One that is in another one comes after it.
    pub(super) tests: Vec<Entry>,
}

/// A test, or a suite of some.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    #[serde(skip)]
    id: String,
    /// How many suites and tests it is in.
    pub(super) depth: usize,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// The names of what it is in, and its own.
    pub(super) path: Vec<String>,
    /// Where it is written: file, line and column.
    pub(super) place: String,
    #[serde(serialize_with = "in_words")]
    pub(super) outcome: Option<Verdict>,
    pub(super) ms: f64,
    pub(super) reason: String,
    pub(super) error: Option<Failure>,
    pub(super) output: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Suite,
    Test,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Passed,
    Failed,
    Skipped,
    Todo,
    /// A suite that has nothing wrong itself, and in which something failed.
    Mixed,
}

/// Why a test has failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) name: String,
    pub(super) message: String,
    /// Places in the files of the project, innermost first.
    pub(super) stack: Vec<String>,
}

/// What `node:test` says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", tag = "type")]
enum Event {
    Begin {
        id: String,
        parent: String,
        name: String,
        kind: Kind,
        place: String,
    },
    End {
        id: String,
        outcome: Verdict,
        ms: f64,
        #[serde(default)]
        reason: String,
        #[serde(default)]
        error: Option<Failure>,
    },
}

fn in_words<S: Serializer>(outcome: &Option<Verdict>, serializer: S) -> Result<S::Ok, S::Error> {
    // One that has not ended was in a test that was stopped.
    outcome.unwrap_or(Verdict::Failed).serialize(serializer)
}

impl Report {
    pub(super) fn new(files: Vec<FileReport>) -> Self {
        let count = |wanted: Verdict| {
            let tests = files.iter().flat_map(|file| &file.tests);
            tests.filter(|test| test.is_counted() && test.outcome == Some(wanted)).count()
        };
        let of_files = files.iter().filter(|file| file.error.is_some()).count();
        Self {
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed) + of_files,
            skipped: count(Verdict::Skipped),
            todo: count(Verdict::Todo),
            files,
        }
    }

    /// Whether nothing failed, and something was run.
    pub(super) fn is_good(&self) -> bool {
        self.failed == 0 && self.has_tests()
    }

    pub(super) fn has_tests(&self) -> bool {
        self.passed + self.failed + self.skipped + self.todo > 0
    }
}

impl Entry {
    /// Whether it is a test, or a suite that failed by itself.
    fn is_counted(&self) -> bool {
        self.kind == Kind::Test || self.outcome == Some(Verdict::Failed)
    }
}

impl FileReport {
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    pub(super) fn add_time(&mut self, time: Duration) {
        self.ms += time.as_secs_f64() * 1000.0;
    }

    /// The tests that need not run again.
    pub(super) fn ended(&self) -> Vec<&str> {
        let ended = self.tests.iter().filter(|test| test.kind == Kind::Test && test.outcome.is_some());
        ended.map(|test| test.id.as_str()).collect()
    }

    /// Reads a record of the log.
    pub(super) fn record(&mut self, record: &str) {
        let Ok(record) = serde_json::from_str::<Value>(record) else { return };
        let (message, level) = (&record["message"], record["level"].as_str().unwrap_or_default());
        if let Ok(event) = Event::deserialize(&message[MARK]) {
            return self.event(event);
        }
        // The records of the host are texts. Most of them say what was not granted, which no test has asked for.
        let text = match message {
            Value::Object(fields) => fields.get("message").map_or_else(|| message.to_string(), text_of),
            Value::String(text) if !matches!(level, "DEBUG" | "TRACE") => text.clone(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return,
        };
        let open = self.tests.iter_mut().rfind(|test| test.outcome.is_none());
        let output = open.map_or(&mut self.output, |test| &mut test.output);
        output.push(if level == "INFO" { text } else { format!("{level} {text}") });
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Begin { id, parent, name, kind, place } => {
                // A suite begins again in another sandbox.
                if self.tests.iter().any(|test| test.id == id) {
                    return;
                }
                let above = self.tests.iter().find(|test| test.id == parent);
                let depth = above.map_or(0, |above| above.depth + 1);
                let mut path = above.map(|above| above.path.clone()).unwrap_or_default();
                path.push(name.clone());
                self.tests.push(Entry {
                    id,
                    depth,
                    kind,
                    name,
                    path,
                    place,
                    outcome: None,
                    ms: 0.0,
                    reason: String::new(),
                    error: None,
                    output: Vec::new(),
                });
            }
            Event::End { id, outcome, ms, reason, error } => {
                if let Some(test) = self.tests.iter_mut().find(|test| test.id == id) {
                    test.outcome = Some(outcome);
                    (test.ms, test.reason, test.error) = (ms, reason, error);
                }
            }
        }
    }

    /// The sandbox has ended before the tests. Returns whether that was because of a test, so that others may run.
    pub(super) fn stop(&mut self, failure: Failure) -> bool {
        let mut open = self.tests.iter_mut().filter(|test| test.kind == Kind::Test && test.outcome.is_none());
        let Some(innermost) = open.next_back() else {
            self.error = Some(failure);
            return false;
        };
        innermost.error = Some(failure);
        innermost.outcome = Some(Verdict::Failed);
        // Those that it is in cannot go on.
        for test in open {
            test.outcome = Some(Verdict::Failed);
        }
        true
    }

    /// Too many tests had to be stopped.
    pub(super) fn give_up(&mut self, times: usize) {
        self.error = Some(Failure {
            name: "Stopped".to_owned(),
            message: format!("{times} tests of this file had to be stopped, so the others were not run"),
            stack: Vec::new(),
        });
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
