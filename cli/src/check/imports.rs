//! What a script imports and does not have: files, packages, modules of Node.js, names that a file does not export; and what it
//! uses as a global, and no script has.
//!
//! Only files that the entry reaches are looked at, so a test beside them may import what it likes. What is certain to fail is a
//! mistake; what may never run, such as a `require` in an `if`, is a warning. Every place is that of the source.

mod missing;
mod module;
mod node;
mod resolve;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::script::{self, Script};
use bulkhead_host::text::printable::{self, Shown as _};

use crate::typescript;
use module::{Import, Module, Place, When};
use resolve::Unresolved;

/// The findings about all scripts.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What fails whenever the script is loaded.
    pub(super) mistakes: Vec<String>,
    /// What fails if it is used.
    pub(super) warnings: Vec<String>,
}

/// Looks at all scripts of a task root. One that cannot be read, or has mistakes in its syntax, is reported elsewhere.
pub(super) fn of_scripts(root: &Path, manifest: &Manifest) -> Found {
    let mut found = Found::default();
    for place in manifest.scripts().collect::<BTreeSet<_>>() {
        let Ok(script) = script::read(root, place) else { continue };
        let folder = place.parent().unwrap_or_else(|| Path::new(""));
        let largest = script.files().iter().map(|file| file.content.len()).max().unwrap_or_default();
        let of_script = typescript::on_own_stack(largest, || look(folder, &script));
        // Without the memory for it, nothing is said.
        let Ok(Some(of_script)) = of_script else { continue };
        // Two handlers may have the same files.
        let new = |known: &[String], text: &String| !known.contains(text);
        let mistakes: Vec<_> =
            of_script.mistakes.into_iter().filter(|text| new(&found.mistakes, text)).collect();
        let warnings: Vec<_> =
            of_script.warnings.into_iter().filter(|text| new(&found.warnings, text)).collect();
        found.mistakes.extend(mistakes);
        found.warnings.extend(warnings);
    }
    found
}

fn look(folder: &Path, script: &Script) -> Found {
    let mut walk = Walk { folder, script, modules: BTreeMap::new(), found: Found::default() };
    walk.go();
    walk.globals();
    walk.found
}

/// The way from a script's entry through its files.
struct Walk<'s> {
    /// The folder of the script, in the task root.
    folder: &'s Path,
    script: &'s Script,
    /// The files that were parsed, by their paths. `None` is one that cannot be.
    modules: BTreeMap<String, Option<Module>>,
    found: Found,
}

