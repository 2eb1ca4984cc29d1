//! Scripts: the source files that an engine runs in a sandbox, and that belong to one handler or tenant.
//!
//! The room owns what a script is ([`Script`]), how it is read from its [`folder`] or from its [`object`] in a store, its
//! [`bytecode`], that which a package has ([`packaged`]), and the scripts that are kept in memory ([`Cache`]). A script is read in full, once, and the loaded copy is
//! what runs: nothing is opened for an event, and a file
//! that changes while it is served changes nothing. `capabilities/script.rs` gives it to the engine.
//!
//! May use: text, policy.

mod bytecode;
mod cache;
mod folder;
pub mod object;
pub mod packaged;

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

pub use bytecode::{Bytecode, MOST_BYTECODE, MOST_COMPILED, SMALLEST, SMALLEST_PACKAGED};
pub use cache::{Cache, MOST_BYTES_KEPT};
pub use folder::{DEEPEST, LONGEST_PATH, MOST_BYTES, MOST_FILES, ReadError, read};

/// What a script takes in memory beside its files, and a file beside its content.
const OF_SCRIPT: usize = 512;
const OF_FILE: usize = 128;

/// A script in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The place of its entry in the task root, by which it is known; or its digest, if it is one of a store.
    pub place: Arc<Path>,
    /// The path of its entry in its folder.
    pub entry: Box<str>,
    /// `sha256:…` of its entry and of the paths and contents of all its files.
    pub digest: Arc<str>,
    /// In the order of their paths.
    files: Vec<File>,
    bytecode: Option<Bytecode>,
}

/// One file of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the folder of the script.
    pub path: Box<str>,
    /// Its content.
    pub content: Arc<[u8]>,
}

impl Script {
    /// The script with this entry. `None` if the entry is not one of the files.
    pub fn new(place: Arc<Path>, entry: &str, mut files: Vec<File>) -> Option<Self> {
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let digest = digest(entry, &files).into();
        let script = Self { place, entry: entry.into(), digest, files, bytecode: None };
        script.file(entry).is_some().then_some(script)
    }

    /// The file at this path, which is compared byte for byte: there is no other spelling of it.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.get(self.place_of(path)?)
    }

    /// The bytecode of the file at this path, if it has some.
    pub fn bytecode(&self, path: &str) -> Option<&Arc<[u8]>> {
        self.bytecode.as_ref()?.files.get(self.place_of(path)?)?.as_ref()
    }

    /// All of the bytecode that this engine has made of it.
    pub fn bytecode_for(&self, engine: &str) -> Option<&Bytecode> {
        self.bytecode.as_ref().filter(|bytecode| *bytecode.engine == *engine)
    }

    fn place_of(&self, path: &str) -> Option<usize> {
        self.files.binary_search_by(|file| (*file.path).cmp(path)).ok()
    }

    /// It with bytecode, or without.
    #[must_use]
    pub fn with_bytecode(self, bytecode: Option<Bytecode>) -> Self {
        Self { bytecode, ..self }
    }

    /// It as this engine may have it: bytecode of another one is left out.
    pub fn for_engine(self: Arc<Self>, engine: &str) -> Arc<Self> {
        match &self.bytecode {
            Some(bytecode) if *bytecode.engine != *engine => Arc::new(Self::clone(&self).with_bytecode(None)),
            Some(_) | None => self,
        }
    }

    /// All files, in the order of their paths.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// What it takes in memory, roughly, in bytes.
    pub fn size(&self) -> usize {
        let of_file = |file: &File| OF_FILE + file.path.len() + file.content.len();
        let bytecode = self.bytecode.as_ref().map_or(0, Bytecode::size);
        OF_SCRIPT + self.files.iter().map(of_file).sum::<usize>() + bytecode
    }
}

/// The digest of the [`object`] of a script.
fn digest(entry: &str, files: &[File]) -> String {
    let mut sum = Sha256::new();
    object::parts(entry, files, &mut |bytes| sum.update(bytes));
    format!("sha256:{:x}", sum.finalize())
}

#[cfg(test)]
mod tests;
