//! The source of the handlers: a folder with components, or a project that is built into such a folder.
//!
//! May use: console.

mod build;
pub(super) mod watch;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use bulkhead_host::config::StoreSettings;
use bulkhead_host::policy::manifest::{FILE, Manifest, Store};
use bulkhead_host::script;
use bulkhead_host::text::printable::Shown as _;

use crate::build::PLACE;
use crate::dev::console;
use crate::output::Progress;
use crate::{files, local};

/// The name of the function whose `bulkhead.toml` has a store and no handlers.
const ONLY_TENANTS: &str = "handler";

/// A task root, and its sources if it is built here.
#[derive(Debug)]
pub(super) struct Project {
    /// The folder with the components and `bulkhead.toml`.
    pub(super) root: PathBuf,
    /// The folder of the project that is built into the task root, if there is one.
    sources: Option<PathBuf>,
    /// What replaces values of `[store]`.
    pub(super) store: StoreSettings,
    /// The hash of the task root when it was last read.
    seen: Mutex<Option<u64>>,
}

impl Project {
    /// The folder that the user named, or the project in this folder, or the components in this folder, or the project
    /// that this folder belongs to.
    pub(super) fn find(root: Option<PathBuf>) -> anyhow::Result<Self> {
        let (root, sources) = match root {
            Some(root) => (root, None),
            None if has_sources()? => (PLACE.into(), Some(PathBuf::from("."))),
            None if local::is_task_root(Path::new(".")) => (PathBuf::from("."), None),
            None => {
                let project = crate::build::Project::find(Path::new("."))?;
                (project.root.join(PLACE), Some(project.root))
            }
        };
        if sources.is_none() && !root.is_dir() {
            return Err(files::no_folder(&root));
        }
        Ok(Self { root, sources, store: StoreSettings::default(), seen: Mutex::default() })
    }

    pub(super) fn with_store(self, store: StoreSettings) -> Self {
        Self { store, ..self }
    }

    /// Builds the task root from its sources, and returns its handlers. `None` if nothing has changed.
    pub(super) async fn renew(&self) -> anyhow::Result<Option<Vec<String>>> {
        if let Some(sources) = &self.sources {
            console::say("building");
            let progress = Progress::of("bulkhead dev: the build takes a while");
            build::build(sources, &progress).await?;
        }
        let seen = content(&self.root)?;
        let before = self.seen.lock().unwrap_or_else(PoisonError::into_inner).replace(seen);
        if before == Some(seen) { Ok(None) } else { self.handlers().map(Some) }
    }

    /// The names of the handlers in `bulkhead.toml`, or of the components if it names none.
    fn handlers(&self) -> anyhow::Result<Vec<String>> {
        let manifest = Manifest::read(&self.root)?.unwrap_or_default();
        anyhow::ensure!(
            manifest.store.is_some() || self.store.url.is_none(),
            "{}: --store needs a [store] in this file, which says who may sign; `bulkhead keygen` makes a key",
            self.root.join(FILE).shown()
        );
        local::secrets::check(&self.root, &manifest)?;
        if !manifest.handlers.is_empty() {
            return Ok(manifest.handlers.into_iter().map(|handler| handler.name).collect());
        }
        if manifest.store.is_some() {
            return Ok(vec![ONLY_TENANTS.to_owned()]);
        }
        let stems = components(&self.root)?
            .into_iter()
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
        let names: BTreeSet<String> = stems.collect();
        anyhow::ensure!(
            !names.is_empty(),
            "{}: no component found in this folder; build one into it, or choose another folder with --root",
            self.root.shown()
        );
        Ok(names.into_iter().collect())
    }

    /// The store of its `bulkhead.toml`.
    pub(super) fn tenants(&self) -> Option<Store> {
        let mut store = Manifest::read(&self.root).ok()??.store?;
        self.store.apply(&mut store);
        Some(store)
    }

    /// The folder in which you edit `bulkhead.toml`.
    pub(super) fn edited(&self) -> &Path {
        self.sources.as_deref().unwrap_or(&self.root)
    }

    /// Whether the task root is built here.
    pub(super) fn is_built(&self) -> bool {
        self.sources.is_some()
    }

