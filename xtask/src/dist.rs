//! `cargo xtask dist` makes the files of a release: an archive, a [Python wheel](wheel) and [npm packages](npm) with the same
//! programs. The same programs always give the same bytes. Each contains the command, the bootstraps under the names by which
//! `bulkhead package` finds them, the engine of scripts, licences, and a list of all crates. The archive and the wheel also contain completions and man
//! pages.
//!
//! The programs are for this machine's processor, on Linux; only the bootstrap for arm64 is also built on other processors.

mod about;
mod manylinux;
mod npm;
mod prefix;
mod sbom;
#[cfg(test)]
mod tests;
mod wheel;

use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use self::prefix::COMPLETIONS;
use crate::arm64::{self, ARM64};
use crate::auditable;
use crate::bootstraps::SHIPPED;
use crate::engine::{self, ENGINE};
use crate::fetched::hex_digest;
use crate::steps::{self, Outcome, Step};
use crate::toolchain::TOOLCHAIN;
use crate::workspace::{Profile, Workspace, run as call};

/// The variable with which the tests find the archive.
pub(crate) const VARIABLE: &str = "BULKHEAD_DIST";

/// The folder of the engines, in which the command looks for them.
const ENGINES: &str = "engines";

/// The list of crates, in every package.
const SBOM: &str = "bulkhead.cdx.json";

/// Builds the archive.
pub(crate) const DIST: Step = Step {
    name: "dist",
    title: "building the archive, the wheel and the npm packages of a release",
    needs: &["programs", "arm64", "engine"],
    inputs: None,
    run: |workspace| {
        let place = workspace.target("dist");
        fs::remove_dir_all(&place).ok();
        let folder = place.join(name());
        fill(workspace, &folder)?;
        let mut files = vec![archive(workspace)];
        pack(&folder, &files[0])?;
        let started = [folder.join("bulkhead"), folder.join("bootstrap")];
        let systems = manylinux::tag(&started.each_ref().map(PathBuf::as_path))?;
        files.push(wheel::make(&folder, &systems, &place)?);
        files.extend(npm::make(&folder, &place)?);
        sum(&files, &place)?;
        Ok(Outcome::Done)
    },
};

/// The `dist` command.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    steps::run(workspace, "dist", &[TOOLCHAIN, SHIPPED, ARM64, ENGINE, DIST])
}

/// The path of the archive.
pub(crate) fn archive(workspace: &Workspace) -> PathBuf {
    workspace.target("dist").join(format!("{}.tar.gz", name()))
}

fn name() -> String {
    format!("bulkhead-{}-{ARCH}-linux", env!("CARGO_PKG_VERSION"))
}

/// Writes the digests of all files, in the format of `sha256sum`.
fn sum(files: &[PathBuf], place: &Path) -> Result<()> {
    let mut sums = String::new();
    for file in files {
        let bytes = fs::read(file)?;
        let name = file.file_name().context("a file has a name")?.display();
        sums.push_str(&format!("{}  {name}\n", hex_digest(&bytes)));
        println!("      {} ({} bytes)", file.display(), bytes.len());
    }
    fs::write(place.join("SHA256SUMS"), sums).context("writing the digests")
}

fn fill(workspace: &Workspace, folder: &Path) -> Result<()> {
    let (programs, texts) = (0o755, 0o644);
    put(&workspace.command_line(Profile::Release), &folder.join("bulkhead"), programs)?;
    put(&workspace.bootstrap(Profile::Release), &folder.join("bootstrap"), programs)?;
    // The bootstraps without the compiler were kept with their lists.
    auditable::embed(workspace, auditable::COMMAND, ARCH, &folder.join("bulkhead"))?;
    auditable::embed(workspace, auditable::BOOTSTRAP, ARCH, &folder.join("bootstrap"))?;
    let own = if ARCH == "aarch64" { "bootstrap-arm64" } else { "bootstrap-x86_64" };
    if let Some(arm64) = arm64::find(workspace) {
        put(&arm64, &folder.join("bootstrap-arm64"), programs)?;
    }
    put(&workspace.lean_bootstrap(), &folder.join(own), programs)?;
    put_engine(workspace, folder)?;
    for text in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"] {
        put(&workspace.source(text), &folder.join(text), texts)?;
    }
    write(sbom::document(workspace)?.as_bytes(), &folder.join(SBOM), texts)?;
    for (shell, file, _) in COMPLETIONS {
        let output = Command::new(workspace.command_line(Profile::Release))
            .args(["completions", shell])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("running `bulkhead completions`")?;
        ensure!(output.status.success(), "`bulkhead completions {shell}` failed");
        write(&output.stdout, &folder.join("completions").join(file), texts)?;
    }
    call(Command::new(workspace.command_line(Profile::Release)).arg("man").arg(folder.join("man/man1")))
}

/// The engine of scripts, and its native code for this processor, so that a build of scripts compiles nothing.
fn put_engine(workspace: &Workspace, folder: &Path) -> Result<()> {
    let built = engine::component(workspace);
    ensure!(
        built.is_file(),
        "the engine of scripts is missing: a release needs clang and wasi-libc to build it"
    );
    let component = folder.join(ENGINES).join("javascript.wasm");
    let native = component.with_extension("cwasm");
    put(&built, &component, 0o644)?;
    call(
        Command::new(workspace.command_line(Profile::Release))
            .arg("compile")
            .arg(&component)
            .arg("-o")
            .arg(native),
    )
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    write(&content, to, mode)
}

fn write(content: &[u8], to: &Path, mode: u32) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, content).with_context(|| format!("writing {}", to.display()))?;
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
