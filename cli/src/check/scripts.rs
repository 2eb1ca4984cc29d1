//! Checks the scripts of a task root: whether each can be read, and whether its engine is one.

use std::path::Path;
use std::sync::Arc;

use bulkhead_host::policy::manifest::{self, Manifest};
use bulkhead_host::script;
use bulkhead_host::text::printable::Shown as _;

use super::report::Component;

/// The interface that an engine imports, in any version.
const INTERFACE: &str = "bulkhead:lambda/script@";

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

/// A component that is no engine, and has a script to run; or an engine without one.
pub(super) fn wrong_engine(handler: &manifest::Handler, component: &Component) -> Option<String> {
    let is_engine = component.imports.iter().any(|import| import.starts_with(INTERFACE));
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
}
