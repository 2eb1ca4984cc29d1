//! The native code that records name: which of it is in memory, and how many tenants have it.
//!
//! Code that no tenant has any more leaves the memory at once. Its name is kept for a while, because an event that is on its
//! way to it may have to fetch it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Absence, age};
use crate::sandbox::component::Loaded;
use crate::store::{Digest, Native};

/// Components in memory.
const MOST_LOADED: usize = 512;
/// The memories of these components. The image of each takes a file descriptor, of which Lambda grants 1024.
const MOST_IMAGES: u64 = 512;
/// Code that no tenant has, and whose name is kept.
const MOST_UNUSED: usize = 1000;

/// The native code that a record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct CodeOf {
    pub(in super::super) native: Native,
    pub(in super::super) component: Digest,
    pub(in super::super) kind: String,
}

/// What a record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Runs {
    /// Native code.
    Code(CodeOf),
    /// The script at this place.
    Script(Arc<Path>),
}

pub(super) struct Codes {
    /// How soon code that could not be fetched is fetched again.
    retry: Duration,
    by_handler: HashMap<usize, Code>,
    handlers: HashMap<Digest, usize>,
    /// The handlers whose code is in memory.
    loaded: Vec<usize>,
    bytes: u64,
    images: u64,
    unused: usize,
    next_handler: usize,
    /// Counts what left the memory.
    unloads: u64,
}

struct Code {
    of: Arc<CodeOf>,
    /// Tenants that have it.
    tenants: usize,
    result: Option<Result<Loaded, (Absence, SystemTime)>>,
    used: u64,
}

impl Codes {
    pub(super) fn new(retry: Duration, first_handler: usize) -> Self {
        Self {
            retry,
            by_handler: HashMap::new(),
            handlers: HashMap::new(),
            loaded: Vec::new(),
            bytes: 0,
            images: 0,
            unused: 0,
            next_handler: first_handler,
            unloads: 0,
        }
    }

    /// The number of components that have left the memory.
    pub(super) fn unloads(&self) -> u64 {
        self.unloads
    }

    /// The handler of native code, of which one more tenant has it.
    pub(super) fn handler_of(&mut self, of: CodeOf, used: u64) -> usize {
        let known = self.handlers.get(&of.native.digest).copied();
        // A digest determines its bytes; what a record says of them may differ.
        let known = known.filter(|handler| self.by_handler.get(handler).is_some_and(|code| *code.of == of));
        let handler = known.unwrap_or_else(|| {
            let handler = self.next_handler;
            self.next_handler += 1;
            self.handlers.insert(of.native.digest.clone(), handler);
            self.by_handler.insert(handler, Code { of: Arc::new(of), tenants: 0, result: None, used });
            self.unused += 1;
            handler
        });
        if let Some(code) = self.by_handler.get_mut(&handler) {
            self.unused -= usize::from(code.tenants == 0);
            code.tenants += 1;
        }
        handler
    }

    /// One tenant less has this code.
    pub(super) fn release(&mut self, handler: usize) {
        let Some(code) = self.by_handler.get_mut(&handler) else { return };
        code.tenants -= 1;
        if code.tenants > 0 {
            return;
        }
        self.unused += 1;
        self.unload(handler);
        if self.unused > MOST_UNUSED {
            self.forget_unused();
        }
    }

    /// Forgets half of the code that no tenant has: what was not used for the longest time.
    fn forget_unused(&mut self) {
        let unused = self.by_handler.iter().filter(|(_, code)| code.tenants == 0);
        let mut unused: Vec<(u64, usize)> = unused.map(|(handler, code)| (code.used, *handler)).collect();
        unused.sort_unstable();
        for (_, handler) in unused.drain(..unused.len() / 2) {
            self.unused -= 1;
            if let Some(code) = self.by_handler.remove(&handler)
                && self.handlers.get(&code.of.native.digest) == Some(&handler)
            {
                self.handlers.remove(&code.of.native.digest);
            }
        }
    }

    /// Whether the component of a handler is in memory.
    pub(super) fn is_loaded(&self, handler: usize) -> bool {
        self.loaded.contains(&handler)
    }

    /// The component of a handler, if it is in memory.
    pub(super) fn loaded(&mut self, handler: usize, used: u64) -> Option<Loaded> {
        let code = self.by_handler.get_mut(&handler)?;
        code.used = used;
        code.result.as_ref()?.as_ref().ok().cloned()
    }

    /// The component of a handler or why there is none, or else the code to be fetched.
    pub(super) fn find(
        &mut self,
        handler: usize,
        now: SystemTime,
        used: u64,
    ) -> Result<Result<Loaded, Absence>, Option<Arc<CodeOf>>> {
        let Some(code) = self.by_handler.get_mut(&handler) else { return Err(None) };
        code.used = used;
        match &code.result {
            Some(Ok(loaded)) => Ok(Ok(loaded.clone())),
            Some(Err((absence, since))) if age(*since, now) <= self.retry => Ok(Err(absence.clone())),
            Some(Err(_)) | None => Err(Some(Arc::clone(&code.of))),
        }
    }

    /// Keeps a component that was fetched, or why it could not be. Nothing is kept of code that no tenant has any more.
    pub(super) fn put(&mut self, handler: usize, result: &Result<Loaded, Absence>, now: SystemTime) {
        let Some(code) = self.by_handler.get_mut(&handler).filter(|code| code.tenants > 0) else { return };
        let before = code.result.replace(result.clone().map_err(|absence| (absence, now)));
        if let Ok(loaded) = result
            && !matches!(before, Some(Ok(_)))
        {
            self.bytes += code.of.native.bytes;
            self.images += loaded.memories();
            self.loaded.push(handler);
        }
    }

    /// Drops the components that were not used for the longest time, until the others have no more bytes than this. One is
    /// always kept.
    pub(super) fn shrink(&mut self, most_bytes: u64) {
        let is_too_much = |codes: &Self| {
            codes.bytes > most_bytes || codes.images > MOST_IMAGES || codes.loaded.len() > MOST_LOADED
        };
        while self.loaded.len() > 1 && is_too_much(self) {
            let used = |handler: &&usize| self.by_handler.get(handler).map_or(0, |code| code.used);
            let Some(oldest) = self.loaded.iter().min_by_key(used).copied() else { return };
            self.unload(oldest);
        }
    }

    /// Drops a component. Events that are in its sandboxes keep it.
    fn unload(&mut self, handler: usize) {
        let Some(at) = self.loaded.iter().position(|loaded| *loaded == handler) else { return };
        self.loaded.swap_remove(at);
        self.unloads += 1;
        if let Some(code) = self.by_handler.get_mut(&handler) {
            self.bytes -= code.of.native.bytes;
            if let Some(Ok(loaded)) = code.result.take() {
                self.images -= loaded.memories();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.by_handler.len(), self.loaded.len()]
    }
}
