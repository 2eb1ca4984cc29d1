//! The paths in a file that begin with `crate` or `super`, and where they lead.

use super::source::SourceFile;

/// A path as its crate sees it, or its house.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// From the crate's root: `crate::policy::Policy`.
    OfCrate(Vec<String>),
    /// From the house's root.
    OfHouse(Vec<String>),
}

/// A path that a file uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsedPath {
    /// Where it stands.
    pub(super) line: usize,
    /// Whether that is in a test.
    pub(super) in_test: bool,
    /// Where it leads.
    pub(super) path: Target,
}

impl Target {
    /// The path below a house with this module, if it leads into the house.
    pub(super) fn below(&self, house: &[&str]) -> Option<&[String]> {
        match self {
            Self::OfHouse(path) => Some(path),
            Self::OfCrate(path) => {
                let (above, path) = path.split_at_checked(house.len())?;
                (above == house).then_some(path)
            }
        }
    }
}

/// A module within a file: `mod tests { … }`.
struct Inline {
    from: usize,
    to: usize,
    is_test: bool,
}

/// All paths of a file that may lead out of its module.
pub(super) fn used(file: &SourceFile) -> Vec<UsedPath> {
    let code = file.code.as_str();
    let modules = inline_modules(code);
    let mut used = Vec::new();
    for (at, word) in words(code).filter(|(_, word)| matches!(*word, "crate" | "super")) {
        let (before, after) = (code[..at].trim_end(), &code[at + word.len()..]);
        // `pub(crate)` is not a path, and `super::super` begins once.
        if before.ends_with("::") || before.ends_with('$') || !after.trim_start().starts_with("::") {
            continue;
        }
        let around = || modules.iter().filter(|module| module.from < at && at < module.to);
        let in_test = file.is_test() || around().any(|module| module.is_test);
        let mut tails = Vec::new();
        follow(after, &mut vec![word.to_owned()], &mut tails);
        for tail in tails {
            let supers = tail.iter().take_while(|name| *name == "super").count();
            let path = match supers {
                0 => Some(Target::OfCrate(tail[1..].to_vec())),
                _ => climbed(file, around().count(), supers).map(|mut path| {
                    path.extend_from_slice(&tail[supers..]);
                    Target::OfHouse(path)
                }),
            };
            used.extend(path.map(|path| UsedPath { line: file.line(at), in_test, path }));
        }
    }
    used
}

/// Where so many `super` lead, from so many modules deep within a file; `None` if that is the file itself, or above the house.
fn climbed(file: &SourceFile, depth: usize, supers: usize) -> Option<Vec<String>> {
    let height = (file.module.len() + depth).checked_sub(supers)?;
    (height < file.module.len()).then(|| file.module[..height].to_vec())
}

/// Collects all paths that go on from here: `::a::b`, or `::{a, b::c}`.
fn follow(rest: &str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    let length = path.len();
    while let Some(after) = rest[at..].trim_start().strip_prefix("::") {
        let after = after.trim_start();
        let start = rest.len() - after.len();
        if after.starts_with('{') {
            at = start + 1;
            loop {
                let item = rest[at..].trim_start_matches(|c: char| c == ',' || c.is_whitespace());
                at = rest.len() - item.len();
                let name = word_at(item);
                if name.is_empty() {
                    break;
                }
                let mut inner = path.clone();
                // `self` is the module that the braces belong to.
                if name != "self" {
                    inner.push(name.to_owned());
                }
                at += name.len() + follow(&item[name.len()..], &mut inner, found);
                // What it is called here does not matter.
                at += rest[at..].find([',', '}']).unwrap_or(0);
            }
            path.truncate(length);
            return at + 1;
        }
        let name = word_at(after);
        if name.is_empty() {
            break;
        }
        path.push(name.to_owned());
        at = start + name.len();
    }
    found.push(path.clone());
    path.truncate(length);
    at
}

/// The modules within a file, with their braces.
fn inline_modules(code: &str) -> Vec<Inline> {
    let mut modules = Vec::new();
    for (at, _) in words(code).filter(|(_, word)| *word == "mod") {
        let after = code[at + 3..].trim_start();
        let name = word_at(after);
        let body = after[name.len()..].trim_start();
        if name.is_empty() || !body.starts_with('{') {
            continue;
        }
        let from = code.len() - body.len();
        let attributes = &code[code[..at].rfind([';', '}', '{']).map_or(0, |end| end + 1)..at];
        let is_test = attributes.contains("#[cfg(") && words(attributes).any(|(_, word)| word == "test");
        modules.push(Inline { from, to: from + closing(body), is_test });
    }
    modules
}

/// Where the first brace is closed.
fn closing(body: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    body.len()
}

/// The words of a text, each with its place.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(is_of_word)?;
        let word = word_at(&text[start..]);
        at = start + word.len();
        Some((start, word))
    })
}

fn word_at(text: &str) -> &str {
    let end = text.find(|character| !is_of_word(character)).unwrap_or(text.len());
    &text[..end]
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(path: &str, text: &str) -> Vec<String> {
        let file = SourceFile::new("host/src", path, text.to_owned());
        let show = |used: UsedPath| {
            let (start, path) = match used.path {
                Target::OfCrate(path) => ("crate", path),
                Target::OfHouse(path) => ("house", path),
            };
            let test = if used.in_test { " in a test" } else { "" };
            format!("{} {start}::{}{test}", used.line, path.join("::"))
        };
        super::used(&file).into_iter().map(show).collect()
    }

    #[test]
    fn every_path_is_found_wherever_it_stands() {
        let text = "\
use crate::policy::{self, Policy, manifest::{FILE, Manifest as M}};
use crate::{log::Log, text};
pub(in crate::a) fn f() -> crate::b::B { mycrate::c(); $crate::d() }
// crate::e
const TEXT: &str = \"crate::g\";
use wasmtime::crate_::h;
";
        let expected = [
            "1 crate::policy",
            "1 crate::policy::Policy",
            "1 crate::policy::manifest::FILE",
            "1 crate::policy::manifest::Manifest",
            "2 crate::log::Log",
            "2 crate::text",
            "3 crate::a",
            "3 crate::b::B",
        ];
        assert_eq!(used("x.rs", text), expected);
    }

    #[test]
    fn super_is_followed_out_of_its_file() {
        let text = "\
use super::b::C;
use super::super::d::E;
#[cfg(all(test, feature = \"f\"))]
mod tests {
    use super::*;
    use super::super::{g, h::I};
    use crate::j;
}
use super::k;
";
        let expected = [
            "1 house::a::b::C",
            "2 house::d::E",
            "6 house::a::g in a test",
            "6 house::a::h::I in a test",
            "7 crate::j in a test",
            "9 house::a::k",
        ];
        assert_eq!(used("a/own.rs", text), expected);
        assert_eq!(used("a.rs", "use super::b; use super::super::c;"), ["1 house::b"]);
        assert_eq!(
            used("a/tests.rs", "use super::*;\nuse crate::b;"),
            ["1 house::a in a test", "2 crate::b in a test"]
        );
    }
}
