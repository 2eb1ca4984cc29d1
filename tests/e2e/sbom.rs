//! A CycloneDX document, as tests read it.
//!
//! May use: nothing.

use std::fs;
use std::path::Path;

use bulkhead_tests::artifacts;
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

/// What a package is described as.
pub(crate) struct Sbom(Value);

impl Sbom {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).expect("JSON"))
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
