//! What the files of this repository say of each other: every guest has a test, every promise names tests that exist, every
//! rule that is cited is listed.
//!
//! May use: nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// A file of Rust.
struct Source {
    /// Where it is as a module: `hostile::http`.
    module: String,
    text: String,
}

/// Those of a directory in `tests`, and of all directories in it.
fn sources(directory: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let source = |path: PathBuf| {
        let module = path.strip_prefix(&root).expect("a path below it").with_extension("");
        let module = module.to_str().expect("a name in UTF-8").replace('/', "::");
        Source { module, text: std::fs::read_to_string(&path).expect("read a source") }
    };
    files_below(&root).into_iter().map(source).collect()
}

/// The files of a directory and of all directories in it, but for what is hidden, built or installed there.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).expect("read a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("a name in UTF-8");
        if path.is_file() {
            files.push(path);
        } else if !name.starts_with('.') && !["node_modules", "target"].contains(&name) {
            files.extend(files_below(&path));
        }
    }
    files
}

/// The guests of both packages.
fn guests() -> impl Iterator<Item = Source> {
    ["guests/src/bin", "guests/ports/src/bin"].into_iter().flat_map(sources)
}

#[test]
fn every_guest_has_a_test() {
    let tests: String = sources("e2e").into_iter().map(|source| source.text).collect();
    let guests: BTreeSet<_> = guests().map(|source| source.module).collect();
    let untested: Vec<_> = guests.iter().filter(|guest| !tests.contains(&format!("\"{guest}\""))).collect();
    assert_eq!(untested, [] as [&String; 0], "guests that no test names");
}

#[test]
fn every_guest_is_small_and_says_what_it_does() {
    for Source { module, text } in guests() {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 25, "{module} has {lines} lines");
        assert!(text.starts_with("//! "), "{module} does not say what it does");
    }
}

#[test]
fn every_module_is_listed() {
    // A file that the module above it does not name is not compiled, and so not run.
    let sources = sources("e2e");
    for Source { module, text } in sources.iter().filter(|source| source.module != "main") {
        assert!(text.starts_with("//! ") && text.lines().count() < 400, "{module}");
        let (above, name) = module.rsplit_once("::").unwrap_or(("main", module));
        let above = sources.iter().find(|source| source.module == above);
        let above = above.unwrap_or_else(|| panic!("{module} is in a folder without a module"));
        // Or it is compiled by a test, as the source of a handler.
        let folder = above.module.rsplit("::").next().unwrap_or_default();
        let is_named = above.text.contains(&format!("mod {name};"))
            || above.text.contains(&format!("include_str!(\"{folder}/{name}.rs\")"));
        assert!(is_named, "{} does not name {module}", above.module);
    }
}

#[test]
fn every_promise_names_a_test() {
    let promises = include_str!("../../SPECIFICATION.md");
    let sources = sources("e2e");
    let named = promises.split('`').skip(1).step_by(2).filter_map(|code| code.rsplit_once("::"));
    let mut count = 0;
    for (module, test) in named {
        let source = sources.iter().find(|source| source.module == module);
        let there = source.is_some_and(|source| {
            source.text.contains(&format!("fn {test}()")) || source.text.contains(&format!("fn {test} ("))
        });
        assert!(there, "SPECIFICATION.md names {module}::{test}, which is not there");
        count += 1;
    }
    assert!(count > 50, "only {count} promises were found");
}

#[test]
fn every_file_that_a_promise_names_is_there() {
    let promises = include_str!("../../SPECIFICATION.md");
    let files = files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let named = promises.split('`').skip(1).step_by(2).filter(|code| code.ends_with(".rs"));
    let missing: BTreeSet<_> = named.filter(|name| !files.iter().any(|file| file.ends_with(name))).collect();
    assert!(missing.is_empty(), "SPECIFICATION.md names {missing:?}, which are not there");
}

/// The rules that a text cites: `R4.3`, or at the beginning of the name of a test `r4_3_`.
fn cited(text: &str) -> BTreeSet<String> {
    // Letter and section are those of docs/runtime-api.md: `x86_64_` is not a rule.
    static CITED: LazyLock<Regex> = LazyLock::new(|| {
        let in_prose = r"\b[CDEGLMORSTWX](?:1[0-3]|[1-9])\.\d+\b";
        let in_names = r"\b(?:[cdeglmorstwx](?:1[0-3]|[1-9])_\d+_)+";
        Regex::new(&format!("{in_prose}|{in_names}")).expect("a pattern")
    });
    static IN_NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"([a-z]\d+)_(\d+)_").expect("a pattern"));
    let mut rules = BTreeSet::new();
    for found in CITED.find_iter(text) {
        let names = IN_NAME.captures_iter(found.as_str());
        rules.extend(names.map(|name| format!("{}.{}", name[1].to_uppercase(), &name[2])));
        if found.as_str().contains('.') {
            rules.insert(found.as_str().to_owned());
        }
    }
    rules
}

#[test]
fn every_rule_that_is_cited_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/runtime-api.md")).expect("read the rules");
    let (_, checklist) = page.split_once("\n## Checklist\n").expect("a checklist");
    // A rule's number stands in bold at the beginning of its paragraph or of its row in a table.
    let numbers = Regex::new(r"(?m)^(?:\| )?\*\*([A-Z]\d+\.\d+)\*\*").expect("a pattern");
    let listed: BTreeSet<_> = numbers.captures_iter(&page).map(|rule| rule[1].to_owned()).collect();
    let steps = Regex::new(r"checklist_(\d+)").expect("a pattern");
    let mut missing = BTreeMap::new();
    let mut count = 0;
    for file in files_below(&root) {
        let is_written =
            ["md", "rs", "toml", "wit"].iter().any(|ending| file.extension() == Some(ending.as_ref()));
        if !is_written {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("read a file");
        let rules = cited(&text);
        count += rules.len();
        let not_listed = rules.into_iter().filter(|rule| !listed.contains(rule));
        missing.extend(not_listed.map(|rule| (rule, file.clone())));
        let steps = steps.captures_iter(&text).map(|step| step[1].to_owned());
        let not_there = steps.filter(|step| !checklist.contains(&format!("\n{step}. ")));
        missing.extend(not_there.map(|step| (format!("step {step} of the checklist"), file.clone())));
    }
    assert!(listed.len() > 100 && count > 100, "{} rules, of which {count} are cited", listed.len());
    assert!(missing.is_empty(), "docs/runtime-api.md does not list {missing:#?}");
}

#[test]
fn a_rule_is_cited_in_prose_and_in_names() {
    let found = cited("R4.3, (S7.5) and L8.1–L8.12; fn r4_6_r4_8_long() `c11_14_end` x86_64_linux v1.2.3 R4");
    let expected = ["C11.14", "L8.1", "L8.12", "R4.3", "R4.6", "R4.8", "S7.5"];
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
}
