//! AWS's SDK for JavaScript in a script: the sources in `tests/sdk` and what they import, in one file, for the test that runs it on
//! the engine of scripts.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::fetched::{self, Fetched};
use crate::stamp;
use crate::steps::Step;
use crate::workspace::{Workspace, has, run};

/// The variable that names your own bundle, and with which the tests find it.
pub(crate) const VARIABLE: &str = "BULKHEAD_SDK_SCRIPT";

/// What is bundled.
const SOURCES: &str = "tests/sdk";

/// Makes the script.
pub(crate) const SDK: Step = Step {
    name: "sdk",
    title: "putting AWS's SDK for JavaScript into a script",
    needs: &[],
    inputs: None,
    run: |workspace| {
        fetched::unless_named(VARIABLE, || bundle(workspace))?
            .outcome("AWS's SDK for JavaScript will NOT be run in a script")
    },
};

/// The script for the tests, if there is one.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    fetched::named_or(VARIABLE, Some(place(workspace)).filter(|file| file.is_file()))
}

fn place(workspace: &Workspace) -> PathBuf {
    workspace.target("sdk/bundle.js")
}

/// `npm ci` installs exactly what the lock file names, by digest. No package's own script is run.
fn bundle(workspace: &Workspace) -> Result<Fetched> {
    let place = place(workspace);
    let sources = stamp::files_below(&workspace.source(SOURCES))?;
    let digest = stamp::digest(include_bytes!("sdk.rs"), &sources)?;
    if stamp::is(&place, &digest) {
        println!("      already made");
        return Ok(Fetched::Ready);
    }
    if !(has("node") && has("npm")) {
        return Ok(Fetched::Impossible("it needs node and npm (Debian: apt-get install nodejs npm)".into()));
    }
    let folder = workspace.target("sdk/sources");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder)?;
    for source in &sources {
        let name = source.file_name().context("a file has a name")?;
        fs::copy(source, folder.join(name)).with_context(|| format!("copying {}", source.display()))?;
    }
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").args(install).current_dir(&folder))?;
    let mut esbuild = Command::new(folder.join("node_modules/.bin/esbuild"));
    esbuild.args(["index.js", "--bundle", "--format=esm", "--platform=browser", "--minify"]);
    esbuild.arg("--log-level=warning").arg(format!("--outfile={}", place.display()));
    run(esbuild.current_dir(&folder))?;
    stamp::put(&place, &digest)?;
    Ok(Fetched::Ready)
}
