//! A directory like `/var/task`, with the components of one test in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::artifacts;

/// A task root of its own for each test. It goes when it is dropped.
#[derive(Debug)]
pub struct TaskRoot {
    directory: TempDir,
}

impl Default for TaskRoot {
    fn default() -> Self {
        Self::new()
    }
}

impl TaskRoot {
    /// An empty one.
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("make a task root") }
    }

    /// With the component of an example or test guest, under its own name.
    pub fn with(self, guest: &str) -> Self {
        let name = format!("{guest}.wasm");
        self.file(&name, &std::fs::read(artifacts::component(guest)).expect("read the component"))
    }

    /// With the `.cwasm` of a guest, and without its `.wasm`.
    pub fn with_compiled(self, guest: &str) -> Self {
        let output = self.compile(guest, &format!("{guest}.cwasm"), &[]);
        assert!(output.status.success(), "compile {guest}: {}", String::from_utf8_lossy(&output.stderr));
        self
    }

    /// With this `bulkhead.toml`.
    pub fn manifest(self, toml: &str) -> Self {
        self.file("bulkhead.toml", toml.as_bytes())
    }

    /// With a file of this content.
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("make a directory");
        std::fs::write(path, content).expect("write into the task root");
        self
    }

    /// Runs `bulkhead compile` on a guest, with the result under this name in here.
    pub fn compile(&self, guest: &str, name: &str, arguments: &[&str]) -> Output {
        Command::new(artifacts::cli())
            .arg("compile")
            .arg(artifacts::component(guest))
            .arg("-o")
            .arg(self.path().join(name))
            .args(arguments)
            .output()
            .expect("run `bulkhead compile`")
    }

    /// Changes a file that is there.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path().join(name);
        let mut content = std::fs::read(&path).expect("read from the task root");
        change(&mut content);
        std::fs::write(path, content).expect("write into the task root");
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl From<&TaskRoot> for PathBuf {
    fn from(root: &TaskRoot) -> Self {
        root.path().to_owned()
    }
}
