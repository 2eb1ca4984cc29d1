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
mod tests {
    use proptest::strategy::Strategy as _;

    use crate::policy::manifest::Manifest;

    fn mistakes(text: &str) -> Vec<String> {
        Manifest::parse(text).expect_err(text).iter().map(ToString::to_string).collect()
    }

    const ENGINE: &str = "engines/javascript.wasm";

    #[test]
    fn a_handler_and_its_tenants_have_scripts_of_one_engine() {
        let manifest = Manifest::parse(
            r#"
            handlers.notes.source = "notes/index.js"
            handlers.other.source = "one.mts"
            handlers.plain.source = "plain.wasm"
            [tenants]
            acme = { handler = "notes", script = "./tenants/acme//index.js" }
            globex = { handler = "notes" }
            initech = { handler = "plain" }
            "#,
        )
        .unwrap();
        let sources: Vec<_> =
            manifest.handlers.iter().map(|handler| handler.source.to_str().unwrap()).collect();
        assert_eq!(sources, [ENGINE, ENGINE, "plain.wasm"]);
        assert_eq!(manifest.components(), 2);
        let of =
            |tenant: &str| manifest.tenants[tenant].script.as_ref().map(|script| script.to_str().unwrap());
        assert_eq!(of("acme"), Some("tenants/acme/index.js"));
        assert_eq!((of("globex"), of("initech")), (Some("notes/index.js"), None));
        assert_eq!(manifest.scripts().count(), 4);
    }

    #[test]
    fn a_script_needs_a_handler_that_runs_one_and_no_digest() {
        let digest = "0".repeat(64);
        let text = format!(
            "handlers.a.source = \"a.wasm\"\nhandlers.b = {{ source = \"b.js\", digest = \"sha256:{digest}\" }}\n\
             tenants.acme = {{ handler = \"a\", script = \"acme/index.js\" }}\ntenants.b = {{ handler = \"b\", script = \"b.wasm\" }}\n"
        );
        let found = mistakes(&text);
        let begin = [
            "2: handlers.b.digest: a digest is that of a component, and the source is a script",
            "3: tenants.acme.script: handlers.a is a component, and runs no script",
            "4: tenants.b.script: \"b.wasm\" is not a script; the name of a script ends in .js",
        ];
        assert!(
            found.len() == 3 && found.iter().zip(begin).all(|(text, begin)| text.starts_with(begin)),
            "{found:#?}"
        );
    }

    #[test]
    fn no_script_could_read_the_files_of_another() {
        let of = |one: &str, two: &str| {
            format!(
                "handlers.n.source = \"n.js\"\ntenants.one = {{ script = \"{one}\" }}\ntenants.two = {{ script = \"{two}\" }}\n"
            )
        };
        for (one, two) in [
            ("one.js", "two.js"),
            ("t/one/index.js", "t/two/index.js"),
            ("t/a.js", "t/a.js"),
            ("t/a.js", "t-b/a.js"),
        ] {
            assert!(Manifest::parse(&of(one, two)).is_ok(), "{one} {two}");
        }
        for (one, two, text) in [
            ("t/one.js", "t/two.js", "\"t\" is also the folder of tenants.one, so each"),
            ("t/one.js", "t/a/b/two.js", "\"t/a/b\" lies in the folder of tenants.one, which"),
            ("t/a/b/one.js", "t/two.js", "\"t\" contains the folder of tenants.one, so this"),
        ] {
            let found = mistakes(&of(one, two));
            assert!(
                found.len() == 1 && found[0].starts_with(&format!("3: tenants.two.script: {text}")),
                "{found:#?}"
            );
        }
        assert!(
            Manifest::parse("handlers.a.source = \"src/a.js\"\nhandlers.b.source = \"src/b.js\"\n").is_ok()
        );
        let with_handler = "handlers.a.source = \"src/a.js\"\ntenants.b.script = \"src/b.js\"\n";
        assert!(mistakes(with_handler)[0].contains("is also the folder of handlers.a"));
    }

    #[test]
    fn the_third_of_three_is_compared_with_both() {
        let lines = [
            "handlers.a.source = \"src/a.js\"",
            "handlers.b.source = \"src/b.js\"",
            "tenants.t = { handler = \"a\", script = \"src/a.js\" }",
        ];
        for order in [[0, 1, 2], [1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let text = order.map(|at| lines[at]).join("\n");
            let found = mistakes(&text);
            assert!(found.len() == 1 && found[0].contains("\"src\" is also the folder of "), "{found:#?}");
        }
    }

    /// A handler or a tenant, and the path of its script.
    fn line(number: usize, is_tenant: bool, script: &str) -> String {
        match is_tenant {
            true => format!("tenants.t{number} = {{ handler = \"h\", script = \"{script}\" }}\n"),
            false => format!("handlers.h{number}.source = \"{script}\"\n"),
        }
    }

    /// The script of a handler or of a tenant.
    #[derive(Debug, Clone)]
    struct Sample {
        is_tenant: bool,
        script: &'static str,
    }

    /// Whether two scripts may be beside each other, as the documentation says it.
    fn may_be_beside(one: &Sample, other: &Sample) -> bool {
        let folder = |script: &str| script.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
        let (Some(first), Some(second)) = (folder(one.script), folder(other.script)) else { return true };
        if first == second {
            return one.script == other.script || !(one.is_tenant || other.is_tenant);
        }
        !first.starts_with(&second) && !second.starts_with(&first)
    }

    proptest::proptest! {
        #[test]
        fn the_order_of_lines_does_not_matter(
            scripts in proptest::collection::vec(
                (proptest::bool::ANY, proptest::sample::select(&[
                    "a.js", "s/a.js", "s/b.js", "s/t/a.js", "s/t/b.js", "s/t/u/a.js", "s-t/a.js", "t/a.js", "s/u/a.js",
                ][..])), 1..5),
            order in proptest::sample::subsequence(vec![0, 1, 2, 3], 4).prop_shuffle(),
        ) {
            let sample = |(is_tenant, script)| Sample { is_tenant, script };
            let scripts: Vec<Sample> = scripts.into_iter().map(sample).collect();
            let is_right = scripts.iter().enumerate().all(|(at, one)| {
                scripts[at + 1..].iter().all(|other| may_be_beside(one, other))
            });
            let order = order.into_iter().filter(|at| *at < scripts.len());
            let lines: String = order.map(|at| line(at, scripts[at].is_tenant, scripts[at].script)).collect();
            // A handler beside them, whose folder is nobody's.
            let text = format!("handlers.h.source = \"h.js\"\n{lines}");
            proptest::prop_assert_eq!(Manifest::parse(&text).is_ok(), is_right, "{}", text);
        }
    }

    #[test]
    fn a_secret_is_not_where_a_script_reads_it() {
        let secret = |file: &str| {
            format!(
                "handlers.a.source = \"src/a.js\"\nhandlers.b.source = \"b.js\"\nsecrets.key.from = \"file:{file}\"\n"
            )
        };
        for file in ["src/key.json", "./src/deep/key.js", "/var/task/src/key.json", "src/a.js"] {
            let found = mistakes(&secret(file));
            assert!(
                found.len() == 1
                    && found[0].contains("handlers.a.source: its folder contains the secret \"key\""),
                "{found:#?}"
            );
        }
        for file in ["src/key.txt", "key.json", "/etc/src/key.json"] {
            assert!(Manifest::parse(&secret(file)).is_ok(), "{file}");
        }
    }
}
