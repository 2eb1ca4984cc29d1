//! The function's handlers and their components: found through `bulkhead.toml` or `_HANDLER`, checked at
//! init.
//!
//! A `.wasm` is compiled at init, since compilation delays everything else. A `.cwasm` is only checked at
//! init, and mapped at its first event, unless it is the only one: most handlers of a platform are idle most
//! of the time, and then cost almost nothing. Most faults of a component are found at init; a fault that is
//! found later fails the handler's own events.

mod find;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use find::{components, find};

use crate::capabilities::Imports;
use crate::engine::Engine;
use crate::policy::Policy;
use crate::policy::manifest::{self, FILE, InvalidHandler, Manifest, UnknownTenant};
use crate::policy::script_file::is_engine;
use crate::runtime_api::ErrorReport;
use crate::sandbox::component::{self, ComponentError, Loaded};
use crate::text::printable::{Shown as _, name};

/// No handler can be started, or not this one. The caller and the log get this text.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The task root cannot be listed.
    #[error("LAMBDA_TASK_ROOT: {}: {error}", path.shown())]
    TaskRoot {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// `_HANDLER` names no component, and there is not exactly one.
    #[error("_HANDLER {asked} and {} contains {found}", root.shown())]
    NoSuchHandler {
        /// The value of `_HANDLER`.
        asked: String,
        /// The task root, or the file that names the handlers.
        root: PathBuf,
        /// The components in the task root, and what to do.
        found: String,
    },
    /// `bulkhead.toml` names a file that does not exist.
    #[error("{place}: {} does not exist, and neither does a .cwasm of that name", path.shown())]
    NoSource {
        /// The line and the key.
        place: String,
        /// The missing file.
        path: PathBuf,
    },
    /// A handler has a script, or a tenant of the store may have one, and the engine that runs it does not exist.
    #[error(
        "{place}: scripts need the engine {}, which does not exist, and neither does a .cwasm of that name; `bulkhead \
         package` and `bulkhead build` put it there",
        path.shown()
    )]
    NoEngine {
        /// The line and the key.
        place: String,
        /// The missing file.
        path: PathBuf,
    },
    /// A handler is the engine of scripts, and has no script.
    #[error(
        "{place} is the engine of scripts, and there is no script for it to run; write the script as the `source` of a handler in \
         {FILE}, such as source = \"index.js\", which finds the engine by itself"
    )]
    NoScript {
        /// The line and the key, if there is one, and the engine.
        place: String,
    },
    /// The component is not the one whose digest `bulkhead.toml` contains.
    #[error("{place}: {} has the digest {found}, not {wanted}", path.shown())]
    Digest {
        /// The line and the key.
        place: String,
        /// The component.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The digest in `bulkhead.toml`.
        wanted: String,
    },
    /// The handler was found, but cannot be used.
    #[error(transparent)]
    Component(#[from] Arc<ComponentError>),
}

impl CatalogError {
    fn no_such_handler(asked: Option<&str>, root: PathBuf, found: &[impl AsRef<str>]) -> Self {
        let found: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
        Self::NoSuchHandler {
            asked: asked.map_or_else(|| "is not set,".to_owned(), |asked| format!("is `{}`,", name(asked))),
            root,
            found: match found.is_empty() {
                true => "no component; add one".to_owned(),
                false => format!("{}; name one of them, without its extension", name(&found.join(", "))),
            },
        }
    }

    /// The report for `/init/error`.
    pub fn report(&self) -> ErrorReport {
        let error_type = match self {
            Self::TaskRoot { .. } | Self::NoSuchHandler { .. } => "Runtime.NoSuchHandler",
            Self::NoSource { .. } | Self::NoEngine { .. } | Self::NoScript { .. } => "Runtime.ConfigInvalid",
            Self::Digest { .. } | Self::Component(_) => "Runtime.InvalidComponent",
        };
        ErrorReport::new(error_type, self.to_string())
    }
}

/// The handlers of a function.
#[derive(Debug)]
pub struct Catalog {
    source: Source,
    handlers: Vec<Handler>,
    components: Vec<Component>,
    /// The function's own handler: the one that `_HANDLER` names, or the only one.
    pub main: Option<usize>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// A handler, which may share its component with other handlers.
#[derive(Debug)]
struct Handler {
    policy: Arc<Policy>,
    component: usize,
    /// Whether its component is to run scripts.
    has_script: bool,
    /// The reason why its events fail, if that is known already.
    refused: Option<Arc<CatalogError>>,
}

#[derive(Debug)]
struct Component {
    /// Its file in the task root, without the extension.
    stem: PathBuf,
    loaded: OnceLock<Result<Loaded, Arc<ComponentError>>>,
}

/// Loads components.
#[derive(Clone)]
pub struct Source {
    /// The engine that runs them.
    pub engine: Engine,
    /// The definitions that they may import.
    pub imports: Imports,
    /// The folder of the components.
    pub task_root: PathBuf,
    /// Whether one of several components may be mapped at its first event.
    pub is_lazy: bool,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("task_root", &self.task_root).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Finds all handlers and checks them: those of the manifest, or the one that `_HANDLER` names. A function with a store
    /// needs none.
    ///
    /// # Errors
    /// If there is none, or if one cannot be used and the manifest does not allow that.
    pub fn open(source: Source, manifest: &Manifest, asked: Option<&str>) -> Result<Self, CatalogError> {
        let mut catalog =
            Self { source, handlers: Vec::new(), components: Vec::new(), main: None, warnings: Vec::new() };
        if manifest.has_only_handler() {
            catalog.add_only(manifest, asked)?;
        } else {
            catalog.add_all(manifest, asked)?;
        }
        Ok(catalog)
    }

