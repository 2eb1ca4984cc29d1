//! What a file is, and whether a component in it can run: its format, its kind, what it exports and imports, which features it
//! uses, what it would grow to in the compiler; core modules, of which components are made; and the `.cwasm` of a component.
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
pub use compile::{CompileError, compile, compile_preinitialised};
#[cfg(feature = "compiler")]
pub(crate) use explain::explain;
#[cfg(feature = "compiler")]
pub use features::FeatureError;
pub(crate) use functions::as_function;
pub use kind::{Kind, KindError};
pub use names::Description;
pub use ready::{ReadyError, Worlds, ready};
