//! Loads components with the bootstrap's own code, and reads certificate files.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulkhead_host::capabilities;
use bulkhead_host::capabilities::outbound::Clients;
use bulkhead_host::dispatch::catalog::{Catalog, CatalogError, Source};
use bulkhead_host::engine::artifact::{ArtifactError, Stamp};
use bulkhead_host::engine::{self, Reset, Share};
use bulkhead_host::log::{Format, Level, Log, LogSettings};
use bulkhead_host::policy::manifest::{self, Handler, Manifest};
use bulkhead_host::sandbox::component::{self, ComponentError, Loaded};
use bulkhead_host::text::printable::Shown as _;
use bulkhead_host::wasm::{self, Description};

use super::nearby::meant;
use super::report::{Checked, Component, Finding};
use crate::files::Wanted;
use crate::worlds;

/// Loads components.
#[derive(Debug)]
pub(super) struct ComponentLoader {
    root: PathBuf,
    /// The sandbox limits of the handlers. A component that needs more than these would fail every event.
    sources: HashMap<Share, Source>,
    /// The result for each source, expected digest and sandbox limit.
    seen: HashMap<(PathBuf, Option<String>, Share), Result<Component, String>>,
    /// The components that run scripts, by their place.
    engines: BTreeMap<PathBuf, Loaded>,
}

