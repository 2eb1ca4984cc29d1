//! The paths of this workspace, as cargo reports them, and helpers to run tools.
//!
//! There is one target directory, which is cargo's own (`CARGO_TARGET_DIR` applies). Each product has a
//! method here, so that no other file spells out a path.

use std::env;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::compile::CompileClock;

/// The target of guests.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// The target of arm64.
pub(crate) const ARM64: &str = "aarch64-unknown-linux-gnu";

/// The checkout and its products.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    packages: Vec<Package>,
    clock: CompileClock,
}

/// The profile of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Compiled quickly: the profile of unit tests, so that everything is compiled once.
    Dev,
    /// Compiled as it ships.
    Release,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// The name in `Cargo.toml`.
    pub(crate) name: String,
    /// The directory.
    pub(crate) directory: PathBuf,
}

impl Workspace {
    /// Reads `cargo metadata`.
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec().context("running `cargo metadata`")?;
        let mut packages = Vec::new();
        for package in metadata.packages {
            let mut directory = package.manifest_path.into_std_path_buf();
            directory.pop();
            packages.push(Package { name: package.name.into_inner(), directory });
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root: metadata.workspace_root.into(),
            target: metadata.target_directory.into(),
            packages,
            clock: CompileClock::default(),
        })
    }

    /// A path in the checkout.
    pub(crate) fn source(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path in the target directory.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.target.join(relative)
    }

    /// The members below a directory of the checkout, by name.
    pub(crate) fn packages_below(&self, relative: &str) -> impl Iterator<Item = &Package> {
        let directory = self.root.join(relative);
        self.packages.iter().filter(move |package| package.directory.starts_with(&directory))
    }

    /// The member with this name.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        self.packages.iter().find(|package| package.name == name).with_context(|| {
            let names: Vec<&str> = self.packages.iter().map(|package| &*package.name).collect();
            format!("there is no package `{name}`; the packages are: {}", names.join(", "))
        })
    }

    /// The bootstrap with the compiler.
    pub(crate) fn bootstrap(&self, profile: Profile) -> PathBuf {
        self.program(profile, "bootstrap")
    }

    /// The bootstrap without the compiler, which ships.
    pub(crate) fn lean_bootstrap(&self) -> PathBuf {
        self.target("lean/bootstrap")
    }

    /// The bootstrap without the compiler for arm64.
    pub(crate) fn arm64_bootstrap(&self) -> PathBuf {
        self.target("lean/bootstrap-arm64")
    }

    /// The `bulkhead` command.
    pub(crate) fn command_line(&self, profile: Profile) -> PathBuf {
        self.program(profile, "bulkhead")
    }

    /// The program of `cargo xtask suites`.
    pub(crate) fn suites(&self) -> PathBuf {
        self.program(Profile::Dev, "suites")
    }

    /// The program of `cargo xtask demo`.
    pub(crate) fn demo(&self) -> PathBuf {
        self.program(Profile::Dev, "demo")
    }

    fn program(&self, profile: Profile, name: &str) -> PathBuf {
        let directory = match profile {
            Profile::Dev => "debug",
            Profile::Release => "release",
        };
        self.target(directory).join(name)
    }

    /// The directory with `<name>.wasm` of every example and test guest.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target(WASM).join("release")
    }

    /// One component.
    pub(crate) fn guest(&self, name: &str) -> PathBuf {
        self.guests().join(format!("{name}.wasm"))
    }

    /// How long cargo has compiled during the current step.
    pub(crate) fn clock(&self) -> &CompileClock {
        &self.clock
    }

    /// The cargo that runs this program, at the root of the checkout.
    pub(crate) fn cargo<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(cargo_program());
        command.args(arguments).current_dir(&self.root);
        command
    }
}

/// The command with a time limit (in the format of `timeout`), after which it is killed together with its
/// children.
pub(crate) fn within(limit: &str, command: &Command) -> Command {
    let mut limited = Command::new("timeout");
    limited
        .args(["--verbose", "--kill-after=10s", limit])
        .arg(command.get_program())
        .args(command.get_args());
    in_same_place(&mut limited, command);
    limited
}

/// Gives a command the environment and directory of another.
pub(crate) fn in_same_place(command: &mut Command, other: &Command) {
    for (name, value) in other.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(directory) = other.get_current_dir() {
        command.current_dir(directory);
    }
}

/// Shows a command, runs it with this program's stdout and stderr and without stdin, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("      $ {}", shown(command));
    std::io::stdout().flush().ok();
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("starting `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Whether a program can be started and succeeds. Its output is discarded.
pub(crate) fn works(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Whether a program is installed.
pub(crate) fn has(program: &str) -> bool {
    works(Command::new(program).arg("--version"))
}

/// A command as you would type it, without the directory of its program.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        match argument.contains(['"', ' ', '$', '*']) {
            true => line.push_str(&format!(" '{argument}'")),
            false => line.push_str(&format!(" {argument}")),
        }
    }
    line
}

/// Whether this is CI, where nothing may be left out.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

fn cargo_program() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
