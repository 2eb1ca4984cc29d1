//! `target/bulkhead`: the folder that `invoke`, `check`, `dev` and `package` use as the task root.
//!
//! A file in it is replaced as a whole, and only if it has changed, so that a reader or watcher never sees
//! half a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bulkhead_host::policy::manifest::{FILE, Manifest};
use bulkhead_host::script::packaged;
use bulkhead_host::text::printable::Shown as _;
use tempfile::NamedTempFile;

use super::project::Project;
use super::{Component, bytecode, precompile, scripts};

/// The place of the task root in a project.
pub(crate) const PLACE: &str = "target/bulkhead";

/// A task root to fill.
#[derive(Debug)]
pub(super) struct TaskRoot {
    /// The absolute path.
    path: PathBuf,
    pub(super) shown: PathBuf,
    /// The files: the place in the task root, and the source.
    files: BTreeMap<PathBuf, PathBuf>,
    /// The files whose content differs from that of the source: those with types, which are taken off.
    stripped: BTreeMap<PathBuf, Vec<u8>>,
    /// The granted folders, which are copied as they are.
    folders: Vec<(PathBuf, PathBuf)>,
    /// The files that are components.
    components: Vec<PathBuf>,
    /// The native code of these components.
    native: BTreeSet<PathBuf>,
    /// The native code of the engines of scripts.
    engines: BTreeSet<PathBuf>,
}

impl TaskRoot {
    /// Plans the task root of a project with these components.
    pub(super) fn of(project: &Project, components: &[Component]) -> anyhow::Result<Self> {
        let mut root = Self {
            path: project.root.join(PLACE),
            shown: project.shown.join(PLACE),
            files: BTreeMap::new(),
            stripped: scripts::stripped(project)?,
            folders: Vec::new(),
            components: Vec::new(),
            native: BTreeSet::new(),
            engines: BTreeSet::new(),
        };
        let manifest = &project.manifest;
        for component in components {
            let place = place(project, component);
            root.native.insert(place.with_extension("cwasm"));
            root.components.push(place.clone());
            root.files.insert(place, component.file.clone());
        }
        let sources = manifest.handlers.iter().map(|handler| &handler.source);
        for file in sources.chain(&manifest.extra_ca_certificates) {
            // Components that this build does not make are copied. The check reports those that do not exist.
            let from = project.root.join(file);
            if from.is_file() {
                root.files.entry(file.clone()).or_insert(from);
            }
        }
        scripts::add(project, &mut root.files, &mut root.engines);
        if project.has_manifest {
            root.files.insert(FILE.into(), project.root.join(FILE));
        }
        for folder in manifest.policies().flat_map(|policy| &policy.grants.files) {
            let granted = (folder.clone(), project.root.join(folder));
            if granted.1.is_dir() && !root.folders.contains(&granted) {
                root.folders.push(granted);
            }
        }
        Ok(root)
    }

    /// The components, relative to the task root.
    pub(super) fn components(&self) -> &[PathBuf] {
        &self.components
    }

    /// Copies the files. Removes files that no longer belong to the project, if the whole project was built.
    pub(super) fn fill(&self, all: bool) -> anyhow::Result<()> {
        let mut files = self.files.clone();
        for (folder, from) in &self.folders {
            below(folder, from, &mut files).with_context(|| format!("{} cannot be read", from.shown()))?;
        }
        for (place, content) in &self.stripped {
            put(content, Permissions::from_mode(0o644), &self.path.join(place))
                .with_context(|| format!("{} cannot be written", self.shown.join(place).shown()))?;
        }
        for (place, from) in files.iter().filter(|(place, _)| !self.stripped.contains_key(*place)) {
            let to = self.path.join(place);
            replace(from, &to).with_context(|| {
                format!("{} cannot be copied to {}", from.shown(), self.shown.join(place).shown())
            })?;
        }
        if all {
            let mut there = BTreeMap::new();
            below(Path::new(""), &self.path, &mut there)
                .with_context(|| format!("{} cannot be read", self.shown.shown()))?;
            let is_native = |file: &PathBuf| {
                (self.native.contains(file) || self.engines.contains(file))
                    && precompile::is_made(&self.path.join(file))
            };
            let is_meant = |file: &PathBuf| files.contains_key(file) || self.stripped.contains_key(file);
            // What is not up to date there is removed when it is made.
            let is_bytecode =
                |file: &PathBuf| !self.engines.is_empty() && file.starts_with(packaged::folder());
            let is_kept = |file: &PathBuf| is_meant(file) || is_native(file) || is_bytecode(file);
            for file in there.keys().filter(|file| !is_kept(file)) {
                std::fs::remove_file(self.path.join(file))
                    .with_context(|| format!("{} cannot be removed", self.shown.join(file).shown()))?;
            }
        }
        Ok(())
    }

