//! Scripts: `source` of a handler and `script` of a tenant. Nobody's script reads the files of another's.
//!
//! The files of a script are those in the folder of its entry and below, so the folders of two scripts must not lie within
//! one another. Handlers may have their entries in one folder: its files are of one author. The script of a tenant shares
//! its folder with no other entry. An entry beside `bulkhead.toml` is a script of one file, whose folder is nobody's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::credentials::Credentials;
use super::document::{Document, Spanned, Table, path};
use super::place::{self, Source};
use super::sections::{HandlerSection, Sections, TenantSection};
use crate::policy::SecretSource;
use crate::policy::script_file::{ENGINE, ENGINES, is_file};

/// The component of a handler and, if its source is a script, the entry of that.
pub(super) fn source(table: &Table<'_>, name: &str) -> (PathBuf, Option<Spanned<Arc<Path>>>) {
    let expected = "the path of a component or a script, such as \"hello.wasm\" or \"hello.js\"";
    let entry = table.entry("source");
    let source = entry.and_then(|entry| entry.understood(place::source(entry.string(expected)?)));
    match source.map(|source| (source.value, source.line)) {
        Some((Source::Component(component), _)) => (component, None),
        Some((Source::Script(script), line)) => {
            if let Some(digest) = table.entry("digest") {
                digest.mistake(
                    "a digest is that of a component, and the source is a script, whose digest is on receipts; leave it out",
                );
            }
            (engine(), Some(Spanned { value: script, line }))
        }
        None => (format!("{name}.wasm").into(), None),
    }
}

/// The component of the engine of scripts, in the task root.
pub(super) fn engine() -> PathBuf {
    Path::new(ENGINES).join(ENGINE).with_extension("wasm")
}

/// The script of a tenant.
pub(super) fn of_tenant(table: &Table<'_>) -> Option<Spanned<Arc<Path>>> {
    let entry = table.entry("script")?;
    entry.understood(place::script(entry.string("the path of a script, such as \"tenants/acme/index.js\"")?))
}

/// The script that a tenant of this handler has.
pub(super) fn resolve(
    document: &Document,
    tenant: &TenantSection,
    handler: &HandlerSection,
) -> Option<Arc<Path>> {
    match (&handler.script, &tenant.script) {
        (Some(_), Some(own)) => Some(Arc::clone(&own.value)),
        (Some(script), None) => Some(Arc::clone(&script.value)),
        (None, Some(own)) => {
            let handler = path("handlers", &handler.name);
            let text = format!(
                "{handler} is a component, and runs no script; give it a script as its `source`, or leave this out"
            );
            document.mistake(own.line, format!("{}.script", path("tenants", &tenant.id.value)), text);
            None
        }
        (None, None) => None,
    }
}

/// The script of a handler or a tenant.
struct Named<'s> {
    script: &'s Spanned<Arc<Path>>,
    owner: Owner<'s>,
}

/// Who has a script, by name.
#[derive(Clone, Copy)]
enum Owner<'s> {
    Handler(&'s str),
    Tenant(&'s str),
}

/// The table of the owner.
impl std::fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&match self {
            Self::Handler(name) => path("handlers", name),
            Self::Tenant(id) => path("tenants", id),
        })
    }
}

/// Records scripts that could read the files of others, or a secret.
pub(super) fn check(document: &Document, sections: &Sections) {
    let handlers = sections.handlers.iter().filter_map(|handler| {
        Some(Named { script: handler.script.as_ref()?, owner: Owner::Handler(&handler.name) })
    });
    let tenants = sections.tenants.iter().filter_map(|tenant| {
        Some(Named { script: tenant.script.as_ref()?, owner: Owner::Tenant(&tenant.id.value) })
    });
    let all: Vec<Named<'_>> = handlers.chain(tenants).collect();
    if !are_apart(&all) {
        overlaps(document, &all);
    }
    secrets(document, &sections.credentials, &all);
}

