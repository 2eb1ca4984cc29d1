//! Why a component cannot be used.

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
        /// What the system said.
        error: std::io::Error,
    },
    /// A `.cwasm` that must not be loaded.
    #[error("{}: {}. Make it anew with `bulkhead compile`", path.shown(), told(error))]
    Artifact {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: ArtifactError,
    },
    /// A `.wasm`, and no compiler.
    #[error(
        "{}: this bootstrap has no compiler; make a .cwasm with `bulkhead compile`, or ship the bootstrap \
         that has one",
        path.shown()
    )]
    NoCompiler {
        /// The file.
        path: PathBuf,
    },
    /// A core module that no component can be made of.
    #[error("{}: this is a core module, not a component, and cannot be adapted: {}", path.shown(), told(error))]
    CoreModule {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: wasmtime::Error,
    },
    /// A `.wasm` that the compiler refuses, or had better not see.
    #[error("{}: not a valid component: {}", path.shown(), told(error))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the compiler said.
        error: wasmtime::Error,
    },
    /// A component of which a sandbox would take more than its share.
    #[error("{}: it takes more than one sandbox may have: {}", path.shown(), told(error))]
    Share {
        /// The file.
        path: PathBuf,
        /// What it takes, and how much there is.
        error: ShareError,
    },
    /// A component of no kind that runs.
    #[error("{}: {}", path.shown(), told(reason))]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// A component that needs more than the host has.
    #[error("{}: it needs something that this host does not have: {}; {advice}", path.shown(), told(error))]
    Import {
        /// The file.
        path: PathBuf,
        /// What it needs, by name.
        error: wasmtime::Error,
        /// What to do about it.
        advice: &'static str,
    },
}

impl ComponentError {
    /// The same error, about another file: the one that people know.
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

    /// Why no component can be made of the bytes of a file.
    pub(super) fn of_bytes(error: ReadyError, path: &Path) -> Self {
        let path = path.to_owned();
        match error {
            ReadyError::Invalid(error) => Self::Invalid { path, error },
            ReadyError::CoreModule(error) => Self::CoreModule { path, error },
            ReadyError::NoCompiler => Self::NoCompiler { path },
        }
    }
}
