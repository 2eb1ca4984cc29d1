//! The templates of `bulkhead new` in Rust, and the examples: each pair has one program, so that neither drifts from the other.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each template, and the example that has its program.
const PAIRS: [(&str, &str); 7] = [
    ("api-gateway", "api-gateway/src/lib.rs"),
    ("client", "client/src/lib.rs"),
    ("hello", "hello/src/lib.rs"),
    ("http", "http/src/lib.rs"),
    ("sqs", "sqs-batch/src/lib.rs"),
    ("streaming", "streaming/src/lib.rs"),
    ("tenants", "tenants/src/bin/invoices.rs"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A program as this repository formats it, without what it says of itself, and without what only this repository's lints and a
/// package of several programs ask for.
fn program(file: &Path) -> String {
    let source = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--config-path"]).arg(root()).stdin(source);
    let formatted = rustfmt.output().expect("run rustfmt");
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stderr));
    let text = String::from_utf8_lossy(&formatted.stdout);
    let left_out = ["//!", "#![expect(", "#[expect(", "fn main() {}"];
    let lines =
        text.lines().filter(|line| !line.is_empty() && !left_out.iter().any(|other| line.starts_with(other)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_template_and_its_example_are_one_program() {
    let templates = root().join("cli/templates");
    for (template, example) in PAIRS {
        let template = program(&templates.join(template).join("src/lib.rs"));
        assert!(template.contains("#[bulkhead::"), "it is not a handler: {template}");
        assert_eq!(template, program(&root().join("examples").join(example)));
    }
    let entries =
        fs::read_dir(&templates).expect("list the templates").map(|entry| entry.expect("an entry").path());
    for template in entries.filter(|template| template.join("src/lib.rs").is_file()) {
        let is_paired = PAIRS.iter().any(|(name, _)| template.ends_with(name));
        assert!(is_paired, "name the example that has the program of {}", template.display());
    }
    // The tests of this program read it.
    let event =
        |place: &str| fs::read_to_string(root().join(place).join("event.json")).expect("read an event");
    assert_eq!(event("cli/templates/api-gateway"), event("examples/api-gateway"));
}