/// Whether no folder is that of two scripts, and none lies in another. For many tenants this takes a fraction of the time in
/// which overlaps are found.
fn are_apart(all: &[Named<'_>]) -> bool {
    let scripts = all.iter().map(|named| named.script);
    let mut folders: Vec<(&str, usize)> = scripts
        .filter_map(|script| {
            let entry = script.value.to_str()?;
            Some((entry.get(..=entry.rfind('/')?)?, script.line))
        })
        .collect();
    folders.sort();
    // Each ends with its slash, so those that lie in a folder come next after it.
    folders.windows(2).all(|pair| !pair[1].0.starts_with(pair[0].0))
}

/// Records folders that overlap.
fn overlaps(document: &Document, all: &[Named<'_>]) {
    let mut all: Vec<&Named<'_>> = all.iter().collect();
    all.sort_by_key(|named| named.script.line);
    let mut folders = Folders::default();
    for named in all {
        let Some(folder) = folder(&named.script.value) else { continue };
        if let Some(text) = folders.overlap(folder, named) {
            named.mistake(document, text);
        }
        folders.add(folder, named);
    }
}

/// The folder of a script, unless it is the task root. It is text, which is compared much faster than a path.
fn folder(entry: &Path) -> Option<&str> {
    Some(entry.to_str()?.rsplit_once('/')?.0)
}

/// The folders above one, from the nearest on.
fn above(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(folder.rsplit_once('/'), |(above, _)| above.rsplit_once('/'))
        .map(|(above, _)| above)
}

/// The folders of scripts so far.
#[derive(Default)]
struct Folders<'n, 's> {
    /// Each with the scripts that have it: those of handlers, and those of tenants, once each.
    own: HashMap<&'n str, Vec<&'n Named<'s>>>,
    /// Each folder above one of these, with the first script below it.
    above: HashMap<&'n str, &'n Named<'s>>,
}

impl<'n, 's> Folders<'n, 's> {
    fn add(&mut self, folder: &'n str, named: &'n Named<'s>) {
        let others = self.own.entry(folder).or_default();
        // Tenants without number may have one script.
        if others.iter().any(|other| other.is_tenant() == named.is_tenant() && other.is_of(named)) {
            return;
        }
        others.push(named);
        for above in above(folder) {
            self.above.entry(above).or_insert(named);
        }
    }

    /// Why a script may not have this folder beside those before it.
    fn overlap(&self, folder: &str, named: &Named<'_>) -> Option<String> {
        const ADVICE: &str = "give each script a folder of its own";
        if let Some(same) = self.own.get(folder) {
            let is_other = |same: &&&Named<'_>| !same.is_of(named) && (same.is_tenant() || named.is_tenant());
            return same.iter().find(is_other).map(|Named { owner, .. }| {
                format!(
                    "{folder:?} is also the folder of {owner}, so each could read the other's files; {ADVICE}"
                )
            });
        }
        let around = above(folder).find_map(|above| self.own.get(above)?.first());
        if let Some(Named { owner, .. }) = around {
            return Some(format!(
                "{folder:?} lies in the folder of {owner}, which could read its files; {ADVICE}"
            ));
        }
        self.above.get(folder).map(|Named { owner, .. }| {
            format!(
                "{folder:?} contains the folder of {owner}, so this script could read its files; {ADVICE}"
            )
        })
    }
}

impl Named<'_> {
    /// Whether both have one entry.
    fn is_of(&self, other: &Self) -> bool {
        self.script.value == other.script.value
    }

    fn mistake(&self, document: &Document, text: String) {
        let key = if self.is_tenant() { "script" } else { "source" };
        document.mistake(self.script.line, format!("{}.{key}", self.owner), text);
    }

    fn is_tenant(&self) -> bool {
        matches!(self.owner, Owner::Tenant(_))
    }

    /// Whether the script reads the file at this place.
    fn reads(&self, file: &Path) -> bool {
        let entry = &*self.script.value;
        file == entry || folder(entry).is_some_and(|folder| file.starts_with(folder)) && is_file(file)
    }
}

/// Records scripts that could read the file of a secret.
fn secrets(document: &Document, credentials: &Credentials, all: &[Named<'_>]) {
    for secret in credentials.secrets() {
        let SecretSource::File(file) = &secret.from else { continue };
        let file = Path::new(&**file);
        // The second is Lambda's task root.
        let below = file.strip_prefix(".").or_else(|_| file.strip_prefix("/var/task")).unwrap_or(file);
        for named in all.iter().filter(|named| named.reads(below)) {
            named.mistake(
                document,
                format!(
                    "its folder contains the secret {:?}, which a script must not have; move the file",
                    secret.name
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests;
