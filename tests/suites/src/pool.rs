//! Runs scripts on all processors, each in a sandbox of its own.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bulkhead_host::policy::Policy;
use bulkhead_host::preinit::ScriptRunner;
use bulkhead_host::script::{File, Script};

/// A script to run.
#[derive(Debug, Default)]
pub(crate) struct Job {
    /// Path and content of each file.
    pub(crate) files: Vec<(String, Arc<[u8]>)>,
}

/// The path of the entry of each job.
pub(crate) const ENTRY: &str = "run.cjs";

/// The answer of a script, or what happened in place of one.
pub(crate) type Answer = Result<String, String>;

/// The time of a test. Some need seconds, and the machine may be busy.
const TIME: Duration = Duration::from_secs(60);
const MEMORY: usize = 512 * 1024 * 1024;

/// Runs the jobs that `job` makes of the numbers below `count`, and returns their answers in order.
pub(crate) fn run(
    engine: &Path,
    count: usize,
    job: impl Fn(usize) -> Result<Job> + Sync,
) -> Result<Vec<Answer>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Answer)>> {
        let runner = ScriptRunner::open(engine, policy())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut answers = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(answers);
            }
            let script = script(job(number)?)?;
            let ran = runtime.block_on(runner.run(script, "null"));
            answers.push((number, answer(ran.outcome.into_answer())));
        }
    };
    let mut answers = thread::scope(|scope| -> Result<Vec<_>> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::with_capacity(count);
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow!("a thread panicked"))??);
        }
        Ok(all)
    })?;
    answers.sort_unstable_by_key(|(number, _)| *number);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

fn policy() -> Policy {
    let mut policy = Policy::default_for("suites");
    policy.limits.wall_time = TIME;
    policy.limits.cpu_time = TIME;
    policy.limits.memory = MEMORY;
    policy.limits.random = u64::MAX;
    policy
}

fn script(job: Job) -> Result<Arc<Script>> {
    let files = job.files.into_iter().map(|(path, content)| File { path: path.into(), content }).collect();
    let script = Script::new(Arc::from(Path::new(ENTRY)), ENTRY, files);
    Ok(Arc::new(script.context("a job has no entry")?))
}

fn answer(answer: bulkhead_host::runtime_api::Answer) -> Answer {
    match answer {
        // What a test answers is a text. One that is not well-formed Unicode is shown as it came.
        Ok(bytes) => {
            Ok(serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned()))
        }
        Err(report) => Err(format!("{}: {}", report.error_type(), report.message())),
    }
}
