//! The CycloneDX document beside a package: it fits the official schema, names what is in the package, and nothing more.

use std::fs;

use bulkhead_tests::{TaskRoot, artifacts};
use serde_json::{Value, json};

use crate::cli::package::{Made, package, package_with};
use crate::sbom::Sbom;

/// What a package is described as.
fn of(made: &Made) -> Sbom {
    assert!(made.is_ok(), "{}", made.text());
    Sbom::read(&made.zip().with_extension("cdx.json"))
}

#[test]
fn it_names_every_file_with_its_digest_and_the_crates_of_the_bootstrap() {
    let made = package(TaskRoot::new().with("hello").path(), &[]);
    let sbom = of(&made);
    sbom.check();
    let root = made.unzip();
    let sums = fs::read_to_string(root.path().join("SHA256SUMS")).expect("digests");
    for (digest, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        assert_eq!(sbom.file(name)["hashes"][0], json!({ "alg": "SHA-256", "content": digest }));
    }
    let crates = sbom.crates("bootstrap");
    let has = |name: &str| crates.iter().any(|purl| purl.starts_with(&format!("pkg:cargo/{name}@")));
    assert!(has("wasmtime") && has("tokio") && has("rustls") && !has("cranelift-codegen"), "{crates:?}");
    let licensed =
        |found: &Value| found["licenses"][0]["expression"].as_str().is_some_and(|it| !it.contains('/'));
    assert!(sbom.file("bootstrap")["components"].as_array().expect("crates").iter().all(licensed));
    let properties = sbom.file("hello.cwasm")["properties"].to_string();
    assert!(properties.contains("rustc 1."), "{properties}");
    // Of a component that lies in a folder, cargo knows nothing.
    assert_eq!(sbom.knows("file:hello.cwasm"), "unknown");
    assert_eq!(sbom.knows("package"), "complete");
}

#[test]
fn a_bootstrap_with_a_compiler_has_its_crates_too() {
    let made = package_with(&artifacts::bootstrap(), TaskRoot::new().with("hello").path(), &[]);
    let sbom = of(&made);
    sbom.check();
    assert!(sbom.crates("bootstrap").iter().any(|purl| purl.starts_with("pkg:cargo/cranelift-codegen@")));
}

#[test]
fn the_same_package_is_described_by_the_same_bytes_and_nothing_of_this_machine() {
    let root = TaskRoot::new().with("hello");
    let [one, other] = [(); 2].map(|()| package(root.path(), &[]));
    let text = |made: &Made| fs::read_to_string(made.zip().with_extension("cdx.json")).expect("an SBOM");
    assert_eq!(text(&one), text(&other));
    let here = root.path().to_str().expect("a path that is text");
    for private in [here, env!("CARGO_MANIFEST_DIR"), "(/", "timestamp"] {
        assert!(!text(&one).contains(private), "{private}");
    }
    let without = package(root.path(), &["--no-sbom"]);
    assert!(without.is_ok() && !without.zip().with_extension("cdx.json").exists(), "{}", without.text());
}
