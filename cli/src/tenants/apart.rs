//! Compiles a component in a process of its own, which is this command again: a tenant's component is not trusted, and
//! the compiler is not a sandbox. The process has limits of memory and processor time, and may crash.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use bulkhead_host::engine::Target;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{compile, output};

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
#[derive(Debug)]
pub(crate) struct Asked {
    input: PathBuf,
    output: PathBuf,
    target: Target,
}

/// Compiles the component in a file to a `.cwasm`.
pub(super) fn compile(input: &Path, output: &Path, target: Target) -> Result<(), ApartError> {
    // In a unit test, the current program is not this command.
    if cfg!(test) {
        return compile::native(input, output, target)
            .map_err(|error| ApartError::Refused(format!("{error:#}")));
    }
    let compiler = std::env::current_exe().map_err(ApartError::NotStarted)?;
    let mut command = Command::new(compiler);
    command.arg(ASKED).arg(input).arg(output).arg(target.name());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let Output { status, stderr, .. } = command.output().map_err(ApartError::NotStarted)?;
    // A process without memory may end itself.
    if status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&stderr).trim_end().to_owned();
    match status.code() {
        Some(_) if status.signal().is_none() && !text.is_empty() => Err(ApartError::Refused(text)),
        Some(_) | None => Err(ApartError::Ended(status)),
    }
}

/// What to compile, if this process is the child.
pub(crate) fn asked() -> Option<Asked> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ASKED {
        return None;
    }
    let (input, output) = (arguments.next()?.into(), arguments.next()?.into());
    let target = Target::parse(arguments.next()?.to_str()?)?;
    Some(Asked { input, output, target })
}

/// Compiles it.
pub(crate) fn answer(asked: &Asked) -> ExitCode {
    for (resource, most) in [(Resource::Core, 0), (Resource::Data, MEMORY), (Resource::Cpu, SECONDS)] {
        if let Err(error) = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }) {
            output::tell(&format!("the limits of the compiler cannot be set: {error}"));
            return ExitCode::FAILURE;
        }
    }
    match compile::native(&asked.input, &asked.output, asked.target) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::tell(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
