//! Core modules that carry a description of their own world. The library that reads it was written for
//! toolchains: packages that depend on each other in a circle overflow its stack, which ends the process. So
//! the description is read by a child process, which is this command again.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use bulkhead_host::sandbox::component::{self, ComponentError};
use bulkhead_host::wasm::Worlds;
use bulkhead_host::wasm::adapt::{self, AdaptError};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::output;

/// The first argument of the child process. It is not a subcommand, so no help mentions it.
const ASKED: &str = ".read-world";

/// Why a world was not read.
#[derive(Debug, thiserror::Error)]
enum WorldError {
    /// The error that the child process printed.
    #[error("{0}")]
    Refused(String),
    #[error(
        "the description of its world cannot be read: the process that tried ended with {0}. No toolchain \
         makes such a module; build it again from its sources, or for the target wasm32-wasip2"
    )]
    Ended(ExitStatus),
    #[error("no process can be started to read the description of its world: {0}")]
    NotStarted(io::Error),
}

/// The component in the bytes of a file, like [`component::ready`], except that the description of a world is
/// read.
pub(crate) fn ready<'w>(wasm: &'w [u8], path: &Path) -> Result<Cow<'w, [u8]>, ComponentError> {
    match component::ready(wasm, Worlds::Refused, path) {
        Err(ComponentError::CoreModule { error, .. })
            if matches!(error.downcast_ref(), Some(AdaptError::World)) =>
        {
            // In a unit test, the current program is not this command.
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

/// The path of the module, if this process is the child.
pub(crate) fn asked() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? == ASKED { arguments.next().map(PathBuf::from) } else { None }
}

/// Reads the module, and writes the component that it becomes.
pub(crate) fn answer(path: &Path) -> ExitCode {
    // The child may crash, which should not leave a core dump.
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
