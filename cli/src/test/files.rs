//! The files of tests in a project, and the files that they may import: those of all scripts, at their paths in the project.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::policy::script_file::{is_entry, is_file};
use bulkhead_host::script::{self, MOST_BYTES, MOST_FILES};
use bulkhead_host::text::printable::Shown as _;

use crate::build::Project;
use crate::files::no_file;
use crate::typescript;

/// A folder of this name has tests in all of its files.
const FOLDER: &str = "test";

/// Packages of npm, which a script cannot import.
const PACKAGES: &str = "node_modules";

/// What can be run.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The paths of the files of tests.
    pub(crate) tests: Vec<String>,
    /// All files by their paths, tests included.
    pub(crate) all: BTreeMap<String, Arc<[u8]>>,
}

/// Whether a file of a script has the name of a file of tests, such as `index.test.js`. Such files are not part of a package.
pub(crate) fn is_test_name(path: &Path) -> bool {
    let stem = path.file_stem().map(Path::new);
    is_entry(path) && stem.and_then(Path::extension).is_some_and(|middle| middle == FOLDER)
}

fn is_test(path: &Path) -> bool {
    let is_in_folder = || {
        let folders = path.parent().into_iter().flat_map(Path::components);
        folders.into_iter().any(|folder| folder.as_os_str() == FOLDER)
    };
    is_test_name(path) || (is_entry(path) && is_in_folder())
}

/// Finds the files of tests in a project, or takes those that were named.
pub(crate) fn find(project: &Project, named: &[PathBuf]) -> anyhow::Result<Files> {
    let mut found = Files::default();
    for place in project.manifest.scripts() {
        let script = script::read(&project.root, place)?;
        let folder = place.parent().unwrap_or_else(|| Path::new(""));
        for file in script.files() {
            found.add(&folder.join(&*file.path), Arc::clone(&file.content))?;
        }
    }
    for entry in entries(&project.root)? {
        let place = PathBuf::from(entry.file_name().unwrap_or_default());
        if is_test_name(&place) && entry.is_file() {
            found.read(project, &place)?;
        } else if place == Path::new(FOLDER) && entry.is_dir() {
            found.below(project, &place)?;
        }
    }
    if named.is_empty() {
        found.tests = found.all.keys().filter(|path| is_test(Path::new(path))).cloned().collect();
        ensure!(
            !found.tests.is_empty(),
            "{} has no tests: a file of tests is beside a script, or in its folder, and has a name such as index.test.js, or it is in \
             a folder called `{FOLDER}`",
            project.file().shown()
        );
    }
    for file in named {
        let place = place(project, file)?;
        found.read(project, &place)?;
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            found.below(project, folder)?;
        }
        found.tests.push(path_of(&place).with_context(|| file.shown())?);
    }
    Ok(found)
}

impl Files {
    /// Adds a file, without its types.
    fn add(&mut self, place: &Path, bytes: Arc<[u8]>) -> anyhow::Result<()> {
        if let Some(path) = path_of(place) {
            let content = match typescript::has_types(place) {
                true => typescript::strip(place, &bytes)?.into(),
                false => bytes,
            };
            self.all.insert(path, content);
        }
        Ok(())
    }

    fn read(&mut self, project: &Project, place: &Path) -> anyhow::Result<()> {
        let path = project.root.join(place);
        let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", place.shown()))?;
        self.add(place, bytes.into())?;
        let bytes: usize = self.all.values().map(|content| content.len()).sum();
        ensure!(
            self.all.len() <= MOST_FILES && bytes <= MOST_BYTES,
            "the scripts and the tests of {} have more than {MOST_FILES} files, or more than 4 MiB together; name the files of tests to \
             run",
            project.file().shown()
        );
        Ok(())
    }

