//! moto's server, which simulates AWS, and the Python programs with which deployments are checked: installed
//! once with pip, pinned in `xtask/moto.txt` by version and digest, into a virtual environment in the target
//! directory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::fetched::{self, Fetched};
use crate::steps::Step;
use crate::workspace::{Workspace, run, works};

/// The variable that names your own `moto_server`, and with which the tests find it.
pub(crate) const VARIABLE: &str = "BULKHEAD_MOTO";

/// The file with the pinned versions.
const REQUIREMENTS: &str = "xtask/moto.txt";

/// Checks for the Python that the pinned release needs, and for the modules that make an environment, which
/// Debian has in a separate package.
const PROBE: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";

/// Installs moto and the other programs.
pub(crate) const MOTO: Step = Step {
    name: "moto",
    title: "installing moto, which simulates AWS, and the AWS CLI, cfn-lint and SAM's translator",
    needs: &[],
    inputs: None,
    run: |workspace| {
        fetched::unless_named(VARIABLE, || install(workspace))?.outcome(&format!(
            "The tests against AWS services and those of deployments will NOT run; set {VARIABLE} to a `moto_server` of your own to run them"
        ))
    },
};

/// The server for the tests, if there is one.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let server = workspace.target("moto/bin/moto_server");
    fetched::named_or(VARIABLE, Some(server).filter(|_| installed(workspace).is_file()))
}

fn install(workspace: &Workspace) -> Result<Fetched> {
    let requirements = workspace.source(REQUIREMENTS);
    let wanted = fs::read(&requirements).with_context(|| format!("reading {REQUIREMENTS}"))?;
    if fs::read(installed(workspace)).is_ok_and(|installed| installed == wanted) && starts(workspace) {
        println!("      already installed");
        return Ok(Fetched::Ready);
    }
    if !works(Command::new("python3").args(["-c", PROBE])) {
        let reason = "it needs Python 3.10 or newer with `venv` (python3-venv), which is not installed";
        return Ok(Fetched::Impossible(reason.into()));
    }
    let place = workspace.target("moto");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
    let mut pip = Command::new(place.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    run(pip.args(["--require-hashes", "--requirement"]).arg(&requirements))?;
    fs::write(installed(workspace), wanted).context("recording what was installed")?;
    Ok(Fetched::Ready)
}

/// A copy of the pinned versions, written when everything is installed.
fn installed(workspace: &Workspace) -> PathBuf {
    workspace.target("moto/installed.txt")
}

/// An environment depends on its Python, which may have been removed.
fn starts(workspace: &Workspace) -> bool {
    works(Command::new(workspace.target("moto/bin/moto_server")).arg("--help"))
}
