//! The book tells the truth: what its chapters say is typed is typed, and what they say is printed is printed.
//!
//! A chapter is one session in one fresh folder. `page.rs` says what of a page is tested and how a page says so. trycmd runs
//! commands in Markdown, too, but without a shell, without state between them, and without programs that go on running, and
//! `bulkhead dev` is one.
//!
//! May use: project.

mod blocks;
mod output;
mod page;
mod session;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use bulkhead_tests::artifacts;

use blocks::Blocks;
use page::{Block, Page};
use session::Session;

/// Tests a chapter, and names it for the test that none is forgotten.
macro_rules! chapters {
    ($($name:ident: $file:literal,)*) => {
        const TESTED: &[&str] = &[$($file),*];
        $(#[test]
        fn $name() {
            tested($file);
        })*
    };
}

chapters! {
    readme: "../README.md",
    getting_started: "getting-started.md",
    handlers: "handlers.md",
    javascript: "javascript.md",
    languages: "languages.md",
    porting: "porting.md",
    events: "events.md",
    kinds: "kinds.md",
    dev: "dev.md",
    limits: "limits.md",
    tenants: "tenants.md",
    credentials: "credentials.md",
    key_value: "key-value.md",
    packaging: "packaging.md",
    deploying: "deploying.md",
    operating: "operating.md",
    preinit: "preinit.md",
}

/// Chapters in which nothing can be run, and why.
const UNTESTED: &[(&str, &str)] = &[
    ("how-it-works.md", "nothing is typed in it"),
    ("performance.md", "a benchmark takes minutes, and its figures are those of one machine"),
    ("scale.md", "a measurement takes minutes, and its figures are those of one machine"),
    ("runtime-api.md", "it lists what Lambda does; tests quote its rules by number"),
];

fn book(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../docs", file].iter().collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(book(file)).unwrap_or_else(|error| panic!("docs/{file}: {error}"))
}

/// Runs a chapter from its top to its end.
fn tested(file: &str) {
    let page = Page::read(&read(file)).unwrap_or_else(|error| panic!("docs/{file}:{error}"));
    let mut session = Session::new();
    let mut blocks = Blocks::new(file);
    for (line, block) in &page.blocks {
        let place = Place { file, line: *line };
        run(&place, block, &mut session, &mut blocks);
    }
    blocks.compile();
    let (run, left) = page.count();
    assert!(run > 0, "docs/{file}: nothing in it is tested: test something, or say in UNTESTED why not");
    say(&format!("docs/{file}: {run} blocks tested, {left} not"));
}

/// Where a block is.
struct Place<'a> {
    file: &'a str,
    line: usize,
}

fn run(at: &Place<'_>, block: &Block, session: &mut Session, blocks: &mut Blocks) {
    let place = &format!("docs/{}:{}", at.file, at.line);
    match block {
        Block::Session(commands) => commands.iter().for_each(|command| session.run(place, command)),
        Block::Background(command) => session.start(place, command),
        Block::Printed(expected) => session.wait(place, expected),
        Block::File { path, text } => session.write(path, text),
        Block::Manifest(text) => blocks::check_manifest(place, text),
        Block::Handler(text) => blocks.add_handler(at.line, text),
        // Where they are missing, it says so; in CI that is an error.
        Block::With(language, block) => {
            let is_there = match language.as_str() {
                "scripts" => artifacts::engine().is_some(),
                language => artifacts::language(language).is_some(),
            };
            if is_there {
                run(at, block, session, blocks);
            }
        }
        Block::Left(_) => {}
    }
}

#[test]
fn every_chapter_is_tested_or_said_to_be_not() {
    let summary = read("SUMMARY.md");
    let listed = summary.lines().filter_map(|line| Some(line.split_once("](")?.1.split_once(')')?.0));
    let listed: Vec<&str> = listed.collect();
    assert!(!listed.is_empty(), "SUMMARY.md lists nothing");
    for file in &listed {
        let known = TESTED.contains(file) || UNTESTED.iter().any(|(name, _)| name == file);
        assert!(known, "docs/{file} is a chapter: name it in tests/e2e/book.rs");
    }
    for entry in fs::read_dir(book("")).expect("list docs/") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name in UTF-8");
        let is_chapter = name.ends_with(".md") && name != "SUMMARY.md";
        assert!(!is_chapter || listed.contains(&name.as_str()), "docs/{name} is not in SUMMARY.md");
    }
    for (file, why) in UNTESTED {
        assert!(listed.contains(file) && !TESTED.contains(file), "docs/{file}: no chapter, or a tested one");
        say(&format!("docs/{file}: NOT TESTED: {why}"));
    }
}

/// Not by `eprintln!`, which is shown for tests that fail only.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
