//! Compiles a component, or runs its init function, in a process of its own, which is this command again: a tenant's
//! component is not trusted, and the compiler is not a sandbox. The process has limits of memory and processor time, and
//! may crash.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use bulkhead_host::engine::Target;
use clap::Parser;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::compile::{self, parse_target};
use crate::{output, preinit};

/// The first argument of the child process. It is not a subcommand, so no help mentions it.
const ASKED: &str = ".compile-apart";
/// The memory that the process may write to. Its address space is no measure: the engine reserves more than it uses.
const MEMORY: u64 = GIB << 30;
const GIB: u64 = 4;
/// The processor time of the process, over all of its threads.
const SECONDS: u64 = 120;

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApartError {
    /// The error that the child process printed.
    #[error("{0}")]
    Refused(String),
    #[error(
        "the process that compiled it ended with {0}: it may take {SECONDS} s of processor time and {GIB} GiB of memory"
    )]
    Ended(ExitStatus),
    #[error("no process can be started to compile it: {0}")]
    NotStarted(io::Error),
}

/// What the child process compiles.
#[derive(Debug, Parser)]
pub(crate) struct Asked {
    input: PathBuf,
    output: PathBuf,
    #[arg(long, value_parser = parse_target)]
    target: Option<Target>,
    #[command(flatten)]
    preinit: preinit::Options,
}

/// Compiles the component in a file to a `.cwasm`. If its init function is to be run, the output may be a `.wasm`, which
/// is the component that is left.
pub(super) fn compile(
    input: &Path,
    output: &Path,
    target: Option<Target>,
    preinit: &preinit::Options,
) -> Result<(), ApartError> {
    // In a unit test, the current program is not this command.
    if cfg!(test) {
        return compile::made(input, output, target, preinit)
            .map_err(|error| ApartError::Refused(format!("{error:#}")));
    }
    let compiler = std::env::current_exe().map_err(ApartError::NotStarted)?;
    let mut command = Command::new(compiler);
    command.arg(ASKED).args(target.map(|target| format!("--target={}", target.name())));
    command.args(preinit.arguments()).arg("--").arg(input).arg(output);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let Output { status, stderr, .. } = command.output().map_err(ApartError::NotStarted)?;
    let text = String::from_utf8_lossy(&stderr).trim_end().to_owned();
    if status.success() {
        // What the init function has printed.
        text.lines().for_each(output::tell);
        return Ok(());
    }
    // A process without memory may end itself.
    match status.code() {
        Some(_) if status.signal().is_none() && !text.is_empty() => Err(ApartError::Refused(text)),
        Some(_) | None => Err(ApartError::Ended(status)),
    }
}

/// What to compile, if this process is the child.
pub(crate) fn asked() -> Option<Asked> {
    let arguments = std::env::args_os().skip(1);
    if std::env::args_os().nth(1)? == ASKED { Asked::try_parse_from(arguments).ok() } else { None }
}

/// Compiles it.
pub(crate) fn answer(asked: &Asked) -> ExitCode {
    for (resource, most) in [(Resource::Core, 0), (Resource::Data, MEMORY), (Resource::Cpu, SECONDS)] {
        if let Err(error) = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }) {
            output::tell(&format!("the limits of the compiler cannot be set: {error}"));
            return ExitCode::FAILURE;
        }
    }
    match compile::made(&asked.input, &asked.output, asked.target, &asked.preinit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::tell(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
