//! A load of a file with all that it imports, which succeeds or fails as a whole.
//!
//! QuickJS frees a module whose import cannot be loaded, although other modules of a cycle refer to it already. So no import fails
//! while others are being loaded: what cannot be loaded is an empty module in its place. The whole load fails when it has
//! ended, and the modules that import what is missing are never handed out.

use rquickjs::{Ctx, Error, Exception, Persistent, Result, Value};

use crate::state;

/// What stands for a module that cannot be loaded. No file of a script has a path with a colon at this place that is imported.
pub(super) const MISSING: &str = "bulkhead:missing";

/// The load in progress, and what is left of those that have failed.
#[derive(Default)]
pub(crate) struct Graph {
    /// How many files are being loaded, each for the one before.
    depth: usize,
    /// Which file imports which.
    imports: Vec<(String, String)>,
    /// The files that cannot be loaded.
    failed: Vec<String>,
    /// Why the first of them cannot be loaded.
    error: Option<Persistent<Value<'static>>>,
    /// The files that import what cannot be loaded, and why.
    broken: Vec<(String, Persistent<Value<'static>>)>,
}

impl Graph {
    fn fail(&mut self, path: &str, error: Persistent<Value<'static>>) {
        self.failed.push(path.to_owned());
        self.error.get_or_insert(error);
    }

    /// Ends the load of the first file, and returns its error if it has failed.
    fn end(&mut self) -> Option<Persistent<Value<'static>>> {
        let error = self.error.take();
        let (imports, mut failed) = (std::mem::take(&mut self.imports), std::mem::take(&mut self.failed));
        let error = error?;
        // Those that import what has failed fail, too.
        let mut next = 0;
        while next < failed.len() {
            for (base, import) in &imports {
                if *import == failed[next] && !failed.contains(base) {
                    failed.push(base.clone());
                }
            }
            next += 1;
        }
        self.broken.extend(failed.into_iter().map(|path| (path, error.clone())));
        Some(error)
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
        let error = caught(ctx, error);
        with(|graph| {
            graph.fail(path, error);
            // It imports nothing, unless what it imports was loaded before there was no memory for it.
            if graph.depth == 1 {
                let bases: Vec<_> = graph.imports.iter().map(|(base, _)| base.clone()).collect();
                graph.failed.extend(bases);
            }
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
    let path = path.and_then(|path| {
        let broken = with(|graph| {
            let broken = graph.broken.iter().find(|(broken, _)| *broken == path);
            broken.map(|(_, error)| error.clone())
        });
        match broken {
            Some(error) => Err(ctx.throw(error.restore(ctx)?)),
            None => Ok(path),
        }
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
            let error = caught(ctx, error);
            with(|graph| graph.fail(base, error));
            Ok(MISSING.to_owned())
        }
    }
}

/// The value that was thrown.
fn caught(ctx: &Ctx<'_>, error: Error) -> Persistent<Value<'static>> {
    if !error.is_exception() {
        Exception::throw_internal(ctx, &error.to_string());
    }
    Persistent::save(ctx, ctx.catch())
}
