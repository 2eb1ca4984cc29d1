//! The tests of the tests: no guest without a test, and no test without its guest.

use std::collections::BTreeSet;
use std::path::Path;

/// A file of Rust.
struct Source {
    /// Where it is as a module: `hostile::http`.
    module: String,
    text: String,
}

/// Those of a directory in `tests`, and of all directories in it.
fn sources(directory: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut sources = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("read a directory of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let module = path.strip_prefix(&root).expect("a path below it").with_extension("");
            let module = module.to_str().expect("a name in UTF-8").replace('/', "::");
            let text = std::fs::read_to_string(&path).expect("read a source");
            sources.push(Source { module, text });
        }
    }
    sources
}

#[test]
fn every_guest_has_a_test() {
    let tests: String = sources("e2e").into_iter().map(|source| source.text).collect();
    let guests: BTreeSet<_> = sources("guests/src/bin").into_iter().map(|source| source.module).collect();
    let untested: Vec<_> = guests.iter().filter(|guest| !tests.contains(&format!("\"{guest}\""))).collect();
    assert_eq!(untested, [] as [&String; 0], "guests that no test names");
}

#[test]
fn every_guest_is_small_and_says_what_it_does() {
    for Source { module, text } in sources("guests/src/bin") {
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
