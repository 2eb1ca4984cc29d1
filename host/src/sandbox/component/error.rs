//! The reasons why a component cannot be used.

use std::path::{Path, PathBuf};

use crate::engine::ShareError;
use crate::engine::artifact::ArtifactError;
use crate::text::printable::{Shown as _, told};
use crate::wasm::ReadyError;

/// A component that cannot be used. Every text names the file.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// The file cannot be read.
    #[error("{}: {error}", path.shown())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// A `.cwasm` that must not be loaded.
    #[error("{}: {}. Compile it again with `bulkhead compile`", path.shown(), told(error))]
    Artifact {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: ArtifactError,
    },
    /// A `.wasm`, but there is no compiler.
    #[error(
        "{}: this bootstrap has no compiler; make a .cwasm with `bulkhead compile`, or deploy the bootstrap \
         with the compiler",
        path.shown()
    )]
    NoCompiler {
        /// The file.
        path: PathBuf,
    },
    /// A core module that cannot be made into a component.
    #[error("{}: this is a core module, not a component, and cannot be adapted: {}", path.shown(), told(error))]
    CoreModule {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: wasmtime::Error,
    },
    /// A `.wasm` that the compiler rejects, or that must not reach it.
    #[error("{}: not a valid component: {}", path.shown(), told(error))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The error of the compiler.
        error: wasmtime::Error,
    },
    /// A component whose sandboxes would exceed their share.
    #[error("{}: it takes more than one sandbox may have: {}", path.shown(), told(error))]
    Share {
        /// The file.
        path: PathBuf,
        /// What it takes, and how much is available.
        error: ShareError,
    },
    /// A component of a kind that does not run.
    #[error("{}: {}", path.shown(), told(reason))]
    Kind {
        /// The file.
        path: PathBuf,
        /// The kind that it is instead.
        reason: String,
    },
    /// A component that needs imports that the host does not have.
    #[error("{}: it imports something that this host does not have: {}; {advice}", path.shown(), told(error))]
    Import {
        /// The file.
        path: PathBuf,
        /// The names of these imports.
        error: wasmtime::Error,
        /// The advice.
        advice: &'static str,
    },
}

impl ComponentError {
    /// The error, about another file: the one that the user knows.
    #[must_use]
    pub fn about(mut self, file: &Path) -> Self {
        match &mut self {
            Self::Read { path, .. }
            | Self::Artifact { path, .. }
            | Self::NoCompiler { path }
            | Self::CoreModule { path, .. }
            | Self::Invalid { path, .. }
            | Self::Share { path, .. }
            | Self::Kind { path, .. }
            | Self::Import { path, .. } => file.clone_into(path),
        }
        self
    }

    /// The reason why the bytes of a file cannot be made into a component.
    pub(super) fn of_bytes(error: ReadyError, path: &Path) -> Self {
        let path = path.to_owned();
        match error {
            ReadyError::Invalid(error) => Self::Invalid { path, error },
            ReadyError::CoreModule(error) => Self::CoreModule { path, error },
            ReadyError::NoCompiler => Self::NoCompiler { path },
        }
    }
}
