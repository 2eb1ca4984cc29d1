//! The bytecode of the scripts in a task root, which spares their first events the compilation.
//!
//! The engine of the task root makes it. None has to be there: the bootstrap compiles a script that has none.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use bulkhead_host::capabilities;
use bulkhead_host::engine::artifact::Stamp;
use bulkhead_host::engine::{self, Share};
use bulkhead_host::policy::Limits;
use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::preinit::ScriptCompiler;
use bulkhead_host::sandbox::component;
use bulkhead_host::script::{self, SMALLEST, SMALLEST_PACKAGED, packaged};
use bulkhead_host::text::printable::Shown as _;

use super::task_root::{below, put};
use crate::local;

/// The most bytes of bytecode in a task root. A script has about three times as many as its source. Those that are left out are
/// compiled at their first event.
const MOST: usize = 32 * 1024 * 1024;

/// The most scripts of a task root of which small ones have bytecode, too. With more, a build would take seconds.
const MOST_WITH_SMALL: usize = 1000;

/// Writes the bytecode of those scripts in a task root that are worth it, and removes that of others. `earlier` is a task root that
/// may have it already, or the engine for this machine.
pub(crate) fn make(root: &Path, manifest: &Manifest, earlier: &Path) -> anyhow::Result<()> {
    let files = files(root, manifest, earlier, MOST);
    for (place, content) in &files {
        let to = root.join(place);
        put(content, Permissions::from_mode(0o644), &to)
            .with_context(|| format!("{} cannot be written", to.shown()))?;
    }
    let (folder, mut there) = (packaged::folder(), BTreeMap::new());
    if root.join(&folder).is_dir() {
        below(&folder, &root.join(&folder), &mut there)
            .with_context(|| format!("{} cannot be read", root.join(&folder).shown()))?;
    }
    for (_, file) in there.iter().filter(|(place, _)| !files.contains_key(*place)) {
        std::fs::remove_file(file).with_context(|| format!("{} cannot be removed", file.shown()))?;
    }
    Ok(())
}

/// The files of bytecode with their places in the task root, up to so many bytes.
fn files(root: &Path, manifest: &Manifest, earlier: &Path, most: usize) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let runs_script = manifest.handlers.iter().find(|handler| handler.script.is_some());
    let Some(code) = runs_script.map(|handler| handler.source.with_extension("cwasm")) else { return files };
    let Ok(Stamp { source: engine, .. }) = Stamp::check_for_any_target(&root.join(&code)) else {
        return files;
    };
    let (roots, compiler) = ([root, earlier], OnceCell::new());
    let places: BTreeSet<_> = manifest.scripts().collect();
    let smallest = if places.len() <= MOST_WITH_SMALL { SMALLEST_PACKAGED } else { SMALLEST };
    // What cannot be read was reported before.
    let scripts = places.into_iter().filter_map(|place| script::read(root, place).ok().map(Arc::new));
    let mut scripts: Vec<_> = scripts.filter(|script| !script.worth_compiling(smallest).is_empty()).collect();
    // The large ones first: they gain most.
    scripts.sort_by_key(|script| script.worth_compiling(SMALLEST).is_empty());
    let mut bytes = 0;
    for script in scripts {
        let there = roots.iter().find_map(|root| packaged::read(root, &engine, &script).ok()?);
        let made = there.or_else(|| {
            let compiler = compiler.get_or_init(|| compiler_of(&engine, &code, roots));
            compiler.as_ref()?.bytecode(&script, smallest)
        });
        let Some(bytecode) = made else { continue };
        let content = packaged::write(&script, &bytecode);
        if bytes + content.len() <= most {
            bytes += content.len();
            files.insert(packaged::place(&engine, &script.digest), content);
        }
    }
    files
}

/// The compiler of this engine, if there is native code of it for this machine: in one of these folders, or with this command.
fn compiler_of(digest: &str, code: &Path, roots: [&Path; 2]) -> Option<ScriptCompiler> {
    let (engine, _) = engine::start_for(1, Share::under(&Limits::default())).ok()?;
    let imports = capabilities::imports(&engine).ok()?;
    let shipped = code.file_name().and_then(|file| local::engine(file.to_str()?));
    let mut all = roots.iter().map(|root| root.join(code)).chain(shipped);
    let loaded = all.find_map(|code| {
        let loaded = component::map(&engine, &imports, &code, None).ok()?;
        (*loaded.digest == *digest).then_some(loaded)
    });
    ScriptCompiler::of(&loaded?).ok()?
}

