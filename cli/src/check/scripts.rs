//! Checks the scripts of a task root: whether each can be read, whether its engine is one, and what the engine says of its syntax.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use bulkhead_host::policy::manifest::{self, Manifest};
use bulkhead_host::policy::script_file;
use bulkhead_host::preinit::{ScriptCompiler, ScriptCompilerError, SyntaxError};
use bulkhead_host::script;
use bulkhead_host::text::printable::{self, Shown as _};

use super::components::ComponentLoader;
use super::report::Component;
use crate::preinit::SCRIPT;
use crate::typescript;

/// The scripts that cannot be read, and why.
pub(crate) fn mistakes_of_scripts(root: &Path, manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |place: &Arc<Path>, table: &str, key: &str| {
        if let Err(error) = script::read(root, place) {
            found.push(format!("{}: {error}", manifest::place_of(root, table, key)));
        }
    };
    for handler in &manifest.handlers {
        if let Some(place) = &handler.script {
            check(place, handler.policy.owner(), "source");
        }
    }
    let mut tenants: Vec<_> = manifest.tenants.iter().collect();
    tenants.sort_unstable_by_key(|(id, _)| *id);
    for (id, tenant) in tenants {
        let of_handler = manifest.handlers.get(tenant.handler).and_then(|handler| handler.script.as_ref());
        if let Some(place) = tenant.script.as_ref().filter(|place| Some(*place) != of_handler) {
            check(place, &Manifest::table_of(id), "script");
        }
    }
    found
}

/// A store whose tenants may be scripts, and a package without the engine that runs them.
pub(super) fn missing_engine(root: &Path, manifest: &Manifest) -> Option<String> {
    let engine = root.join(manifest.engine_of_store()?);
    let is_there = engine.is_file() || engine.with_extension("cwasm").is_file();
    (!is_there).then(|| {
        format!(
            "{}: scripts need the engine {}, which does not exist; `bulkhead build` and `bulkhead package` put it there",
            manifest::place_of(root, "store", "scripts"),
            engine.shown()
        )
    })
}

/// The mistakes in the syntax of all scripts, with their places. An engine that was not loaded finds none.
pub(super) fn mistakes_of_syntax(
    root: &Path,
    manifest: &Manifest,
    loader: &ComponentLoader,
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    if manifest.scripts().next().is_none() {
        return Ok(found);
    }
    for (engine, places) in by_engine(manifest) {
        let handler = manifest.handlers.iter().find(|handler| handler.source == engine);
        let Some(loaded) = handler.and_then(|handler| loader.engine(handler)) else { continue };
        let Some(compiler) = ScriptCompiler::of(loaded).with_context(|| engine.shown())? else { continue };
        for place in places {
            // A script that cannot be read is reported as such.
            let Ok(script) = script::read(root, place).map(Arc::new) else { continue };
            let folder = place.parent().unwrap_or_else(|| Path::new(""));
            for file in script.files().iter().filter(|file| is_compiled(&file.path, &script.entry)) {
                let compiled = compiler.mistake(&script, &file.path);
                let place = folder.join(&*file.path);
                let told = told(&place, compiled);
                found.extend(told.map(|text| text + types_left(&place, &file.content)));
            }
        }
    }
    Ok(found)
}

/// The places of the scripts that each engine runs.
fn by_engine(manifest: &Manifest) -> BTreeMap<&Path, BTreeSet<&Arc<Path>>> {
    let mut places: BTreeMap<&Path, BTreeSet<&Arc<Path>>> = BTreeMap::new();
    for handler in &manifest.handlers {
        places.entry(&handler.source).or_default().extend(&handler.script);
    }
    for tenant in manifest.tenants.values() {
        if let Some(handler) = manifest.handlers.get(tenant.handler) {
            places.entry(&handler.source).or_default().extend(&tenant.script);
        }
    }
    places
}

/// Whether the engine compiles a file. Declarations of types lie beside many scripts, and are not run.
pub(crate) fn is_compiled(path: &str, entry: &str) -> bool {
    let path = Path::new(path);
    let is_script = || script_file::is_entry(path) && !typescript::is_declaration(path);
    path == Path::new(entry) || is_script()
}

/// What to add to a mistake in a file whose types are still there.
fn types_left(place: &Path, content: &[u8]) -> &'static str {
    let is_typed = typescript::has_types(place)
        && typescript::strip(place, content).is_ok_and(|stripped| stripped != content);
    if is_typed { "; it has types, which `bulkhead build` takes off" } else { "" }
}

/// The text about a file.
pub(crate) fn told(
    file: &Path,
    compiled: Result<Option<SyntaxError>, ScriptCompilerError>,
) -> Option<String> {
    let file = file.shown();
    match compiled {
        Ok(None) => None,
        Ok(Some(SyntaxError { message, line, column })) => {
            Some(format!("{file}:{line}:{column}: {}", printable::line(&message)))
        }
        Err(error) => Some(format!("{file}: {error}")),
    }
}

