//! The script of a tenant, on its way into the store: its files are read, checked by the engine, and made one object.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use bulkhead_host::capabilities;
use bulkhead_host::engine::{self, Share};
use bulkhead_host::policy::Policy;
use bulkhead_host::policy::manifest::store::Settings;
use bulkhead_host::policy::manifest::{FILE, Store};
use bulkhead_host::policy::script_file::{ENGINE, ENGINES, is_entry};
use bulkhead_host::preinit::ScriptCompiler;
use bulkhead_host::sandbox::component::{self, ComponentError, Loaded};
use bulkhead_host::script::{self, File, Script, object};
use bulkhead_host::store::{self, Digest, Handler};
use bulkhead_host::text::printable::Shown as _;

use super::code::Code;
use crate::build::{PLACE, is_shipped};
use crate::check::{is_compiled, told};
use crate::local::{self, ENGINES_VARIABLE};
use crate::output::Progress;
use crate::typescript;

/// A script that was checked.
#[derive(Debug)]
pub(super) struct Checked {
    digest: Digest,
    pub(super) code: Rc<Code>,
}

/// Reads the script with this entry, and checks it in the engine, under this policy. `root` is the folder of `bulkhead.toml`.
pub(super) fn checked(entry: &Path, root: &Path, policy: &Policy) -> anyhow::Result<Checked> {
    let script = Arc::new(read(entry)?);
    let progress = Progress::of(&format!("checking {}", entry.shown()));
    let mistakes = mistakes(&script, entry, root, policy)?;
    drop(progress);
    ensure!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    let object = object::write(&script);
    // What was made of the files may be larger than they were.
    object::read(&script.digest, &object)
        .with_context(|| format!("{}: the script cannot be stored", entry.shown()))?;
    Ok(Checked { digest: Digest::of(&object), code: Rc::new(Code::of_script(object)) })
}

impl Checked {
    /// The handler that runs it with these settings.
    pub(super) fn handler(&self, settings: Settings) -> Handler {
        Handler { code: store::Code::Script(self.digest.clone()), settings }
    }
}

/// Fails unless functions that read this store run scripts.
pub(super) fn expect_engine(store: &Store) -> anyhow::Result<()> {
    ensure!(
        store.scripts,
        "tenants of this store cannot be scripts: set `scripts = true` in [store] of {FILE}, so that the package has the \
         engine that runs them, and deploy the function"
    );
    Ok(())
}

/// The script with this entry, which consists of the same files as one of a package.
fn read(entry: &Path) -> anyhow::Result<Script> {
    ensure!(
        is_entry(entry),
        "{}: this is not a script; the name of a script ends in .js, .mjs, .cjs, .ts, .mts or .cts",
        entry.shown()
    );
    let folder =
        entry.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let folder = std::fs::canonicalize(folder).with_context(|| folder.shown())?;
    let name = Path::new(entry.file_name().unwrap_or_default());
    // Beside `bulkhead.toml`, a script is that file alone.
    let (above, place) = match (folder.parent(), folder.file_name()) {
        (Some(above), Some(own)) if !folder.join(FILE).is_file() => (above, Path::new(own).join(name)),
        _ => (folder.as_path(), name.to_owned()),
    };
    let script = script::read(above, &place.into()).with_context(|| entry.shown())?;
    let shipped = |file: &&File| {
        let path = Path::new(&*file.path);
        is_shipped(&file.path, &script.entry) && (path == name || !typescript::is_declaration(path))
    };
    let files: anyhow::Result<Vec<File>> =
        script.files().iter().filter(shipped).map(|file| without_types(folder.as_path(), file)).collect();
    Script::new(Arc::clone(&script.place), &script.entry, files?).with_context(|| entry.shown())
}

fn without_types(folder: &Path, file: &File) -> anyhow::Result<File> {
    let content = match typescript::has_types(Path::new(&*file.path)) {
        true => typescript::strip(&folder.join(&*file.path), &file.content)?.into(),
        false => Arc::clone(&file.content),
    };
    Ok(File { path: file.path.clone(), content })
}

