//! The information in a component itself: the tools that made it, and the crates in it if it was built with
//! `cargo auditable`.

use std::collections::BTreeSet;
use std::io::Read as _;

use auditable_serde::{DependencyKind, Package, VersionInfo};
use flate2::read::ZlibDecoder;
use wasmparser::{Parser, Payload};

use super::crates::{Crate, Crates};
use crate::producers::{Producer, producers};

/// The section in which `cargo auditable` stores its compressed list
/// (<https://github.com/rust-secure-code/cargo-auditable>).
const AUDITABLE: &str = ".dep-v0";

/// The longest list that is read. The size of the unpacked list is chosen by the author of the component.
const MOST: u64 = 2 * 1024 * 1024;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Guest {
    pub(super) producers: BTreeSet<Producer>,
    pub(super) crates: Option<Crates>,
}

impl Guest {
    /// Reads a component and everything nested in it. Unreadable parts are skipped.
    pub(super) fn read(wasm: &[u8]) -> Self {
        let mut guest = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let Ok(payload) = payload else { break };
            let Payload::CustomSection(section) = payload else { continue };
            guest.producers.extend(producers(&section));
            if section.name() == AUDITABLE {
                guest.crates = guest.crates.or_else(|| audited(section.data()));
            }
        }
        guest
    }
}

fn audited(compressed: &[u8]) -> Option<Crates> {
    let mut json = Vec::new();
    ZlibDecoder::new(compressed).take(MOST).read_to_end(&mut json).ok()?;
    let packages = serde_json::from_slice::<VersionInfo>(&json).ok()?.packages;
    // What only ran when the component was built is not part of it.
    let is_part = |package: &&Package| package.kind == DependencyKind::Runtime;
    let mut found = Crates::default();
    for package in packages.iter().filter(is_part) {
        let used = package.dependencies.iter().filter_map(|at| packages.get(*at));
        found.uses.insert(crate_of(package), used.filter(is_part).map(crate_of).collect());
        if package.root {
            found.root = Some(crate_of(package));
        }
    }
    Some(found)
}

fn crate_of(package: &Package) -> Crate {
    let source = String::from(package.source.clone());
    Crate {
        name: package.name.clone(),
        version: package.version.to_string(),
        // The list has no licences.
        license: None,
        repository: source.strip_prefix("git+").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
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
        let made_by = |producer: &Producer| {
            producer.field == "processed-by"
                && producer.name == "wit-component"
                && producer.version.starts_with("0.")
        };
        assert!(guest.producers.iter().any(made_by), "{:?}", guest.producers);
    }
}
