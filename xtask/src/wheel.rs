//! A wheel from PyPI, as an archive whose files are used directly. pip fetches the wheel that a requirements
//! file pins by version and digest.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use zip::ZipArchive;

use crate::fetched::hex_digest;
use crate::workspace::{run, works};

/// The reason why a wheel cannot be fetched.
pub(crate) const NO_PIP: &str = "fetching it needs pip, and `python3 -m pip` is not installed";

/// A fetched wheel. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Wheel {
    directory: PathBuf,
    archive: ZipArchive<File>,
}

impl Wheel {
    /// Fetches the wheel into a directory of its own; `None` if pip is not installed.
    pub(crate) fn download(requirements: &Path, directory: &Path) -> Result<Option<Self>> {
        if !works(Command::new("python3").args(["-m", "pip", "--version"])) {
            return Ok(None);
        }
        fs::remove_dir_all(directory).ok();
        fs::create_dir_all(directory)?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps"]);
        pip.args(["--only-binary", ":all:", "--require-hashes", "--requirement"]).arg(requirements);
        run(pip.arg("--dest").arg(directory))?;
        let archive = ZipArchive::new(File::open(wheel(directory)?)?).context("opening the wheel")?;
        Ok(Some(Self { directory: directory.to_owned(), archive }))
    }

    /// One file of the wheel, with this SHA-256.
    pub(crate) fn unpack(&mut self, member: &str, digest: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = self.archive.by_name(member).with_context(|| format!("the wheel has no {member}"))?;
        file.read_to_end(&mut bytes)?;
        ensure!(hex_digest(&bytes) == digest, "{member} does not have the pinned digest");
        Ok(bytes)
    }
}

impl Drop for Wheel {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).ok();
    }
}

fn wheel(directory: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(directory)? {
        let file = entry?.path();
        if file.extension().is_some_and(|end| end == "whl") {
            return Ok(file);
        }
    }
    bail!("pip reports success, but did not create a wheel")
}
