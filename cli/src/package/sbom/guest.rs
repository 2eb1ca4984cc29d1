//! The information in a component itself: the tools that made it, and the crates in it if it was built with
//! `cargo auditable`.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::ZlibDecoder;
use serde::Deserialize;
use wasmparser::{KnownCustom, Parser, Payload, ProducersSectionReader};

use super::crates::{Crate, Crates};

/// The section in which `cargo auditable` stores its compressed list
/// (<https://github.com/rust-secure-code/cargo-auditable>).
const AUDITABLE: &str = ".dep-v0";

/// The longest list that is read. The size of the unpacked list is chosen by the author of the component.
const MOST: u64 = 2 * 1024 * 1024;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Guest {
    /// `language`, `sdk` or `processed-by`; and the name and version.
    pub(super) producers: BTreeSet<(String, String)>,
    pub(super) crates: Option<Crates>,
}

#[derive(Debug, Deserialize)]
struct Audited {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    dependencies: Vec<usize>,
    #[serde(default)]
    root: bool,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Runtime,
    /// A crate that ran when the component was built, and is not part of it.
    Build,
}

impl Guest {
    /// Reads a component and everything nested in it. Unreadable parts are skipped.
    pub(super) fn read(wasm: &[u8]) -> Self {
        let mut guest = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let Ok(payload) = payload else { break };
            let Payload::CustomSection(section) = payload else { continue };
            if let KnownCustom::Producers(producers) = section.as_known() {
                guest.producers.extend(read_producers(producers));
            }
            if section.name() == AUDITABLE {
                guest.crates = guest.crates.or_else(|| audited(section.data()));
            }
        }
        guest
    }
}

fn read_producers(fields: ProducersSectionReader<'_>) -> Vec<(String, String)> {
    let mut producers = Vec::new();
    for field in fields.into_iter().flatten() {
        for value in field.values.into_iter().flatten() {
            let what = format!("{} {}", value.name, value.version);
            producers.push((field.name.to_owned(), what.trim().to_owned()));
        }
    }
    producers
}

fn audited(compressed: &[u8]) -> Option<Crates> {
    let mut json = Vec::new();
    ZlibDecoder::new(compressed).take(MOST).read_to_end(&mut json).ok()?;
    let audited: Audited = serde_json::from_slice(&json).ok()?;
    let crates: Vec<Crate> = audited.packages.iter().map(crate_of).collect();
    let mut found = Crates::default();
    for (package, this) in audited.packages.iter().zip(&crates).filter(|(package, _)| package.is_in()) {
        let used =
            package.dependencies.iter().filter(|at| audited.packages.get(**at).is_some_and(Package::is_in));
        let used: BTreeSet<Crate> = used.filter_map(|at| crates.get(*at).cloned()).collect();
        found.uses.insert(this.clone(), used);
        if package.root {
            found.root = Some(this.clone());
        }
    }
    Some(found)
}

impl Package {
    fn is_in(&self) -> bool {
        self.kind == Kind::Runtime
    }
}

fn crate_of(package: &Package) -> Crate {
    let repository = package.source.strip_prefix("git+").map(str::to_owned);
    // The list has no licences.
    Crate { name: package.name.clone(), version: package.version.clone(), license: None, repository }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use wasm_encoder::{Component, CustomSection};

    use super::*;

    fn component(data: &[u8]) -> Vec<u8> {
        let mut component = Component::new();
        component.section(&CustomSection { name: AUDITABLE.into(), data: data.into() });
        component.finish()
    }

    #[test]
    fn what_cargo_auditable_left_is_read_without_what_only_built_it() {
        let list = r#"{"packages":[
            {"name":"hello","version":"0.1.0","source":"local","dependencies":[1,2],"root":true},
            {"name":"serde","version":"1.0.1","source":"crates.io"},
            {"name":"cc","version":"1.2.0","source":"crates.io","kind":"build"}]}"#;
        let mut compressed = ZlibEncoder::new(Vec::new(), Compression::default());
        compressed.write_all(list.as_bytes()).unwrap();
        let crates = Guest::read(&component(&compressed.finish().unwrap())).crates.unwrap();
        let names: Vec<_> = crates.uses.keys().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["hello", "serde"]);
        let root = crates.root.unwrap();
        assert_eq!(crates.uses[&root].iter().map(Crate::purl).collect::<Vec<_>>(), ["pkg:cargo/serde@1.0.1"]);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        assert_eq!(Guest::read(b"no component"), Guest::default());
        assert_eq!(Guest::read(&component(b"not compressed")), Guest::default());
    }

    #[test]
    fn the_tools_that_made_it_are_named() {
        let guest = Guest::read(&crate::compile::tests::handler());
        let tools: BTreeMap<_, _> = guest.producers.into_iter().collect();
        assert!(tools["processed-by"].starts_with("wit-component 0."), "{tools:?}");
    }
}
