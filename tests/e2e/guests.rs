//! The tests of the tests: no guest without a test, and no test without its guest.

use std::collections::BTreeSet;
use std::path::Path;

fn sources(directory: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = std::fs::read_dir(&directory).expect("read a directory of sources");
    // The parts of a module are the business of its file.
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    files
        .map(|path| {
            let name = path.file_stem().expect("a name").to_str().expect("a name in UTF-8").to_owned();
            (name, std::fs::read_to_string(&path).expect("read a source"))
        })
        .collect()
}

#[test]
fn every_guest_has_a_test() {
    let tests: String =
        sources("e2e").into_iter().chain(sources("e2e/release")).map(|(_, source)| source).collect();
    let guests: BTreeSet<_> = sources("guests/src/bin").into_iter().map(|(name, _)| name).collect();
    let untested: Vec<_> = guests.iter().filter(|guest| !tests.contains(&format!("\"{guest}\""))).collect();
    assert_eq!(untested, [] as [&String; 0], "guests that no test names");
}

#[test]
fn every_guest_is_small_and_says_what_it_does() {
    for (name, source) in sources("guests/src/bin") {
        let lines = source.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 25, "{name} has {lines} lines");
        assert!(source.starts_with("//! "), "{name} does not say what it does");
    }
}

#[test]
fn every_module_is_listed() {
    // A file that `main.rs` does not name is not compiled, and so not run.
    let sources = sources("e2e");
    let main = &sources.iter().find(|(name, _)| name == "main").expect("main.rs").1;
    for (name, source) in &sources {
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{name} is not in main.rs");
        assert!(source.starts_with("//! ") && source.lines().count() < 400, "{name}");
    }
}

#[test]
fn every_promise_names_a_test() {
    let promises = include_str!("../../SPECIFICATION.md");
    let of_release =
        sources("e2e/release").into_iter().map(|(name, source)| (format!("release::{name}"), source));
    let sources: Vec<_> = sources("e2e").into_iter().chain(of_release).collect();
    let named = promises.split('`').skip(1).step_by(2).filter_map(|code| code.rsplit_once("::"));
    let mut count = 0;
    for (module, test) in named {
        let source = sources.iter().find(|(name, _)| name == module);
        let there = source.is_some_and(|(_, source)| {
            source.contains(&format!("fn {test}()")) || source.contains(&format!("fn {test} ("))
        });
        assert!(there, "SPECIFICATION.md names {module}::{test}, which is not there");
        count += 1;
    }
    assert!(count > 50, "only {count} promises were found");
}
