//! Who is compared: a program, and the component that it runs unless the handler is part of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bulkhead_tests::{Bootstrap, Event, Running, RuntimeApi};
use tempfile::TempDir;

/// The event: 100 bytes of JSON.
const NAME: &str =
    "a name that is just as long as it takes to make an event of a hundred bytes, all in JSON.";

/// One way to run the `hello` handler.
#[derive(Debug)]
pub(crate) struct Contestant {
    /// What the report calls it.
    pub(crate) name: &'static str,
    /// What is started.
    pub(crate) program: PathBuf,
    task_root: TempDir,
}

/// A contestant that runs, and the Runtime API that it talks to.
#[derive(Debug)]
pub(crate) struct Started {
    /// Where events are put, and answers found.
    pub(crate) api: RuntimeApi,
    /// The process.
    pub(crate) process: Running,
}

impl Contestant {
    /// A program that has the handler in it.
    pub(crate) fn native(name: &'static str, program: &Path) -> Result<Self> {
        let task_root = tempfile::tempdir().context("making a task root")?;
        Ok(Self { name, program: program.to_owned(), task_root })
    }

    /// A bootstrap, alone with a component.
    pub(crate) fn component(name: &'static str, program: &Path, component: &Path) -> Result<Self> {
        let contestant = Self::native(name, program)?;
        let file = component.file_name().context("a component has a name")?;
        fs::copy(component, contestant.task_root.path().join(file))
            .with_context(|| format!("copying {}", component.display()))?;
        Ok(contestant)
    }

    /// Starts it, and waits until it asks for an event.
    pub(crate) fn start(&self) -> Started {
        let api = RuntimeApi::start();
        let process =
            Bootstrap::at(&self.program).task_root(self.task_root.path()).handler("hello").api(&api).spawn();
        api.wait_idle();
        Started { api, process }
    }
}

/// The event that all of them get.
pub(crate) fn event() -> Event {
    Event::json(format!(r#"{{"name":"{NAME}"}}"#))
}

/// The answer that all of them must give.
pub(crate) fn answer() -> String {
    format!(r#"{{"message":"Hello {NAME}!"}}"#)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_event_has_a_hundred_bytes() {
        assert_eq!(super::event().body.len(), 100);
    }
}