    /// The policies of the handlers themselves.
    pub fn policies(&self) -> Vec<Arc<Policy>> {
        self.handlers.iter().map(|handler| Arc::clone(&handler.policy)).collect()
    }

    /// The file of a handler's component: its `.cwasm`, if there is one.
    pub fn file(&self, handler: usize) -> PathBuf {
        let stem = self.source.task_root.join(&self.components[self.handlers[handler].component].stem);
        let cwasm = find::file(&stem, "cwasm");
        if cwasm.is_file() { cwasm } else { find::file(&stem, "wasm") }
    }

    /// The component of a handler, mapped now if it was not yet. The index comes from the router, whose
    /// handlers have the order of the manifest, as here.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn get(&self, handler: usize) -> Result<&Loaded, Arc<CatalogError>> {
        let Handler { component, refused, has_script, .. } = &self.handlers[handler];
        if let Some(refused) = refused {
            return Err(Arc::clone(refused));
        }
        let Component { stem, loaded } = &self.components[*component];
        let loaded = loaded.get_or_init(|| load(&self.source, stem).map(|found| found.0).map_err(Arc::new));
        let loaded = loaded.as_ref().map_err(|error| Arc::new(Arc::clone(error).into()))?;
        match loaded.needs_script() && !has_script {
            true => Err(Arc::new(CatalogError::NoScript { place: self.file(handler).shown() })),
            false => Ok(loaded),
        }
    }

    fn add_only(&mut self, manifest: &Manifest, asked: Option<&str>) -> Result<(), CatalogError> {
        let name = find(&self.source.task_root, asked)?;
        let (loaded, warning) = load(&self.source, Path::new(&name)).map_err(Arc::new)?;
        self.warnings.extend(warning);
        let needs_script = loaded.needs_script();
        self.components.push(Component { stem: name.clone().into(), loaded: Ok(loaded).into() });
        let policy = Arc::new(manifest.default_policy(&name));
        self.handlers.push(Handler { policy, component: 0, has_script: false, refused: None });
        self.main = Some(0);
        match needs_script {
            true => Err(CatalogError::NoScript { place: self.file(0).shown() }),
            false => Ok(()),
        }
    }

    fn add_all(&mut self, manifest: &Manifest, asked: Option<&str>) -> Result<(), CatalogError> {
        let named = manifest.handlers.iter();
        let named = named.map(|handler| (handler.source.clone(), &handler.policy, handler.script.is_some()));
        // The engine of the store comes last; its sandboxes have the policies of records.
        let of_store = manifest.engine_of_store().map(|engine| (engine, &manifest.default, true));
        for (source, policy, has_script) in named.chain(of_store) {
            let stem = source.with_extension("");
            let known = self.components.iter().position(|component| component.stem == stem);
            let component = known.unwrap_or_else(|| {
                self.components.push(Component { stem, loaded: OnceLock::new() });
                self.components.len() - 1
            });
            self.handlers.push(Handler { policy: Arc::clone(policy), component, has_script, refused: None });
        }
        for (index, handler) in manifest.handlers.iter().enumerate() {
            if let Err(error) = self.check(self.handlers[index].component, handler) {
                self.refuse(manifest, index, error, &format!("event of the handler {}", handler.name))?;
            }
        }
        let engine = manifest.handlers.len();
        if let Some(Handler { component, .. }) = self.handlers.get(engine)
            && let Err(error) = self.check_engine_of_store(*component)
        {
            self.refuse(manifest, engine, error, "script of the store")?;
        }
        let names: Vec<&str> = manifest.handlers.iter().map(|handler| handler.name.as_str()).collect();
        self.main = main(&names, asked);
        let needs_main = !manifest.has_tenants() && manifest.routing.unknown_tenant == UnknownTenant::Reject;
        if self.main.is_none() && needs_main {
            let file = self.source.task_root.join(FILE);
            return Err(CatalogError::no_such_handler(asked, file, &names));
        }
        Ok(())
    }

