//! A load of a file with all that it imports, which succeeds or fails as a whole.
//!
//! QuickJS frees a module whose import cannot be loaded, although other modules of a cycle refer to it already. So no import fails
//! while others are being loaded: what cannot be loaded is an empty module in its place. The whole load fails when it has
//! ended, and the modules that import what is missing are never handed out.

use rquickjs::{Ctx, Error, Exception, Persistent, Result, Value};

use crate::state;

/// What stands for a module that cannot be loaded. No file of a script has a path with a colon at this place that is imported.
pub(super) const MISSING: &str = "bulkhead:missing";

/// What was thrown.
type Thrown = Persistent<Value<'static>>;

/// The load in progress, and what is left of those that have failed.
#[derive(Default)]
pub(crate) struct Graph {
    /// How many files are being loaded, each for the one before.
    depth: usize,
    /// Which file imports which.
    imports: Vec<(String, String)>,
    /// The files that cannot be loaded, or import such files; and why.
    broken: Vec<(String, Thrown)>,
    /// How many of them there were before this load.
    before: usize,
}

impl Graph {
    fn fail(&mut self, path: &str, error: Thrown) {
        self.broken.push((path.to_owned(), error));
    }

    /// Ends the load of the first file, and returns the first error of all.
    fn end(&mut self) -> Option<Thrown> {
        let imports = std::mem::take(&mut self.imports);
        let mut next = self.before;
        let first = self.broken.get(next).map(|(_, error)| error.clone());
        // Those that import what has failed fail, too.
        while let Some((failed, error)) = self.broken.get(next).cloned() {
            next += 1;
            for (base, import) in &imports {
                if *import == failed && self.why(base).is_none() {
                    self.fail(base, error.clone());
                }
            }
        }
        self.before = next;
        first
    }

    /// Why a file cannot be loaded.
    fn why(&self, path: &str) -> Option<&Thrown> {
        self.broken.iter().find(|(broken, _)| broken == path).map(|(_, error)| error)
    }
}

fn with<T>(use_it: impl FnOnce(&mut Graph) -> T) -> T {
    state::with(|state| use_it(&mut state.graph.borrow_mut()))
}

/// Begins to load a file.
pub(super) fn begin() {
    with(|graph| graph.depth += 1);
}

/// Whether the file that is being loaded is the first.
pub(super) fn is_first() -> bool {
    with(|graph| graph.depth == 1)
}

/// Ends to load a file. The first one fails with the first error of all. Another one does not fail here: false says that it has.
pub(super) fn end(ctx: &Ctx<'_>, path: &str, loaded: Result<()>) -> Result<bool> {
    let is_loaded = loaded.is_ok();
    if let Err(error) = loaded {
        let error = caught(ctx, &error);
        with(|graph| {
            // It imports nothing, unless what it imports was loaded before there was no memory for it.
            if graph.depth == 1 {
                for (base, _) in std::mem::take(&mut graph.imports) {
                    graph.broken.push((base, error.clone()));
                }
            }
            graph.fail(path, error);
        });
    }
    let error = with(|graph| {
        graph.depth -= 1;
        if graph.depth == 0 { graph.end() } else { None }
    });
    match error {
        Some(error) => Err(ctx.throw(error.restore(ctx)?)),
        None => Ok(is_loaded),
    }
}

/// What an import loads: its path, or what stands for it if it cannot be loaded.
pub(super) fn import(ctx: &Ctx<'_>, base: &str, path: Result<String>) -> Result<String> {
    let is_alone = with(|graph| graph.depth == 0);
    let path = path.and_then(|path| match with(|graph| graph.why(&path).cloned()) {
        Some(error) => Err(ctx.throw(error.restore(ctx)?)),
        None => Ok(path),
    });
    match path {
        Ok(path) => {
            if !is_alone {
                with(|graph| graph.imports.push((base.to_owned(), path.clone())));
            }
            Ok(path)
        }
        Err(error) if is_alone => Err(error),
        Err(error) => {
            let error = caught(ctx, &error);
            with(|graph| graph.fail(base, error));
            Ok(MISSING.to_owned())
        }
    }
}

/// The value that was thrown.
fn caught(ctx: &Ctx<'_>, error: &Error) -> Thrown {
    if !error.is_exception() {
        Exception::throw_internal(ctx, &error.to_string());
    }
    Persistent::save(ctx, ctx.catch())
}
