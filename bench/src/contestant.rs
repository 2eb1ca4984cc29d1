//! The programs that are compared, and how each one gets its handler.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::program::{Launch, Program};
use crate::server::{Server, WAIT_LIMIT};

/// The positions of the contestants in all tables.
pub(crate) const REFERENCE: usize = 0;
pub(crate) const ONE_THREAD: usize = 1;
pub(crate) const CWASM: usize = 2;
/// The name of the second form of `lambda_runtime`.
pub(crate) const ONE_THREAD_NAME: &str = "…, one thread";

/// One way to run handlers.
#[derive(Debug)]
pub(crate) struct Contestant {
    /// The name in the report.
    pub(crate) name: &'static str,
    /// The program to start.
    pub(crate) program: PathBuf,
    /// The folder of its components, and their extension; `None` for a program that contains the handlers.
    components: Option<(PathBuf, &'static str)>,
    /// A suffix that is added to a handler's name to get the name of its component.
    variant: &'static str,
    /// Its `bulkhead.toml`, if it has one.
    manifest: Option<&'static str>,
    roots: TempDir,
}

/// A running contestant and its server. The process is dropped first.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process.
    pub(crate) program: Program,
    /// The server that it gets its events from.
    pub(crate) server: Server,
    /// How many calls for an event were pending before the first event.
    pub(crate) calls: usize,
}

impl Contestant {
    /// A program that contains the handlers.
    pub(crate) fn native(name: &'static str, program: &Path) -> Result<Self> {
        let roots = tempfile::tempdir().context("making a task root")?;
        Ok(Self { name, program: program.to_owned(), components: None, variant: "", manifest: None, roots })
    }

    /// A bootstrap, and a directory with components of this extension.
    pub(crate) fn components(
        name: &'static str,
        program: &Path,
        directory: &Path,
        end: &'static str,
    ) -> Result<Self> {
        Ok(Self { components: Some((directory.to_owned(), end)), ..Self::native(name, program)? })
    }

    /// The program under another name, with other components and a `bulkhead.toml`.
    pub(crate) fn varied(
        &self,
        name: &'static str,
        variant: &'static str,
        manifest: Option<&'static str>,
    ) -> Result<Self> {
        let components = self.components.clone();
        Ok(Self { components, variant, manifest, ..Self::native(name, &self.program)? })
    }

    /// Creates the task root of a handler, with its component, or with the answer of a program that answers
    /// every event in one way.
    pub(crate) fn prepare(&self, handler: &str, answer: &[u8]) -> Result<()> {
        let root = self.roots.path().join(handler);
        fs::create_dir_all(&root).context("making a task root")?;
        match &self.components {
            None => fs::write(root.join("answer"), answer).context("writing an answer")?,
            Some((directory, end)) => {
                let from = directory.join(format!("{handler}{}.{end}", self.variant));
                let to = root.join(format!("{handler}.{end}"));
                fs::copy(&from, to).with_context(|| format!("copying {}", from.display()))?;
            }
        }
        self.manifest.map_or(Ok(()), |toml| self.manifest(handler, toml))
    }

    /// Writes a `bulkhead.toml` beside the component of a prepared handler.
    pub(crate) fn manifest(&self, handler: &str, toml: &str) -> Result<()> {
        let file = self.roots.path().join(handler).join("bulkhead.toml");
        fs::write(&file, toml).context("writing a bulkhead.toml")
    }

    /// How to start it for a prepared handler.
    pub(crate) fn launch<'a>(&'a self, handler: &'a str, concurrency: usize) -> Launch<'a> {
        let task_root = self.roots.path().join(handler);
        Launch { program: &self.program, task_root, handler, concurrency }
    }

    /// Starts it, and waits until it has a pending call for each concurrent event.
    pub(crate) fn start(&self, handler: &str, concurrency: usize) -> Result<Started> {
        let server = Server::start()?;
        let program = self.launch(handler, concurrency).start(&server.address())?;
        let mut started = Started { program, server, calls: 0 };
        started.wait_first().with_context(|| self.failed(&started))?;
        started.calls = if concurrency > 1 { started.server.wait_pending(concurrency, GRACE)? } else { 1 };
        Ok(started)
    }

    /// The message about a contestant that failed.
    pub(crate) fn failed(&self, started: &Started) -> String {
        format!("{} failed; the end of its log:\n{}", self.name, started.program.log())
    }
}

/// How long a contestant may take from its first call for an event to the others.
const GRACE: Duration = Duration::from_millis(500);

impl Started {
    /// Waits until it calls for an event, and returns the time since its start.
    pub(crate) fn wait_first(&self) -> Result<Duration> {
        ensure!(self.server.wait_pending(1, WAIT_LIMIT)? > 0, "it does not ask for an event");
        let next = self.server.last_next().context("it does not ask for an event")?;
        Ok(next - self.program.started())
    }
}
