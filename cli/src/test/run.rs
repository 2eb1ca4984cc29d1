//! Runs files of tests, several at a time, each in a sandbox of its own.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bulkhead_host::policy::Policy;
use bulkhead_host::preinit::{Ran, ScriptRunner};
use bulkhead_host::sandbox::outcome::Outcome;
use bulkhead_host::script::{File, Script};
use serde_json::json;

use super::files::Files;
use super::report::{Failure, FileReport};

/// The modules that tests can import, and those that these use.
const MODULES: [(&str, &str); 6] = [
    ("node:assert", include_str!("modules/assert.js")),
    ("node:assert/strict", include_str!("modules/strict.js")),
    ("node:bulkhead/equal", include_str!("modules/equal.js")),
    ("node:bulkhead/inspect", include_str!("modules/inspect.js")),
    ("node:bulkhead/mock", include_str!("modules/mock.js")),
    ("node:test", include_str!("modules/test.js")),
];

/// What `node:test` is told. It is different for each run.
const SETTINGS: &str = "node:bulkhead/settings";
const ENTRY: &str = "node:bulkhead/run";

/// The member of a record by which `node:test` says what became of a test.
pub(super) const MARK: &str = "bulkhead.test";

/// The output of the tests of a file.
const LOGS: usize = 16 * 1024 * 1024;

/// How often a file is run again after one of its tests had to be stopped. Each time takes as long as the timeout.
const AGAIN: usize = 5;

/// How the tests are run.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Only tests whose names contain this.
    pub(super) filter: String,
    /// The time for a file.
    pub(super) timeout: Duration,
    /// What the tests see.
    pub(super) environment: Vec<(String, String)>,
}

/// Runs all files, and returns a report of each, in their order.
pub(super) fn all(files: &Files, engine: &Path, settings: &Settings) -> anyhow::Result<Vec<FileReport>> {
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<(usize, FileReport)>> {
        let runner = ScriptRunner::open(engine, policy(settings)).context("the engine does not start")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut reports = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.tests.get(number) else { return Ok(reports) };
            reports.push((number, runtime.block_on(one(&runner, files, path, settings))?));
        }
    };
    let mut reports = thread::scope(|scope| -> anyhow::Result<Vec<_>> {
        let most = thread::available_parallelism().map_or(1, NonZero::get).min(files.tests.len());
        let threads: Vec<_> = (0..most).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow!("a thread that runs tests has panicked"))??);
        }
        Ok(all)
    })?;
    reports.sort_unstable_by_key(|(number, _)| *number);
    Ok(reports.into_iter().map(|(_, report)| report).collect())
}

fn policy(settings: &Settings) -> Policy {
    let mut policy = Policy::default_for("test");
    policy.limits.wall_time = settings.timeout;
    policy.limits.cpu_time = settings.timeout;
    policy.limits.logs = LOGS;
    policy.grants.environment = settings.environment.iter().cloned().collect();
    policy
}

/// Runs one file. A test that has to be stopped ends its sandbox, so that those after it get another one.
async fn one(
    runner: &ScriptRunner,
    files: &Files,
    path: &str,
    settings: &Settings,
) -> anyhow::Result<FileReport> {
    let mut report = FileReport::new(path);
    for _ in 0..=AGAIN {
        let script = script(files, path, settings, &report.ended())?;
        let Ran { outcome, records, time } = runner.run(script, "null").await;
        records.iter().for_each(|record| report.record(record));
        report.add_time(time);
        let Some(failure) = failure(outcome, settings) else { return Ok(report) };
        if !report.stop(failure) {
            return Ok(report);
        }
    }
    report.give_up(AGAIN + 1);
    Ok(report)
}

/// Why a file has not run to its end, if it has not.
fn failure(outcome: Outcome, settings: &Settings) -> Option<Failure> {
    let is_pending = matches!(&outcome, Outcome::Failed { error_type, .. } if error_type == "Function.PromiseNeverSettled");
    let is_late = matches!(outcome, Outcome::TimedOut { .. } | Outcome::CpuLimitExceeded { .. });
    let report = outcome.into_answer().err()?;
    let mut failure = Failure {
        name: report.error_type().to_owned(),
        message: report.message().to_owned(),
        stack: report.stack_trace().iter().map(|frame| place(frame)).filter(|place| is_own(place)).collect(),
    };
    if is_late {
        let time = humantime::format_duration(settings.timeout);
        failure.message = format!("it was stopped: the tests of a file have {time} together (--timeout)");
    }
    if is_pending {
        "it waits for a promise that nothing can settle any more: there is no timer, no request and no job left"
            .clone_into(&mut failure.message);
    }
    Some(failure)
}

fn place(frame: &str) -> String {
    frame.trim().strip_prefix("at ").unwrap_or(frame).to_owned()
}

/// Whether a frame is in a file of the project.
fn is_own(place: &str) -> bool {
    !place.contains("node:")
}

/// The script of a file of tests.
fn script(files: &Files, path: &str, settings: &Settings, ended: &[&str]) -> anyhow::Result<Arc<Script>> {
    let settings = json!({ "filter": settings.filter, "ended": ended, "mark": MARK });
    let entry = format!(
        "import {{ run }} from 'node:test';\nimport {};\nexport default run;\n",
        json!(format!("../{path}"))
    );
    let text = |path: &str, text: String| File { path: path.into(), content: text.into_bytes().into() };
    let mut all: Vec<File> = MODULES.iter().map(|(path, source)| text(path, (*source).to_owned())).collect();
    all.push(text(SETTINGS, format!("module.exports = {settings};\n")));
    all.push(text(ENTRY, entry));
    all.extend(
        files
            .all
            .iter()
            .map(|(path, content)| File { path: path.as_str().into(), content: Arc::clone(content) }),
    );
    let script = Script::new(Arc::from(Path::new(ENTRY)), ENTRY, all);
    Ok(Arc::new(script.context("the tests have no entry")?))
}