impl ComponentLoader {
    pub(super) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            sources: HashMap::new(),
            seen: HashMap::new(),
            engines: BTreeMap::new(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The only handler of a task root whose manifest names none, and its component; or the reason why there
    /// is none.
    pub(super) fn only(
        &mut self,
        manifest: &Manifest,
        asked: Option<&str>,
    ) -> anyhow::Result<Result<(Handler, Component), String>> {
        let share = Share::under(&manifest.default_policy("").limits);
        let catalog = match self.open(share, manifest, asked)? {
            Ok(catalog) => catalog,
            Err(error) => return Ok(Err(error.to_string())),
        };
        Ok(self.found(manifest, &catalog).map_err(|error| error.to_string()))
    }

    fn found(
        &self,
        manifest: &Manifest,
        catalog: &Catalog,
    ) -> Result<(Handler, Component), Arc<CatalogError>> {
        let component = only_component(catalog)?;
        let stem = component.file.with_extension("");
        let name = stem.strip_prefix(&self.root).unwrap_or(&stem).display().to_string();
        let policy = Arc::new(manifest.default_policy(&name));
        Ok((Handler { name, source: component.file.clone(), script: None, digest: None, policy }, component))
    }

    /// The component of a handler, or the reason why there is none.
    pub(super) fn named(&mut self, handler: &Handler) -> anyhow::Result<Result<Component, String>> {
        let share = Share::under(&handler.policy.limits);
        let key = (handler.source.clone(), handler.digest.clone(), share);
        if let Some(seen) = self.seen.get(&key) {
            return Ok(seen.clone());
        }
        // The only handler of a catalog is loaded at once, as it would be for its first event.
        let alone = Manifest { handlers: vec![handler.clone()], ..Manifest::default() };
        let catalog = self.open(share, &alone, None)?;
        if handler.script.is_some()
            && let Ok(catalog) = &catalog
            && let Ok(loaded) = catalog.get(0)
        {
            self.engines.insert(handler.source.clone(), loaded.clone());
        }
        let found = match catalog.and_then(|catalog| only_component(&catalog)) {
            Ok(component) => Ok(component),
            Err(error) => foreign(&self.root, &error, handler)
                .unwrap_or_else(|| Err(reason(&self.root, &error, handler))),
        };
        self.seen.insert(key, found.clone());
        Ok(found)
    }

    /// The component that runs the script of a handler, if it was loaded.
    pub(super) fn engine(&self, handler: &Handler) -> Option<&Loaded> {
        self.engines.get(&handler.source)
    }

    fn open(
        &mut self,
        share: Share,
        manifest: &Manifest,
        asked: Option<&str>,
    ) -> anyhow::Result<Result<Catalog, Arc<CatalogError>>> {
        let source = match self.sources.get(&share) {
            Some(source) => source.clone(),
            None => {
                let (engine, _) = engine::start_for(1, share)?;
                let imports = capabilities::imports(&engine)?;
                let source = Source { engine, imports, task_root: self.root.clone(), is_lazy: true };
                self.sources.insert(share, source.clone());
                source
            }
        };
        Ok(Catalog::open(source, manifest, asked).map_err(Arc::new))
    }
}

/// The reason why the component cannot be read. If its file does not exist, the text names a similar one.
fn reason(root: &Path, error: &CatalogError, handler: &Handler) -> String {
    let near = match error {
        CatalogError::NoSource { .. } => meant(root, &handler.source, Wanted::Component),
        CatalogError::TaskRoot { .. }
        | CatalogError::NoSuchHandler { .. }
        | CatalogError::NoEngine { .. }
        | CatalogError::NoScript { .. }
        | CatalogError::Digest { .. }
        | CatalogError::Component(_) => String::new(),
    };
    format!("{error}{near}")
}

/// The component of a catalog's only handler.
fn only_component(catalog: &Catalog) -> Result<Component, Arc<CatalogError>> {
    let loaded = catalog.get(0)?;
    let Description { exports, imports } = loaded.describe();
    let file = catalog.file(0);
    let stamp = Stamp::peek(&file).ok();
    Ok(Component {
        digest: loaded.digest.to_string(),
        kind: Some(loaded.kind()),
        // A `.wasm` has no stamp.
        preinitialised: stamp.as_ref().is_some_and(|stamp| stamp.preinitialised),
        reset: stamp.map_or_else(|| of_bytes(&file), |stamp| stamp.reset),
        file,
        exports,
        imports,
        checked: Checked::Loaded,
        warnings: catalog.warnings.clone(),
    })
}

/// What the reset of a `.wasm` costs, which was loaded already.
fn of_bytes(file: &Path) -> Reset {
    let bytes = component::read(file).unwrap_or_default();
    worlds::ready(&bytes, file).map_or_else(|_| Reset::default(), |ready| wasm::reset(&ready))
}

/// The readable part of a `.cwasm` that was rejected only because it is for the other processor that Lambda
/// offers.
fn foreign(root: &Path, error: &CatalogError, handler: &Handler) -> Option<Result<Component, String>> {
    let CatalogError::Component(error) = error else { return None };
    let ComponentError::Artifact { path, error: ArtifactError::Target { .. } } = &**error else {
        return None;
    };
    let stamp = match Stamp::check_for_any_target(path) {
        Ok(stamp) => stamp,
        Err(error) => return Some(Err(ComponentError::Artifact { path: path.clone(), error }.to_string())),
    };
    if let Some(wanted) = handler.digest.as_ref().filter(|wanted| **wanted != stamp.source) {
        let place = manifest::place_of(root, handler.policy.owner(), "digest");
        let path = path.clone();
        let error = CatalogError::Digest { place, path, found: stamp.source, wanted: wanted.clone() };
        return Some(Err(error.to_string()));
    }
    Some(Ok(Component {
        file: path.clone(),
        digest: stamp.source,
        kind: None,
        preinitialised: stamp.preinitialised,
        reset: stamp.reset,
        exports: Vec::new(),
        imports: Vec::new(),
        checked: Checked::StampOnly { target: stamp.target },
        warnings: Vec::new(),
    }))
}

/// Mistakes in the files of `extra_ca_certificates`.
pub(super) fn certificates(root: &Path, files: &[PathBuf]) -> Vec<Finding> {
    let settings =
        LogSettings { format: Format::Text, level: Level::Fatal, telemetry_fd: None, batches: false };
    let log = Arc::new(Log::new(&settings));
    let wrong = |file: &PathBuf| {
        let path = root.join(file);
        let wrong = match std::fs::read(&path) {
            // Nothing is sent to this address; it only has to be valid.
            Ok(pem) => Clients::new(Arc::clone(&log), "127.0.0.1:9001", &[(path, pem)]).err()?.to_string(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                format!("{} does not exist{}", file.shown(), meant(root, file, Wanted::File))
            }
            Err(error) => format!("{}: {error}", path.shown()),
        };
        let place = manifest::place_of(root, "outbound", "extra_ca_certificates");
        Some(Finding::of(format!("{place}: {wrong}")))
    };
    files.iter().filter_map(wrong).collect()
}
