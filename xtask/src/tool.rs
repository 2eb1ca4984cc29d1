//! Programs from crates.io that the checks need. Each has one pinned version, is compiled once, and is kept in the target
//! directory.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::compile::compile_untimed;
use crate::fetched::Fetched;
use crate::workspace::Workspace;

/// A program that is installed.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The name of the package and of its program.
    pub(crate) name: &'static str,
    /// The pinned version. A newer one may need a newer Rust.
    pub(crate) version: &'static str,
    /// Further arguments of `cargo install`.
    pub(crate) arguments: &'static [&'static str],
}

impl Tool {
    /// Installs it, unless this version is installed already.
    pub(crate) fn install(&self, workspace: &Workspace) -> Result<Fetched> {
        let found = Command::new(self.program(workspace)).arg("--version").stdin(Stdio::null()).output();
        let is_here = |printed: &[u8]| {
            let printed = String::from_utf8_lossy(printed);
            printed.split_whitespace().any(|word| word.trim_start_matches('v') == self.version)
        };
        if found.is_ok_and(|found| is_here(&found.stdout)) {
            return Ok(Fetched::Ready);
        }
        // Unoptimised, because these programs compile for longer than they run.
        let mut install =
            workspace.cargo(["install", self.name, "--quiet", "--locked", "--debug", "--force"]);
        install.args(["--version", self.version]).args(self.arguments);
        install.arg("--root").arg(workspace.target(self.name));
        // A target directory of its own, which is removed: nothing else can use these artifacts.
        let compiled = workspace.target(self.name).join("target");
        if let Err(error) = compile_untimed(workspace, install.arg("--target-dir").arg(&compiled)) {
            return Ok(Fetched::Impossible(format!(
                "installing {} from crates.io failed: {error:#}",
                self.name
            )));
        }
        fs::remove_dir_all(&compiled).with_context(|| format!("removing {}", compiled.display()))?;
        Ok(Fetched::Ready)
    }

    /// The path of the installed program.
    pub(crate) fn program(&self, workspace: &Workspace) -> PathBuf {
        workspace.target(self.name).join("bin").join(self.name)
    }
}