impl Walk<'_> {
    fn go(&mut self) {
        // What is certain to be loaded comes first, so that a file that is reached in both ways is certain, too.
        let (mut certain, mut perhaps) = (VecDeque::from([self.script.entry.to_string()]), VecDeque::new());
        let mut seen = BTreeSet::new();
        loop {
            let (path, is_certain) = match (certain.pop_front(), perhaps.is_empty()) {
                (Some(path), _) => (path, true),
                (None, false) => (perhaps.pop_front().unwrap_or_default(), false),
                (None, true) => return,
            };
            if !seen.insert(path.clone()) {
                continue;
            }
            let Some(module) = self.module(&path).cloned() else { continue };
            for import in &module.imports {
                let is_certain = is_certain && import.when == When::Always;
                match resolve::resolve(self.script, &path, &import.specifier) {
                    Ok(found) => {
                        self.names(&path, import, &found, is_certain);
                        if is_certain { certain.push_back(found) } else { perhaps.push_back(found) }
                    }
                    Err(why) => {
                        let text = self.missing(&path, import, &why);
                        self.tell(&path, import.place, &text, is_certain);
                    }
                }
            }
        }
    }

    /// What a file has, parsed once.
    fn module(&mut self, path: &str) -> Option<&Module> {
        let script = self.script;
        let parse = || module::parse(path, &script.file(path)?.content);
        self.modules.entry(path.to_owned()).or_insert_with(parse).as_ref()
    }

    /// The names that an import wants, and its file does not export.
    fn names(&mut self, path: &str, import: &Import, target: &str, is_certain: bool) {
        let Some(exports) = self.module(target).and_then(|module| module.exports.clone()) else { return };
        for (name, place) in import.names.iter().filter(|(name, _)| !exports.contains(name)) {
            let is_typed = [path, target].iter().any(|path| typescript::has_types(Path::new(path)));
            let type_only = if is_typed { "; if it is a type, write `import type`" } else { "" };
            let text =
                format!("{} does not export `{}`{type_only}", self.shown(target), printable::name(name));
            self.tell(path, *place, &text, is_certain);
        }
    }

    fn tell(&mut self, path: &str, Place { line, column }: Place, text: &str, is_mistake: bool) {
        let text = format!("{}:{line}:{column}: {}", self.shown(path), printable::line(text));
        if is_mistake { self.found.mistakes.push(text) } else { self.found.warnings.push(text) }
    }

    fn shown(&self, path: &str) -> String {
        self.folder.join(path).shown()
    }

    /// What to say of an import that leads nowhere.
    fn missing(&self, path: &str, import: &Import, why: &Unresolved) -> String {
        let specifier = printable::name(&import.specifier);
        match why {
            Unresolved::Node => node::advice(&import.specifier),
            Unresolved::Path => {
                format!(
                    "`{specifier}` cannot be imported: a script imports files of its own folder, by paths that begin with ./ or ../"
                )
            }
            Unresolved::Package => self.package(path, &specifier),
            Unresolved::Outside | Unresolved::NoFile(_) if self.is_alone() => self.alone(&specifier),
            Unresolved::Outside => format!(
                "`{specifier}` lies outside of the script's folder, {}; move the file into it, or bundle the script: {}",
                self.folder.shown(),
                self.bundled()
            ),
            Unresolved::NoFile(wanted) => {
                let near =
                    self.script.files().iter().filter(|file| strsim::jaro_winkler(&file.path, wanted) > 0.9);
                let near = near.map(|file| format!("; did you mean {}?", self.shown(&file.path))).next();
                let jsx = [".jsx", ".tsx"].iter().any(|end| specifier.ends_with(end));
                let jsx = jsx.then(|| "; scripts have no JSX: compile it to JavaScript first".to_owned());
                format!("`{specifier}` is not there{}", jsx.or(near).unwrap_or_default())
            }
        }
    }

    /// Whether the script is one file, beside `bulkhead.toml`.
    fn is_alone(&self) -> bool {
        self.folder.as_os_str().is_empty()
    }

    fn alone(&self, specifier: &str) -> String {
        let entry = &self.script.entry;
        format!(
            "`{specifier}` is not part of the script, which is one file, because it lies beside bulkhead.toml; put its files into a \
             folder, such as src, and write `source = \"src/{entry}\"`"
        )
    }

    fn package(&self, path: &str, specifier: &str) -> String {
        let types = match typescript::has_types(Path::new(path)) {
            true => "; or write `import type`, if you import nothing but types",
            false => "",
        };
        format!(
            "the package `{specifier}` is not part of the script; install it with npm, and bundle it: {}{types}",
            self.bundled()
        )
    }

    /// How to bundle the script.
    fn bundled(&self) -> String {
        let entry = self.folder.join(&*self.script.entry);
        let bundle = Path::new("dist").join(PathBuf::from(&*self.script.entry).with_extension("js"));
        let (entry, bundle) = (entry.shown(), bundle.shown());
        format!("`npx esbuild {entry} --bundle --format=esm --outfile={bundle}`, and `source = \"{bundle}\"`")
    }

    /// The globals that no script has. What any file of the script looks for with `typeof`, or defines, is left out.
    fn globals(&mut self) {
        let modules = std::mem::take(&mut self.modules);
        let all = || modules.iter().filter_map(|(path, module)| Some((path, module.as_ref()?)));
        let guarded: BTreeSet<&String> = all().flat_map(|(_, module)| &module.guarded).collect();
        for (path, module) in all() {
            for (name, place) in module.globals.iter().filter(|(name, _)| !guarded.contains(name)) {
                let Some(hint) = hint(name) else { continue };
                self.tell(path, *place, &hint, false);
            }
        }
    }
}

/// What to use in place of a global that scripts do not have, as the engine says it.
fn hint(name: &str) -> Option<String> {
    let hint = missing::hint(&format!("{name} is not defined"))?;
    Some(hint.trim_start_matches("; ").to_owned())
}

#[cfg(test)]
mod tests;
