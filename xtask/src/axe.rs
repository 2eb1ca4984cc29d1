//! axe-core, which checks pages for accessibility: one script, fetched once with npm, pinned by version and
//! digest, and kept in the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::fetched::{self, Fetched, hex_digest};
use crate::steps::Step;
use crate::workspace::{Workspace, has, run};

/// The variable that names your own copy of the script, and with which the tests find it.
pub(crate) const VARIABLE: &str = "BULKHEAD_AXE";

/// The package, the script's path in it, and its SHA-256.
const PACKAGE: &str = "axe-core@4.14.1";
const MEMBER: &str = "package/axe.min.js";
const DIGEST: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// Fetches the script.
pub(crate) const AXE: Step = Step {
    name: "axe",
    title: "fetching axe-core, which checks pages for accessibility",
    needs: &[],
    inputs: None,
    run: |workspace| {
        fetched::unless_named(VARIABLE, || fetch(workspace))?.outcome(&format!(
            "The accessibility of the page of `bulkhead dev` will NOT be checked; set {VARIABLE} to an \
             axe.min.js of your own to check it"
        ))
    },
};

/// The script for the tests, if there is one.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    fetched::named_or(VARIABLE, Some(place(workspace)).filter(|file| file.is_file()))
}

fn fetch(workspace: &Workspace) -> Result<Fetched> {
    let place = place(workspace);
    if fs::read(&place).is_ok_and(|bytes| hex_digest(&bytes) == DIGEST) {
        println!("      already fetched");
        return Ok(Fetched::Ready);
    }
    if !has("npm") {
        return Ok(Fetched::Impossible("fetching it needs npm, which is not installed".into()));
    }
    let directory = place.with_file_name("download");
    fs::remove_dir_all(&directory).ok();
    fs::create_dir_all(&directory)?;
    run(Command::new("npm")
        .args(["pack", "--silent", PACKAGE])
        .current_dir(&directory)
        .stdout(Stdio::null()))?;
    let name = format!("{}.tgz", PACKAGE.replace('@', "-"));
    run(Command::new("tar").args(["-xzf", &name, MEMBER]).current_dir(&directory))?;
    let script =
        fs::read(directory.join(MEMBER)).with_context(|| format!("{PACKAGE} does not contain {MEMBER}"))?;
    ensure!(hex_digest(&script) == DIGEST, "{MEMBER} of {PACKAGE} does not have the pinned digest");
    fs::write(&place, script).with_context(|| format!("writing {}", place.display()))?;
    fs::remove_dir_all(&directory)?;
    Ok(Fetched::Ready)
}

fn place(workspace: &Workspace) -> PathBuf {
    workspace.target("axe/axe.min.js")
}
