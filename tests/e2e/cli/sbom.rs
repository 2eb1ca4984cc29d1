//! The CycloneDX document beside a package: it fits the official schema, names what is in the package, and nothing more.

use std::fs;
use std::path::Path;

use bulkhead_tests::{TaskRoot, artifacts};
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use crate::cli::package::{Made, package};

/// What a package is described as.
pub(crate) struct Sbom(Value);

impl Sbom {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    fn of(made: &Made) -> Self {
        assert!(made.is_ok(), "{}", made.text());
        Self::read(&made.zip().with_extension("cdx.json"))
    }

    pub(crate) fn file(&self, name: &str) -> &Value {
        let files = self.0["components"].as_array().expect("components");
        files.iter().find(|file| file["name"] == name).unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    /// The package URLs of the crates in a file.
    pub(crate) fn crates(&self, file: &str) -> Vec<&str> {
        let crates = self.file(file)["components"].as_array();
        crates.into_iter().flatten().filter_map(|found| found["purl"].as_str()).collect()
    }

    /// How much it claims to know of something.
    pub(crate) fn knows(&self, reference: &str) -> &Value {
        let compositions = self.0["compositions"].as_array().expect("compositions");
        let of_it = |composition: &&Value| composition["assemblies"][0] == reference;
        &compositions.iter().find(of_it).unwrap_or_else(|| panic!("nothing on {reference}"))["aggregate"]
    }

    /// It fits the schema, if that is here.
    pub(crate) fn check(&self) {
        let Some(folder) = artifacts::cyclonedx() else { return };
        let read = |name: &str| Self::read(&folder.join(format!("{name}.SNAPSHOT.schema.json"))).0;
        let mut others = Registry::new();
        for name in ["spdx", "jsf-0.82"] {
            let place = format!("http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json");
            others = others.add(place, read(name)).expect("a schema");
        }
        let others = others.prepare().expect("schemas");
        let options = jsonschema::options().with_registry(&others).should_validate_formats(true);
        let validator = options.build(&read("bom-1.6")).expect("a schema");
        assert_eq!(mistakes(&validator, &self.0), [] as [String; 0]);
        // A schema that takes everything would be none.
        let mut broken = self.0.clone();
        broken["components"][0]["type"] = json!("no such type");
        assert_ne!(mistakes(&validator, &broken), [] as [String; 0]);
    }
}

fn mistakes(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn it_names_every_file_with_its_digest_and_the_crates_of_the_bootstrap() {
    let made = package(TaskRoot::new().with("hello").path(), &[]);
    let sbom = Sbom::of(&made);
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
    let made =
        crate::cli::package::package_with(&artifacts::bootstrap(), TaskRoot::new().with("hello").path(), &[]);
    let sbom = Sbom::of(&made);
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