    /// Compiles the components for this machine.
    pub(super) fn compile(&self) -> anyhow::Result<()> {
        self.make(&self.native)
    }

    /// Compiles the engines of scripts for this machine, which is done before the check, because they check the scripts.
    pub(super) fn compile_engines(&self) -> anyhow::Result<()> {
        self.make(&self.engines)
    }

    /// Makes the bytecode of the scripts, which had no mistake.
    pub(super) fn compile_scripts(&self, manifest: &Manifest) -> anyhow::Result<()> {
        bytecode::make(&self.path, manifest, &self.path)
    }

    fn make(&self, native: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
        native.iter().try_for_each(|file| {
            precompile::make(&self.path.join(file), &self.shown.join(file.with_extension("wasm")))
        })
    }
}

/// The place of a component: the source of the handler with its name, or else beside `bulkhead.toml`.
fn place(project: &Project, component: &Component) -> PathBuf {
    let file = format!("{}.wasm", component.name);
    let mut sources = project.manifest.handlers.iter().map(|handler| &handler.source);
    // A build command has left the component at its source already.
    let at = |source: &&PathBuf| project.root.join(source) == component.file;
    let named = |source: &&PathBuf| source.file_name().is_some_and(|name| *name == *file);
    let found = sources.clone().find(at).or_else(|| sources.find(named));
    found.cloned().unwrap_or_else(|| file.into())
}

/// All files below a folder. Links are followed.
pub(super) fn below(place: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let place = place.join(entry.file_name());
        if std::fs::metadata(entry.path())?.is_dir() {
            below(&place, &entry.path(), files)?;
        } else {
            files.insert(place, entry.path());
        }
    }
    Ok(())
}

/// Copies a file, unless it is there already.
pub(super) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    // A temporary file is readable by its owner only; this one gets the mode of its source.
    put(&std::fs::read(from)?, std::fs::metadata(from)?.permissions(), to)
}

pub(super) fn put(content: &[u8], permissions: Permissions, to: &Path) -> io::Result<()> {
    if std::fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    let new = NamedTempFile::new_in(folder)?;
    std::fs::write(new.path(), content)?;
    std::fs::set_permissions(new.path(), permissions)?;
    new.persist(to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(manifest: &str) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(FILE, manifest);
        write("assets/img/a.txt", "a");
        write("out/hello.wasm", "component");
        let project = Project::find(folder.path()).unwrap();
        (folder, project)
    }

    fn filled(project: &Project) -> Vec<String> {
        let file = project.root.join("out/hello.wasm");
        let root = TaskRoot::of(project, &[Component { name: "hello".to_owned(), file }]).unwrap();
        root.fill(true).unwrap();
        let mut files = BTreeMap::new();
        below(Path::new(""), &root.path, &mut files).unwrap();
        files.keys().map(|file| file.display().to_string()).collect()
    }

    #[test]
    fn it_has_components_the_manifest_and_what_is_granted() {
        let (_folder, project) = project("[handlers.hello]\ngrants.files = [\"assets\"]\n");
        assert_eq!(filled(&project), ["assets/img/a.txt", "bulkhead.toml", "hello.wasm"]);
        std::fs::write(project.root.join(PLACE).join("hello.cwasm"), "of yesterday").unwrap();
        assert_eq!(filled(&project), ["assets/img/a.txt", "bulkhead.toml", "hello.wasm"]);
    }

    #[test]
    fn a_component_goes_where_the_manifest_looks_for_it() {
        let (_folder, named) = project("[handlers.h]\nsource = \"lib/hello.wasm\"\n");
        assert_eq!(filled(&named), ["bulkhead.toml", "lib/hello.wasm"]);
        // As a build command leaves it.
        let (_folder, left) = project("[handlers.h]\nsource = \"out/hello.wasm\"\n");
        assert_eq!(filled(&left), ["bulkhead.toml", "out/hello.wasm"]);
    }

    #[test]
    fn what_has_not_changed_is_left_alone() {
        let (_folder, project) = project("");
        filled(&project);
        let changed =
            |file: &str| std::fs::metadata(project.root.join(PLACE).join(file)).unwrap().modified().unwrap();
        let before = changed("hello.wasm");
        filled(&project);
        assert_eq!(changed("hello.wasm"), before);
        std::fs::write(project.root.join("out/hello.wasm"), "another").unwrap();
        filled(&project);
        assert_eq!(std::fs::read_to_string(project.root.join(PLACE).join("hello.wasm")).unwrap(), "another");
    }
}
