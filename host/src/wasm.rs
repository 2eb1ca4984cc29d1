//! What a file is, and whether the component in it can run: its format, kind, exports and imports, the
//! features that it uses, and its size in the compiler; also components made from core modules, and the
//! `.cwasm` of a component.
//!
//! May use: text, engine.
//! May use in tests: capabilities.

#[cfg(feature = "compiler")]
pub mod adapt;
#[cfg(feature = "compiler")]
mod compile;
#[cfg(feature = "compiler")]
mod explain;
#[cfg(feature = "compiler")]
mod features;
mod format;
mod functions;
#[cfg(feature = "compiler")]
mod growth;
#[cfg(feature = "compiler")]
mod images;
pub(crate) mod kind;
pub(crate) mod names;
mod ready;
#[cfg(feature = "compiler")]
mod reset;

#[cfg(feature = "compiler")]
pub use compile::{CompileError, compile, compile_preinitialised};
#[cfg(feature = "compiler")]
pub(crate) use explain::explain;
#[cfg(feature = "compiler")]
pub use features::FeatureError;
pub(crate) use functions::as_function;
pub use kind::{Kind, KindError};
pub use names::Description;
pub use ready::{ReadyError, Worlds, ready};
#[cfg(feature = "compiler")]
pub use reset::{reset, reset_of_snapshot};
