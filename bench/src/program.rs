//! A contestant's process, in an environment with only the variables that Lambda sets. It is killed when it
//! is dropped.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bulkhead_bench::process;

/// The amount of output that is kept for error messages.
const TAIL: usize = 4096;

/// The program to start, and its settings.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// The folder of its component.
    pub(crate) task_root: PathBuf,
    /// `_HANDLER`.
    pub(crate) handler: &'a str,
    /// The number of concurrent events in Lambda's variable; the variable is not set for 1.
    pub(crate) concurrency: usize,
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    started: Instant,
    tail: Arc<Mutex<Vec<u8>>>,
}

impl Launch<'_> {
    /// Starts it with a Runtime API server.
    pub(crate) fn start(&self, api: &str) -> Result<Program> {
        let mut command = Command::new(self.program);
        command.env_clear().envs([
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/measured"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/22/[$LATEST]0123456789abcdef"),
            ("AWS_LAMBDA_RUNTIME_API", api),
            ("AWS_REGION", "eu-central-1"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
            ("TZ", ":UTC"),
            ("_HANDLER", self.handler),
        ]);
        command.env("LAMBDA_TASK_ROOT", &self.task_root);
        if self.concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", self.concurrency.to_string());
            command.env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances");
        } else {
            command.env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        }
        Program::start(command)
    }
}

impl Program {
    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let tail = Arc::default();
        drain(child.stdout.take(), &tail);
        drain(child.stderr.take(), &tail);
        Ok(Self { child, started, tail })
    }

    /// The time when it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// The end of its output.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.tail.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Resident memory, in MB.
    pub(crate) fn resident_memory(&self) -> Result<f64> {
        process::resident_memory(self.child.id())
    }

    /// The processor time so far.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        process::processor_time(self.child.id())
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().context("looking at a process")?.is_some())
    }

    /// Kills it, as Lambda does with a process that hangs.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().context("killing a process")?;
        self.child.wait().context("waiting for a process that was killed")?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads a pipe to its end, so that the process never blocks, and keeps the end of the output.
fn drain(pipe: Option<impl Read + Send + 'static>, tail: &Arc<Mutex<Vec<u8>>>) {
    let Some(mut pipe) = pipe else { return };
    let tail = Arc::clone(tail);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend_from_slice(&buffer[..count]);
            let surplus = tail.len().saturating_sub(TAIL);
            tail.drain(..surplus);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Program::start(command).unwrap()
    }

    #[test]
    fn the_end_of_the_output_is_kept() {
        let mut program = shell("yes 0123456789 | head -n 10000; echo the end");
        program.child.wait().unwrap();
        while !program.log().ends_with("the end\n") {
            thread::yield_now();
        }
        assert_eq!(program.log().len(), TAIL);
    }

    #[test]
    fn a_process_is_watched_and_killed() {
        let mut program = shell("kill -STOP $$");
        assert!(program.resident_memory().unwrap() > 0.0);
        assert!(!program.has_ended().unwrap());
        program.kill().unwrap();
        assert!(program.has_ended().unwrap());
        assert!(program.processor_time().is_err());
    }
}
