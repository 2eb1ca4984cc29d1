//! The crates that the programs of a release and the engine of scripts are linked from, with their versions and licences, as a CycloneDX document. It does
//! not contain the time or the place where it was made.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::about::{LICENSE, VERSION};
use crate::fetched::hex_digest;
use crate::workspace::{WASM, Workspace};

/// The packages of the programs.
const PROGRAMS: [&str; 2] = ["bulkhead-bootstrap", "bulkhead-cli"];

/// The package of the engine of scripts.
const ENGINE: [&str; 1] = ["bulkhead-javascript"];

/// Asks cargo for the crates, and describes them.
pub(super) fn document(workspace: &Workspace) -> Result<String> {
    let mut crates = linked(workspace, &PROGRAMS, &format!("{ARCH}-unknown-linux-gnu"))?;
    crates.extend(linked(workspace, &ENGINE, WASM)?);
    Ok(serde_json::to_string_pretty(&described(&crates))? + "\n")
}

/// The crates of these packages for a target.
fn linked(workspace: &Workspace, packages: &[&str], target: &str) -> Result<BTreeSet<Library>> {
    let mut tree = workspace.cargo(["tree", "--locked", "--prefix", "none", "--format", "{p}|{l}"]);
    tree.args(["--edges", "normal,no-proc-macro", "--target", target]);
    tree.args(packages.iter().flat_map(|package| ["--package", package]));
    let output =
        tree.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("running `cargo tree`")?;
    ensure!(output.status.success(), "`cargo tree` failed");
    crates(&String::from_utf8(output.stdout)?)
}

/// A crate that is linked into a program.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Library {
    name: String,
    version: String,
    /// An SPDX expression, if it has one.
    license: Option<String>,
}

/// Each crate once.
fn crates(tree: &str) -> Result<BTreeSet<Library>> {
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            Library::of(line).with_context(|| format!("`cargo tree` printed an unknown line: {line}"))
        })
        .collect()
}

fn described(crates: &BTreeSet<Library>) -> Value {
    let libraries: Vec<Value> = crates.iter().map(Library::described).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(&libraries),
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "bulkhead",
                "name": "bulkhead",
                "version": VERSION,
                "licenses": [{ "expression": LICENSE }],
            },
        },
        "components": libraries,
        // The standard library is linked too, and it is not in any list of crates.
        "compositions": [{ "aggregate": "incomplete", "assemblies": ["bulkhead"] }],
    })
}

/// A UUID (of version 8: made of what one likes) that is the same for the same crates. A document without one cannot be attested.
fn serial_number(libraries: &[Value]) -> String {
    let digest = hex_digest(json!(libraries).to_string().as_bytes());
    let parts = [&digest[..8], &digest[8..12], &digest[12..15], &digest[15..18], &digest[18..30]];
    let [first, second, third, fourth, fifth] = parts;
    format!("urn:uuid:{first}-{second}-8{third}-a{fourth}-{fifth}")
}

impl Library {
    /// `libc v0.2.1 (…)|MIT OR Apache-2.0 (*)`: in parentheses is a folder of this machine, or the remark that the crate was
    /// printed before.
    fn of(line: &str) -> Option<Self> {
        let (package, license) = line.trim_end_matches(" (*)").split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        // Old crates separate the licences that one may choose from by a slash.
        let license = Some(license.replace('/', " OR ")).filter(|license| !license.is_empty());
        Some(Self { name: name.to_owned(), version: version.to_owned(), license })
    }

    fn described(&self) -> Value {
        let Self { name, version, license } = self;
        // Without this, a plus sign would be read as a space.
        let purl = format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"));
        let mut library =
            json!({ "type": "library", "bom-ref": &purl, "name": name, "version": version, "purl": &purl });
        if let Some(license) = license {
            library["licenses"] = json!([{ "expression": license }]);
        }
        library
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "bulkhead-cli v0.1.0 (/home/me/bulkhead/cli)|MIT\nanyhow v1.0.1|MIT/Apache-2.0\n\
                        wasi v0.11.0+wasi-snapshot|\n\nanyhow v1.0.1|MIT/Apache-2.0 (*)\n";

    #[test]
    fn each_crate_is_named_once_and_folders_of_this_machine_are_not() {
        let document = described(&crates(TREE).unwrap());
        let components = document["components"].as_array().unwrap();
        let purls: Vec<_> = components.iter().map(|found| found["purl"].as_str().unwrap()).collect();
        let expected = [
            "pkg:cargo/anyhow@1.0.1",
            "pkg:cargo/bulkhead-cli@0.1.0",
            "pkg:cargo/wasi@0.11.0%2Bwasi-snapshot",
        ];
        assert_eq!(purls, expected);
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert!(components[2].get("licenses").is_none());
        assert!(!document.to_string().contains("/home"));
    }

    #[test]
    fn the_same_crates_have_the_same_serial_number() {
        let number = |tree: &str| {
            let document = described(&crates(tree).unwrap());
            document["serialNumber"].as_str().unwrap().to_owned()
        };
        assert_eq!(number(TREE), number(TREE));
        assert_ne!(number(TREE), number("anyhow v1.0.1|MIT/Apache-2.0"));
        let number = number(TREE);
        let parts: Vec<&str> = number.strip_prefix("urn:uuid:").unwrap().split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('8') && parts[3].starts_with('a'), "{number}");
        let is_hex = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(parts.iter().all(is_hex), "{number}");
    }

    #[test]
    fn a_line_of_another_kind_is_an_error() {
        assert!(crates("warning: something").is_err());
    }
}