    /// The folders to watch, each with or without the folders below it.
    pub(super) async fn watched(&self) -> anyhow::Result<BTreeSet<(PathBuf, bool)>> {
        match &self.sources {
            None => Ok(BTreeSet::from([(self.root.clone(), true)])),
            Some(sources) => build::watched(sources).await,
        }
    }
}

/// Whether `bulkhead build` can build this folder.
fn has_sources() -> anyhow::Result<bool> {
    let folder = Path::new(".");
    let is_built = |manifest: Manifest| {
        let has_scripts = manifest.scripts().next().is_some() || manifest.engine_of_store().is_some();
        manifest.build.is_some() || has_scripts
    };
    Ok(folder.join("Cargo.toml").is_file() || Manifest::read(folder)?.is_some_and(is_built))
}

/// Whether the name of a file is that of a component.
fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "wasm" || kind == "cwasm")
}

fn components(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(root).with_context(|| format!("{} cannot be read", root.shown()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut components: Vec<PathBuf> = paths.filter(|path| is_component(path)).collect();
    components.sort();
    Ok(components)
}

/// A hash of everything that a bootstrap would load.
fn content(root: &Path) -> anyhow::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for path in components(root)?.into_iter().chain([root.join(FILE), local::secrets::place(root)]) {
        path.hash(&mut hasher);
        // A file that is gone by now counts as empty; its removal is reported as a change.
        std::fs::read(&path).unwrap_or_default().hash(&mut hasher);
    }
    // What is wrong with a manifest or a script is reported when it is used.
    if let Ok(Some(manifest)) = Manifest::read(root) {
        for place in manifest.scripts().collect::<BTreeSet<_>>() {
            let read = script::read(root, place);
            read.map_or_else(|error| error.to_string(), |script| script.digest.to_string()).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use bulkhead_host::policy::manifest::store::StoreUrl;

    use super::*;

    #[tokio::test]
    async fn handlers_are_named_by_the_manifest_or_else_by_the_components() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let project = Project::find(Some(folder.path().to_owned())).unwrap();
        assert!(project.renew().await.unwrap_err().to_string().contains("--root"));
        write("b.wasm", "1");
        write("a.wasm", "1");
        write("a.cwasm", "1");
        assert_eq!(project.renew().await.unwrap().unwrap(), ["a", "b"]);
        assert_eq!(project.renew().await.unwrap(), None);
        write("bulkhead.toml", "[handlers.c]\nsource = \"a.wasm\"");
        assert_eq!(project.renew().await.unwrap().unwrap(), ["c"]);
        write("bulkhead.toml", "[handlers.c]\nsource = \"a.wasm\"\n[secrets.key]\nfrom = \"ssm:key\"");
        assert!(project.renew().await.unwrap().is_some());
        write("bulkhead.secrets.toml", "key = \"one\"");
        assert!(project.renew().await.unwrap().is_some(), "an environment keeps its secrets for a while");
        write("bulkhead.secrets.toml", "kye = \"one\"");
        assert!(project.renew().await.unwrap_err().to_string().contains("did you mean key?"));
        write("bulkhead.secrets.toml", "");
        write("bulkhead.toml", "[handlers.c]\nsource = \"c.js\"");
        assert!(project.renew().await.unwrap().is_some());
        write("c.js", "1");
        assert!(project.renew().await.unwrap().is_some(), "a script that changes is another one");
        assert_eq!(project.renew().await.unwrap(), None);
        write("bulkhead.toml", "[handler.c]");
        assert!(project.renew().await.is_err());
    }

    #[tokio::test]
    async fn a_function_may_have_nothing_but_tenants_of_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let url = Some(StoreUrl::Directory(folder.path().join("elsewhere")));
        let store = StoreSettings { url: url.clone(), refresh: None };
        let project = Project::find(Some(folder.path().to_owned())).unwrap().with_store(store);
        let error = project.renew().await.unwrap_err().to_string();
        assert!(error.contains("bulkhead.toml: --store needs a [store] in this file"), "{error}");
        let manifest = "[store]\nname = 'prod'\nurl = 'file:///mnt'\n\
                        public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']";
        std::fs::write(folder.path().join("bulkhead.toml"), manifest).unwrap();
        assert_eq!(project.renew().await.unwrap().unwrap(), [ONLY_TENANTS]);
        assert_eq!(project.tenants().map(|store| store.url), url);
    }
}
