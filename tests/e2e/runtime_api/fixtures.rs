//! Real events: every JSON fixture of the `aws_lambda_events` crate goes through host, guest and host without loss.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use bulkhead_tests::{Event, Kind};

use crate::stage::Stage;

/// Where Cargo has put the sources of the crate.
fn directory() -> PathBuf {
    // For this platform only, whose packages are all here, or Cargo would download the others.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--filter-platform", &platform, "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .expect("run `cargo metadata`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON from `cargo metadata`");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "aws_lambda_events").expect("the crate");
    let manifest = package["manifest_path"].as_str().expect("a path");
    Path::new(manifest).with_file_name("src").join("fixtures")
}

pub(crate) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory()).expect("read the fixtures");
    let paths = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"));
    let fixtures: Vec<_> = paths
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("read a fixture")))
        .collect();
    // What comes out of an empty list proves nothing.
    assert!(fixtures.len() > 150, "only {} fixtures", fixtures.len());
    fixtures
}

#[test]
fn every_fixture_comes_back_byte_for_byte() {
    let stage = Stage::of("echo");
    for (name, event) in fixtures() {
        let answer = stage.api.send(Event::bytes(event.clone()));
        assert!(answer.kind == Kind::Response && answer.body == event, "{name}");
    }
    assert_eq!(stage.api.violations(), [] as [String; 0]);
}

#[test]
fn every_fixture_comes_back_with_the_same_meaning() {
    let stage = Stage::of("json");
    for (name, event) in fixtures() {
        let Ok(expected) = serde_json::from_slice::<Value>(&event) else {
            panic!("{name} is no JSON");
        };
        let answer = stage.api.send(Event::bytes(event));
        assert_eq!(answer.kind, Kind::Response, "{name}");
        assert_eq!(answer.json(), expected, "{name}");
    }
}
