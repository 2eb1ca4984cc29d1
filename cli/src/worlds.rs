//! Core modules that carry a description of their own world. What reads these was written for toolchains: one whose packages need
//! each other in a circle overflows its stack, which ends the process. So another process reads them, which is this command
//! again.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use bulkhead_host::sandbox::component::{self, ComponentError};
use bulkhead_host::wasm::Worlds;
use bulkhead_host::wasm::adapt::{self, AdaptError};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::output;

/// What the first argument of that other process is. It is no command of anybody's, so no help has it.
const ASKED: &str = ".read-world";

/// Why a world was not read.
#[derive(Debug, thiserror::Error)]
enum WorldError {
    /// As the process said it that read it.
    #[error("{0}")]
    Refused(String),
    #[error(
        "what it says of its world cannot be read: the process that did ended with {0}. No toolchain makes such a module; build it again \
         from its sources, or for the target wasm32-wasip2"
    )]
    Ended(ExitStatus),
    #[error("no process can be started to read what it says of its world: {0}")]
    NotStarted(io::Error),
}

/// The component in the bytes of a file, like [`component::ready`]; a description of a world is read.
pub(crate) fn ready<'w>(wasm: &'w [u8], path: &Path) -> Result<Cow<'w, [u8]>, ComponentError> {
    match component::ready(wasm, Worlds::Refused, path) {
        Err(ComponentError::CoreModule { error, .. })
            if matches!(error.downcast_ref(), Some(AdaptError::World)) =>
        {
            // The program of a unit test is not this command.
            let read = if cfg!(test) { read(path) } else { read_apart(path) };
            let adapted = read
                .map_err(|error| ComponentError::CoreModule { path: path.to_owned(), error: error.into() })?;
            Ok(Cow::Owned(component::ready(&adapted, Worlds::Refused, path)?.into_owned()))
        }
        ready => ready,
    }
}

fn read_apart(path: &Path) -> Result<Vec<u8>, WorldError> {
    let reader = std::env::current_exe().map_err(WorldError::NotStarted)?;
    let mut command = Command::new(reader);
    command.arg(ASKED).arg(path).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().map_err(WorldError::NotStarted)?;
    match status.code() {
        Some(0) => Ok(stdout),
        Some(_) => Err(WorldError::Refused(String::from_utf8_lossy(&stderr).trim_end().to_owned())),
        None => Err(WorldError::Ended(status)),
    }
}

/// The module to read, where this is that other process.
pub(crate) fn asked() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? == ASKED { arguments.next().map(PathBuf::from) } else { None }
}

/// Reads it, and writes the component that it becomes.
pub(crate) fn answer(path: &Path) -> ExitCode {
    // Nobody wants the memory of a process that was expected to end.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let written = read(path).and_then(|component| {
        output::hand_over(&component).map_err(|error| WorldError::Refused(error.to_string()))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, WorldError> {
    let refused = |error: &dyn ToString| WorldError::Refused(error.to_string());
    let module = component::read(path).map_err(|error| refused(&error))?;
    adapt::adapt_with_world(&module).map_err(|error| refused(&error))
}
