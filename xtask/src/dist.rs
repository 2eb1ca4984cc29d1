//! `cargo xtask dist`: builds a release as an archive, which is identical for identical programs. It contains
//! the command, the bootstraps under the names that `bulkhead package` expects, licences, completions and man
//! pages.

use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::arm64::{self, ARM64};
use crate::bootstraps::SHIPPED;
use crate::fetched::hex_digest;
use crate::steps::{self, Ending, Step};
use crate::workspace::{Profile, Workspace, run as call};

/// The variable with which the tests find the archive.
pub(crate) const VARIABLE: &str = "BULKHEAD_DIST";

/// Shells, and the file names under which they look for completions.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "bulkhead.bash"), ("zsh", "_bulkhead"), ("fish", "bulkhead.fish")];

/// Builds the archive.
pub(crate) const DIST: Step = Step {
    name: "dist",
    title: "building the release archive",
    needs: &["programs", "arm64"],
    inputs: None,
    run: |workspace| {
        fs::remove_dir_all(workspace.target("dist")).ok();
        let folder = workspace.target("dist").join(name());
        fill(workspace, &folder)?;
        let archive = archive(workspace);
        pack(&folder, &archive)?;
        let bytes = fs::read(&archive)?;
        let line = format!("{}  {}.tar.gz\n", hex_digest(&bytes), name());
        fs::write(archive.with_file_name("SHA256SUMS"), line)?;
        println!("      {} ({} bytes)", archive.display(), bytes.len());
        Ok(Ending::Done)
    },
};

/// The `dist` command.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    steps::run(workspace, "dist", &[SHIPPED, ARM64, DIST])
}

/// The path of the archive.
pub(crate) fn archive(workspace: &Workspace) -> PathBuf {
    workspace.target("dist").join(format!("{}.tar.gz", name()))
}

fn name() -> String {
    format!("bulkhead-{}-{ARCH}-linux", env!("CARGO_PKG_VERSION"))
}

fn fill(workspace: &Workspace, folder: &Path) -> Result<()> {
    let (programs, texts) = (0o755, 0o644);
    put(&workspace.command_line(Profile::Release), &folder.join("bulkhead"), programs)?;
    put(&workspace.bootstrap(Profile::Release), &folder.join("bootstrap"), programs)?;
    let own = if ARCH == "aarch64" { "bootstrap-arm64" } else { "bootstrap-x86_64" };
    if let Some(arm64) = arm64::find(workspace) {
        put(&arm64, &folder.join("bootstrap-arm64"), programs)?;
    }
    put(&workspace.lean_bootstrap(), &folder.join(own), programs)?;
    for text in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"] {
        put(&workspace.source(text), &folder.join(text), texts)?;
    }
    fs::create_dir_all(folder.join("completions"))?;
    for (shell, file) in COMPLETIONS {
        let output = Command::new(workspace.command_line(Profile::Release))
            .args(["completions", shell])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("running `bulkhead completions`")?;
        ensure!(output.status.success(), "`bulkhead completions {shell}` failed");
        fs::write(folder.join("completions").join(file), output.stdout)?;
    }
    call(Command::new(workspace.command_line(Profile::Release)).arg("man").arg(folder.join("man/man1")))
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

/// The archive contains no times, users or paths of this machine.
fn pack(folder: &Path, archive: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--format=ustar", "--sort=name", "--mtime=@0", "--mode=u=rwX,go=rX"]);
    tar.args(["--owner=0", "--group=0", "--numeric-owner", "--use-compress-program=gzip --no-name"]);
    tar.arg("--file").arg(archive).arg("--directory").arg(folder.parent().unwrap_or(folder));
    call(tar.arg(folder.file_name().context("the folder has no name")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_archive_whenever_and_by_whomever() {
        let place = std::env::temp_dir().join(format!("bulkhead-dist-{}", std::process::id()));
        let archives = [(1, 0o600), (2, 0o644)].map(|(time, mode)| {
            let folder = place.join(time.to_string()).join("release");
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join("text");
            fs::write(&file, "the same").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let modified = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time);
            fs::File::open(&file).unwrap().set_modified(modified).unwrap();
            let archive = folder.with_extension("tar.gz");
            pack(&folder, &archive).unwrap();
            fs::read(archive).unwrap()
        });
        fs::remove_dir_all(&place).unwrap();
        assert!(archives[0] == archives[1]);
    }
}