/// The mistakes in the syntax of a script.
fn mistakes(script: &Arc<Script>, entry: &Path, root: &Path, policy: &Policy) -> anyhow::Result<Vec<String>> {
    let (loaded, file) = engine(root, policy)?;
    let compiler = ScriptCompiler::of(&loaded).with_context(|| file.shown())?;
    let compiler = compiler.with_context(|| format!("{}: this is not an engine of scripts", file.shown()))?;
    let folder = entry.parent().unwrap_or_else(|| Path::new(""));
    let mut found = Vec::new();
    for file in script.files().iter().filter(|file| is_compiled(&file.path, &script.entry)) {
        let compiled = compiler.mistake(script, &file.path);
        found.extend(told(&folder.join(&*file.path), compiled));
    }
    Ok(found)
}

/// The engine of the package, or the one that came with this command, with no more room than the policy allows.
fn engine(root: &Path, policy: &Policy) -> anyhow::Result<(Loaded, PathBuf)> {
    let (engine, _) = engine::start_for(1, Share::under(&policy.limits))?;
    let imports = capabilities::imports(&engine)?;
    let (code, component) = (format!("{ENGINE}.cwasm"), format!("{ENGINE}.wasm"));
    let folders = [root.join(ENGINES), root.join(PLACE).join(ENGINES)];
    let there = |file: &str| folders.iter().map(|folder| folder.join(file)).find(|file| file.is_file());
    let found = |file: &str| there(file).or_else(|| local::engine(file));
    let (code, component) = (found(&code), found(&component));
    let mapped = code.map(|code| (component::map(&engine, &imports, &code, None), code));
    match (mapped, component) {
        (Some((Ok(loaded), code)), _) => Ok((loaded, code)),
        // Native code for another processor or build.
        (Some((Err(ComponentError::Artifact { .. }), _)) | None, Some(component)) => {
            let loaded = component::compile(&engine, &imports, &component);
            Ok((loaded.map_err(|error| error.about(&component))?, component))
        }
        (Some((Err(error), code)), _) => Err(error.about(&code).into()),
        (None, None) => bail!(
            "there is no engine {ENGINE}.wasm to check the script with: `bulkhead build` puts it into {PLACE}/{ENGINES}, and a \
             release of `bulkhead` has it in the folder `{ENGINES}` beside the command; pass another folder in {ENGINES_VARIABLE}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn paths(script: &Script) -> Vec<&str> {
        script.files().iter().map(|file| &*file.path).collect()
    }

    #[test]
    fn a_script_is_its_folder_or_beside_the_manifest_one_file() {
        let root = folder(&[
            ("index.js", "1"),
            (FILE, ""),
            ("acme/index.js", "2"),
            ("acme/lib/a.json", "{}"),
            ("acme/notes.txt", ""),
        ]);
        let alone = read(&root.path().join("index.js")).unwrap();
        assert_eq!(paths(&alone), ["index.js"]);
        let acme = read(&root.path().join("acme/index.js")).unwrap();
        assert_eq!((paths(&acme), &*acme.entry), (vec!["index.js", "lib/a.json"], "index.js"));
        // By way of a link to the folder, too, which is the user's own.
        std::os::unix::fs::symlink("acme", root.path().join("link")).unwrap();
        assert_eq!(read(&root.path().join("link/index.js")).unwrap().digest, acme.digest);
        let error = |path: &str| format!("{:#}", read(&root.path().join(path)).unwrap_err());
        assert!(error("acme/notes.txt").contains("this is not a script"), "{}", error("acme/notes.txt"));
        assert!(
            error("acme/none.js").contains("there is no file `acme/none.js`"),
            "{}",
            error("acme/none.js")
        );
        assert!(error("none/index.js").contains("No such file"), "{}", error("none/index.js"));
    }

    #[test]
    fn what_is_not_an_engine_of_scripts_checks_nothing() {
        let root = folder(&[("engines/javascript.wasm", "no component"), ("index.js", "")]);
        let entry = root.path().join("index.js");
        let error = checked(&entry, root.path(), &Policy::default_for("")).unwrap_err();
        assert!(format!("{error:#}").contains("javascript.wasm"), "{error:#}");
    }
}