    /// Reads the files in a folder and below that a script can have. Links are not followed, and hidden files left out.
    fn below(&mut self, project: &Project, folder: &Path) -> anyhow::Result<()> {
        for path in entries(&project.root.join(folder))? {
            let name = path.file_name().unwrap_or_default();
            let place = folder.join(name);
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if name.as_encoded_bytes().starts_with(b".") || name == PACKAGES {
                continue;
            }
            if metadata.is_dir() {
                self.below(project, &place)?;
            } else if metadata.is_file() && is_file(&place) {
                self.read(project, &place)?;
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = || format!("{} cannot be read", folder.shown());
    let entries = fs::read_dir(folder).with_context(failed)?;
    entries.map(|entry| Ok(entry.with_context(failed)?.path())).collect()
}

/// A path as scripts write it.
fn path_of(place: &Path) -> Option<String> {
    let parts = place.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

/// Where a file that was named is in the project.
fn place(project: &Project, file: &Path) -> anyhow::Result<PathBuf> {
    if !file.is_file() {
        return Err(no_file(file));
    }
    if !is_entry(file) {
        bail!("{}: a file of tests ends in .js, .mjs, .cjs, .ts or .mts", file.shown());
    }
    let path = fs::canonicalize(file).with_context(|| format!("{} cannot be read", file.shown()))?;
    match path.strip_prefix(&project.root) {
        Ok(place) => Ok(place.to_owned()),
        Err(_) => bail!("{}: this file is not in the project {}", file.shown(), project.file().shown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[&str]) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "handlers.a.source = \"index.js\"\nhandlers.b.source = \"b/index.mjs\"\n";
        for file in files.iter().chain(&["index.js", "b/index.mjs", "bulkhead.toml"]) {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, if *file == "bulkhead.toml" { manifest } else { "" }).unwrap();
        }
        let project = Project::find(folder.path()).unwrap();
        (folder, project)
    }

    #[test]
    fn tests_are_known_by_their_names_and_folders() {
        for path in ["index.test.js", "a/b.test.mts", "a/test/b.mjs", "test/a/b.cjs"] {
            assert!(is_test(Path::new(path)), "{path}");
        }
        for path in
            ["index.js", "test.js", "testing/a.js", "test/data.json", "a.test.json", "latest.js", "a.test"]
        {
            assert!(!is_test(Path::new(path)), "{path}");
        }
        assert!(is_test_name(Path::new("a/b.test.ts")) && !is_test_name(Path::new("test/b.ts")));
    }

    #[test]
    fn tests_are_beside_scripts_in_their_folders_and_in_a_folder_of_their_own() {
        let (_folder, project) = project(&[
            "index.test.js",
            "other.js",
            "b/lib/x.test.js",
            "b/data.json",
            "test/a.js",
            "test/data.json",
            "test/.hidden.js",
            "test/node_modules/x.js",
            "c/d.test.js",
        ]);
        let found = find(&project, &[]).unwrap();
        assert_eq!(found.tests, ["b/lib/x.test.js", "index.test.js", "test/a.js"]);
        let all: Vec<&str> = found.all.keys().map(String::as_str).collect();
        let expected = [
            "b/data.json",
            "b/index.mjs",
            "b/lib/x.test.js",
            "index.js",
            "index.test.js",
            "test/a.js",
            "test/data.json",
        ];
        assert_eq!(all, expected);
        let named = find(&project, &[project.root.join("c/d.test.js")]).unwrap();
        assert_eq!(named.tests, ["c/d.test.js"]);
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        let (folder, project) = project(&["notes.txt"]);
        let told = |files: &[PathBuf]| find(&project, files).unwrap_err().to_string();
        assert!(told(&[]).contains("has no tests: a file of tests is beside a script"), "{}", told(&[]));
        let gone = told(&[folder.path().join("gone.test.js")]);
        assert!(gone.contains("gone.test.js") && gone.contains("there is no"), "{gone}");
        assert!(told(&[folder.path().join("notes.txt")]).contains("ends in .js"));
        let outside = tempfile::Builder::new().suffix(".test.js").tempfile().unwrap();
        assert!(told(&[outside.path().to_owned()]).contains("is not in the project"));
    }
}