#[cfg(test)]
mod tests {
    use bulkhead_host::engine::Target;
    use bulkhead_host::script::{Bytecode, Script};
    use tempfile::TempDir;

    use super::*;

    const MANIFEST: &str = "handlers.a.source = \"a.js\"\nhandlers.b.source = \"b.js\"\n";

    /// A task root with two large scripts, and native code that says of which engine it is.
    fn root() -> (TempDir, Manifest, String) {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("bulkhead.toml"), MANIFEST).unwrap();
        for file in ["a.js", "b.js"] {
            std::fs::write(root.path().join(file), file.repeat(SMALLEST)).unwrap();
        }
        std::fs::create_dir(root.path().join("engines")).unwrap();
        let stamp = Stamp::new(b"code", b"engine", Target::host().unwrap(), engine::Reset::default());
        let code = [&b"code"[..], &stamp.to_bytes()].concat();
        std::fs::write(root.path().join("engines/javascript.cwasm"), code).unwrap();
        let manifest = Manifest::read(root.path()).unwrap().unwrap();
        (root, manifest, stamp.source)
    }

    /// Writes bytecode of a script, and returns its place.
    fn write(root: &Path, place: &str, engine: &str) -> PathBuf {
        let script: Script = script::read(root, &Path::new(place).into()).unwrap();
        let bytecode = Bytecode { engine: engine.into(), files: vec![Some(vec![1; 100].into())] };
        let to = packaged::place(engine, &script.digest);
        std::fs::create_dir_all(root.join(&to).parent().unwrap()).unwrap();
        std::fs::write(root.join(&to), packaged::write(&script, &bytecode)).unwrap();
        to
    }

    #[test]
    fn bytecode_that_is_up_to_date_is_kept_or_taken_from_an_earlier_task_root_and_the_rest_is_removed() {
        let (root, manifest, engine) = root();
        let (earlier, ..) = self::root();
        let own = write(root.path(), "a.js", &engine);
        let theirs = write(earlier.path(), "b.js", &engine);
        let old = [write(root.path(), "a.js", "sha256:22"), packaged::folder().join("odd")];
        std::fs::write(root.path().join(&old[1]), "odd").unwrap();
        make(root.path(), &manifest, earlier.path()).unwrap();
        let is_there = |file: &PathBuf| root.path().join(file).is_file();
        assert!(is_there(&own) && is_there(&theirs) && !old.iter().any(is_there));
        // The engine does not load, so nothing new is made.
        std::fs::write(root.path().join("a.js"), "changed".repeat(SMALLEST)).unwrap();
        make(root.path(), &manifest, earlier.path()).unwrap();
        assert!(!is_there(&own) && is_there(&theirs));
    }

    #[test]
    fn small_scripts_have_bytecode_if_there_are_not_too_many() {
        let (root, _, engine) = root();
        std::fs::write(root.path().join("a.js"), "1").unwrap();
        let small = write(root.path(), "a.js", &engine);
        for (scripts, is_kept) in [(MOST_WITH_SMALL, true), (MOST_WITH_SMALL + 1, false)] {
            let tenant = |number| format!("tenants.t{number}.script = \"{number}.js\"\n");
            let tenants: String = (1..scripts).map(tenant).collect();
            let text = format!("handlers.a.source = \"a.js\"\n{tenants}");
            std::fs::write(root.path().join("bulkhead.toml"), text).unwrap();
            let manifest = Manifest::read(root.path()).unwrap().unwrap();
            make(root.path(), &manifest, root.path()).unwrap();
            assert_eq!(root.path().join(&small).is_file(), is_kept, "{scripts} scripts");
        }
    }

    #[test]
    fn there_is_a_bound_for_all_together() {
        let (root, manifest, engine) = root();
        let places = ["a.js", "b.js"].map(|place| write(root.path(), place, &engine));
        let length = std::fs::metadata(root.path().join(&places[0])).unwrap().len();
        let count =
            |most: u64| files(root.path(), &manifest, root.path(), usize::try_from(most).unwrap()).len();
        assert_eq!([count(length - 1), count(length), count(2 * length)], [0, 1, 2]);
        // A small one is the first to have none.
        std::fs::write(root.path().join("a.js"), "1").unwrap();
        write(root.path(), "a.js", &engine);
        let kept = files(root.path(), &manifest, root.path(), usize::try_from(length).unwrap());
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), [places[1].clone()]);
    }
}
