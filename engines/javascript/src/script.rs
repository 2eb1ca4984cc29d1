//! The files of a script as modules: which file a specifier names, which kind of module it is, and what it exports.

mod commonjs;
mod compile;
mod detect;
mod graph;
mod loader;
mod resolve;

pub(crate) use compile::{Mistake, bytecode, evaluate, function, read_code, write_code};
pub(crate) use graph::Graph;
pub(crate) use loader::{Started, install, start};

/// The kinds of modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ES module.
    Module,
    /// A CommonJS module.
    CommonJs,
    /// Data.
    Json,
}