    /// Ends the start, or lets every event of a handler fail.
    fn refuse(
        &mut self,
        manifest: &Manifest,
        handler: usize,
        error: CatalogError,
        what: &str,
    ) -> Result<(), CatalogError> {
        if manifest.routing.invalid_handler == InvalidHandler::FailInit {
            return Err(error);
        }
        self.warnings.push(format!("every {what} will fail: {error}"));
        self.handlers[handler].refused = Some(Arc::new(error));
        Ok(())
    }

    /// Checks the engine of scripts of the store.
    fn check_engine_of_store(&mut self, component: usize) -> Result<(), CatalogError> {
        let stem = self.source.task_root.join(&self.components[component].stem);
        let (cwasm, wasm) = (find::file(&stem, "cwasm"), find::file(&stem, "wasm"));
        if !cwasm.is_file() && !wasm.is_file() {
            let place = manifest::place_of(&self.source.task_root, "store", "scripts");
            return Err(CatalogError::NoEngine { place, path: wasm });
        }
        self.digest(component, &cwasm, &wasm)?;
        Ok(())
    }

    /// Checks and loads everything that has to be checked and loaded before the first event.
    fn check(&mut self, component: usize, handler: &manifest::Handler) -> Result<(), CatalogError> {
        let stem = self.source.task_root.join(&self.components[component].stem);
        let (cwasm, wasm) = (find::file(&stem, "cwasm"), find::file(&stem, "wasm"));
        if !cwasm.is_file() && !wasm.is_file() {
            let place = self.place(handler, "source");
            return Err(match &handler.script {
                Some(_) => CatalogError::NoEngine { place, path: wasm },
                None => CatalogError::NoSource { place, path: wasm },
            });
        }
        let found = self.digest(component, &cwasm, &wasm)?;
        let path = || if cwasm.is_file() { &cwasm } else { &wasm };
        // An engine at another place is recognised when it is loaded.
        let loaded = self.components[component].loaded.get().and_then(|loaded| loaded.as_ref().ok());
        let needs_script = is_engine(&handler.source) || loaded.is_some_and(Loaded::needs_script);
        if needs_script && handler.script.is_none() {
            let place = format!("{}: {}", self.place(handler, "source"), path().shown());
            return Err(CatalogError::NoScript { place });
        }
        match &handler.digest {
            Some(wanted) if *wanted != *found => Err(CatalogError::Digest {
                place: self.place(handler, "digest"),
                path: path().clone(),
                found: found.to_string(),
                wanted: wanted.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn place(&self, handler: &manifest::Handler, key: &str) -> String {
        manifest::place_of(&self.source.task_root, handler.policy.owner(), key)
    }

    /// The digest of a component's source: from its `.cwasm`, if that may be mapped later, or else from the
    /// loaded component.
    fn digest(
        &mut self,
        component: usize,
        cwasm: &Path,
        wasm: &Path,
    ) -> Result<Arc<str>, Arc<ComponentError>> {
        let is_lazy = self.source.is_lazy && self.components.len() > 1;
        let Component { stem, loaded } = &self.components[component];
        if loaded.get().is_none()
            && is_lazy
            && let Some(digest) = component::peek(cwasm, wasm)
        {
            return Ok(digest.into());
        }
        let loaded = loaded.get_or_init(|| {
            let (loaded, warning) = load(&self.source, stem).map_err(Arc::new)?;
            self.warnings.extend(warning);
            Ok(loaded)
        });
        loaded.as_ref().map(|loaded| Arc::clone(&loaded.digest)).map_err(Arc::clone)
    }
}

/// The function's own handler: the one that `_HANDLER` names, or the only one.
fn main(names: &[&str], asked: Option<&str>) -> Option<usize> {
    let named = asked.into_iter().flat_map(find::names);
    let named = named.filter_map(|name| names.iter().position(|known| *known == name)).next();
    named.or_else(|| (names.len() == 1).then_some(0))
}

/// Maps the `.cwasm`, if there is a valid one; otherwise compiles the `.wasm`, if there is one.
fn load(source: &Source, stem: &Path) -> Result<(Loaded, Option<String>), ComponentError> {
    let Source { engine, imports, task_root, .. } = source;
    let stem = task_root.join(stem);
    let (cwasm, wasm) = (find::file(&stem, "cwasm"), find::file(&stem, "wasm"));
    if !cwasm.is_file() {
        return Ok((component::compile(engine, imports, &wasm)?, None));
    }
    let source = wasm.is_file().then_some(wasm.as_path());
    match (component::map(engine, imports, &cwasm, source), source) {
        (Err(refused @ ComponentError::Artifact { .. }), Some(wasm)) if cfg!(feature = "compiler") => {
            let loaded = component::compile(engine, imports, wasm)?;
            Ok((loaded, Some(format!("{refused}. {} was compiled in its place", wasm.shown()))))
        }
        (mapped, _) => Ok((mapped?, None)),
    }
}

#[cfg(all(test, feature = "compiler"))]
mod tests;
