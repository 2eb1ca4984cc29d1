//! What the programs of a release are linked from, as a CycloneDX document: the crates that cargo names, with their versions and
//! licences. Nothing in it says when or where it was made.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::about::{LICENSE, VERSION};
use crate::workspace::Workspace;

/// The packages of the programs.
const PROGRAMS: [&str; 2] = ["bulkhead-bootstrap", "bulkhead-cli"];

/// Asks cargo, and describes what it says.
pub(super) fn document(workspace: &Workspace) -> Result<String> {
    let mut tree = workspace.cargo(["tree", "--locked", "--prefix", "none", "--format", "{p}|{l}"]);
    tree.args(["--edges", "normal,no-proc-macro", "--target", &format!("{ARCH}-unknown-linux-gnu")]);
    tree.args(PROGRAMS.iter().flat_map(|program| ["--package", program]));
    let output =
        tree.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("running `cargo tree`")?;
    ensure!(output.status.success(), "`cargo tree` failed");
    let crates = crates(&String::from_utf8(output.stdout)?)?;
    Ok(serde_json::to_string_pretty(&described(&crates))? + "\n")
}

/// The licence of each crate, by its name and version.
type Crates = BTreeMap<(String, String), String>;

/// `libc v0.2.1 (…)|MIT OR Apache-2.0 (*)`: in parentheses is a folder of this machine, or the remark that the crate was
/// printed before.
fn crates(tree: &str) -> Result<Crates> {
    let mut crates = Crates::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let found = line.trim_end_matches(" (*)").split_once('|').and_then(|(package, license)| {
            let mut words = package.split(' ');
            let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
            Some(((name.to_owned(), version.to_owned()), license.replace('/', " OR ")))
        });
        let (package, license) =
            found.with_context(|| format!("`cargo tree` printed an unknown line: {line}"))?;
        crates.insert(package, license);
    }
    Ok(crates)
}

fn described(crates: &Crates) -> Value {
    let libraries: Vec<Value> = crates.iter().map(library).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
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

fn library(((name, version), license): (&(String, String), &String)) -> Value {
    // A plus sign would be read as a space.
    let purl = format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"));
    let mut library =
        json!({ "type": "library", "bom-ref": &purl, "name": name, "version": version, "purl": &purl });
    if !license.is_empty() {
        library["licenses"] = json!([{ "expression": license }]);
    }
    library
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
    fn a_line_of_another_kind_is_an_error() {
        assert!(crates("warning: something").is_err());
    }
}