/// A component that is no engine, and has a script to run; or an engine without one.
pub(super) fn wrong_engine(handler: &manifest::Handler, component: &Component) -> Option<String> {
    let is_engine = component.imports.iter().any(|import| import.starts_with(SCRIPT));
    let file = component.file.shown();
    match handler.script.is_some() {
        // The imports of code for another processor are not known.
        true if !is_engine && !component.imports.is_empty() => Some(format!(
            "{file} does not import bulkhead:lambda/script, so it does not run the script of the handler {}; put an engine there",
            handler.name
        )),
        false if is_engine => Some(format!(
            "{file} is the engine of scripts, and every event of the handler {} will fail, because it has none; give it a \
             script as its `source`",
            handler.name
        )),
        true | false => None,
    }
}

#[cfg(test)]
mod tests {
    use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
    use wit_parser::Resolve;

    use super::*;

    #[test]
    fn a_script_that_cannot_be_read_has_its_line() {
        let root = tempfile::tempdir().unwrap();
        let manifest = "[handlers.notes]\nsource = \"notes/index.js\"\n[tenants.\"a.b\"]\nscript = \"ab/index.js\"\n[tenants.c]\n";
        std::fs::write(root.path().join("bulkhead.toml"), manifest).unwrap();
        let told = || {
            let manifest = Manifest::read(root.path()).unwrap().unwrap();
            mistakes_of_scripts(root.path(), &manifest)
        };
        let found = told();
        assert!(
            found.len() == 2
                && found[0].starts_with("bulkhead.toml:2: handlers.notes.source: `notes` cannot"),
            "{found:?}"
        );
        assert!(
            found[1].starts_with("bulkhead.toml:4: tenants.\"a.b\".script: `ab` cannot be read: "),
            "{found:?}"
        );
        for folder in ["notes", "ab"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
            std::fs::write(root.path().join(folder).join("index.js"), "").unwrap();
        }
        assert_eq!(told(), [""; 0]);
    }

    #[test]
    fn a_store_with_scripts_needs_an_engine() {
        let root = tempfile::tempdir().unwrap();
        let told = |scripts: &str| {
            let toml = format!(
                "[store]\nname = 'a'\nurl = 'file:///a'\n\
                 public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']\n{scripts}"
            );
            std::fs::write(root.path().join("bulkhead.toml"), toml).unwrap();
            crate::check::mistakes(root.path(), None).unwrap()
        };
        let found = told("scripts = true");
        assert!(
            found.len() == 1
                && found[0].starts_with("bulkhead.toml:5: store.scripts: scripts need the engine "),
            "{found:?}"
        );
        assert_eq!((told(""), told("scripts = false")), (vec![], vec![]));
        std::fs::create_dir(root.path().join("engines")).unwrap();
        std::fs::write(root.path().join("engines/javascript.cwasm"), "").unwrap();
        assert_eq!(told("scripts = true"), [""; 0]);
    }

    /// An engine that finds a mistake in a file that begins with an exclamation mark, and traps on a file of three bytes.
    fn engine() -> Vec<u8> {
        let module = r#"(module
            (memory (export "memory") 1)
            (data (i32.const 2048) "\01\00\00\00\00\0c\00\00\03\00\00\00\03\00\00\00\07\00\00\00")
            (data (i32.const 3072) "odd")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "bulkhead:lambda/handler@0.1.0#handle") (param i32) (result i32) i32.const 12)
            (func (export "bulkhead:lambda/script-compiler@0.1.0#compile") (param i32 i32 i32 i32) (result i32)
                (if (i32.eq (local.get 3) (i32.const 3)) (then (unreachable)))
                (select (i32.const 2048) (i32.const 12)
                    (i32.eq (i32.load8_u (local.get 2)) (i32.const 33)))))"#;
        let mut wasm = wat::parse_str(module).unwrap();
        let mut resolve = Resolve::default();
        resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/wit")).unwrap();
        let world = "package a:b; world w { export bulkhead:lambda/handler@0.1.0; \
                     export bulkhead:lambda/script-compiler@0.1.0; }";
        let package = resolve.push_str("world.wit", world).unwrap();
        let world = resolve.select_world(&[package], Some("w")).unwrap();
        embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&wasm).unwrap().encode().unwrap()
    }

    #[test]
    fn what_an_engine_finds_is_a_mistake_with_its_place() {
        let root = tempfile::tempdir().unwrap();
        let manifest = "handlers.a.source = \"a/index.js\"\ntenants.t.script = \"t.js\"\ntenants.u = {}\n";
        for (file, content) in [
            ("bulkhead.toml", manifest.as_bytes()),
            ("engines/javascript.wasm", &engine()),
            ("a/index.js", b"fine"),
            ("a/lib/b.mjs", b"!..."),
            ("a/index.d.ts", b"!..."),
            ("a/data.json", b"!..."),
            ("a/c.ts", b"!(a as b)"),
            ("t.js", b"odd"),
        ] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let found = crate::check::mistakes(root.path(), None).unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        let typed = "a/c.ts:3:7: odd; it has types, which `bulkhead build` takes off";
        assert!(found.contains(&typed.to_owned()), "{found:?}");
        assert!(found.contains(&"a/lib/b.mjs:3:7: odd".to_owned()), "{found:?}");
        let ended = |text: &String| {
            text.starts_with("t.js: its syntax cannot be checked: ") && text.contains("unreachable")
        };
        assert!(found.iter().any(ended), "{found:?}");
    }
}
