//! Watches the sources: decides which files count, and waits until one of them is saved.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use bulkhead_host::policy::manifest::store::StoreUrl;
use bulkhead_host::policy::script_file;
use bulkhead_host::text::printable::Shown as _;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Project, build, is_component};

/// A build starts when no file has been saved for this long, because editors and linkers write several files.
const QUIET: Duration = Duration::from_millis(50);

/// Watches folders, and waits for saves of sources in them.
#[derive(Debug)]
pub(in crate::dev) struct SourceWatcher {
    watcher: RecommendedWatcher,
    watched: BTreeSet<(PathBuf, bool)>,
    /// Components are build output, so a new one must not start another build.
    is_built: bool,
    /// The directory of the store: no file in it is a source.
    store: Option<PathBuf>,
    saved: UnboundedReceiver<Vec<PathBuf>>,
    /// The hash of each file of a script that was saved. A build command may write a bundle, with the same content each time.
    contents: HashMap<PathBuf, u64>,
}

impl SourceWatcher {
    pub(in crate::dev) async fn of(project: &Project) -> anyhow::Result<Self> {
        let (sender, saved) = unbounded_channel();
        let tell = move |event: notify::Result<Event>| {
            // Reading a file is not a save.
            if let Ok(event) = event
                && !event.kind.is_access()
            {
                // It fails only if the receiver is gone, when the command ends.
                let _ = sender.send(event.paths);
            }
        };
        let watcher = notify::recommended_watcher(tell)
            .context("cannot watch the sources for changes; use --no-watch")?;
        let is_built = project.is_built();
        let mut this = Self {
            watcher,
            watched: BTreeSet::new(),
            is_built,
            store: None,
            saved,
            contents: HashMap::new(),
        };
        this.look_at(project).await?;
        Ok(this)
    }

    pub(in crate::dev) async fn look_at(&mut self, project: &Project) -> anyhow::Result<()> {
        self.store = project.tenants().and_then(|store| match store.url {
            StoreUrl::Directory(path) => Some(path),
            StoreUrl::Bucket(_) => None,
        });
        for (folder, below) in project.watched().await? {
            let mode = if below { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            if self.watched.insert((folder.clone(), below)) {
                let watched = self.watcher.watch(&folder, mode);
                watched.with_context(|| format!("{} cannot be watched", folder.shown()))?;
            }
        }
        Ok(())
    }

    /// Waits for a save, and until no more files are saved after it.
    pub(in crate::dev) async fn next_save(&mut self) {
        self.save().await;
        while tokio::time::timeout(QUIET, self.save()).await.is_ok() {}
    }

    async fn save(&mut self) {
        loop {
            match self.saved.recv().await {
                // A change without a path may be in any file.
                Some(paths) if paths.is_empty() || self.is_change(&paths) => return,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn is_change(&mut self, paths: &[PathBuf]) -> bool {
        let mut is_change = false;
        for path in paths {
            // Each of them has to be looked at.
            is_change |= self.is_source(path) && is_new(&mut self.contents, path);
        }
        is_change
    }

    fn is_source(&self, path: &Path) -> bool {
        let folder = path.parent().unwrap_or(path).to_owned();
        let is_beside = self.watched.contains(&(folder, false));
        let is_made = self.is_built && is_component(path);
        let is_of_store = self.store.as_ref().is_some_and(|store| is_below(path, store));
        !is_aside(path) && !is_made && !is_of_store && (!is_beside || is_of_package(path))
    }
}

/// Whether a file of a script has another content than when it was last saved. Every other file counts as new.
fn is_new(contents: &mut HashMap<PathBuf, u64>, path: &Path) -> bool {
    let Some(content) =
        Some(path).filter(|path| script_file::is_file(path)).and_then(|path| std::fs::read(path).ok())
    else {
        return true;
    };
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let hash = hasher.finish();
    contents.insert(path.to_owned(), hash) != Some(hash)
}

/// Whether a file lies in a folder. Both may be named in several ways.
fn is_below(path: &Path, folder: &Path) -> bool {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute(path).starts_with(absolute(folder))
}

/// Whether a file is not a source: an editor or cargo wrote it.
fn is_aside(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    build::is_aside(path) || name.ends_with('~') || name == "Cargo.lock"
}

/// Whether a file directly in a package's folder is a source. Other files may lie there, such as the log of
/// this command.
fn is_of_package(path: &Path) -> bool {
    let is_known = |kind: &OsStr| KINDS.iter().any(|known| kind == *known);
    // Other text files do not count. This one pins the tools of Python.
    path.is_dir() || path.ends_with("requirements.txt") || path.extension().is_some_and(is_known)
}

/// The file name extensions of sources.
const KINDS: [&str; 17] = [
    "c", "cjs", "cpp", "cts", "go", "h", "js", "json", "mjs", "mts", "py", "rs", "sh", "toml", "ts", "wit",
    "zig",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_store_are_no_sources() {
        let here = std::path::absolute("store/tenants/a.json").unwrap();
        assert!(is_below(Path::new("store/tenants/a.json"), Path::new("./store")));
        assert!(
            is_below(&here, Path::new("store"))
                && is_below(Path::new("store/a"), here.ancestors().nth(2).unwrap())
        );
        assert!(!is_below(Path::new("stores/a.json"), Path::new("store")));
    }

    #[test]
    fn a_script_that_is_written_again_is_new_only_if_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let (script, other) = (folder.path().join("index.js"), folder.path().join("main.rs"));
        let mut contents = HashMap::new();
        let mut saved = |path: &Path, text: &str| {
            std::fs::write(path, text).unwrap();
            is_new(&mut contents, path)
        };
        assert!(saved(&script, "1") && !saved(&script, "1") && saved(&script, "2") && saved(&script, "1"));
        assert!(saved(&other, "1") && saved(&other, "1"));
        assert!(is_new(&mut contents, &folder.path().join("gone.js")));
    }

    #[test]
    fn what_lies_beside_the_sources_is_none() {
        assert!(!is_aside(Path::new("/a/src/main.rs")) && !is_aside(Path::new("/a/bulkhead.toml")));
        for aside in [
            "/a/.main.rs.swp",
            "/a/main.rs~",
            "/a/Cargo.lock",
            "/a/target",
            "/a/.git",
            "/a/node_modules",
            "/a/__pycache__",
        ] {
            assert!(is_aside(Path::new(aside)), "{aside}");
        }
        assert!(is_of_package(Path::new("/a/bulkhead.toml")) && is_of_package(Path::new("/a/build.rs")));
        assert!(is_of_package(Path::new("/a/index.js")) && is_of_package(Path::new("/a/requirements.txt")));
        assert!(is_component(Path::new("/a/dist/hello.wasm")) && !is_component(Path::new("/a/src/hello.rs")));
        assert!(!is_of_package(Path::new("/a/nohup.out")) && !is_of_package(Path::new("/a/dev.txt")));
    }
}
