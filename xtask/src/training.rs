//! The profile that guides the compiler for the bootstrap without compiler, and `cargo xtask train`, which makes it.
//!
//! A profile says how often each branch of each function was taken while the program did its work. With it, the compiler lays
//! out and inlines what an event uses for speed, and makes the rest small. The profile is committed, so that every build of
//! one commit has the same bytes. What has changed since the training is compiled as without one, so a profile gets old slowly;
//! [RELEASING.md](../../RELEASING.md) says when to train again.
//!
//! A profile names functions by their symbols, which contain the compiler's version and the target. So it is for x86-64 only.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::bench::{COMPILED, COMPONENTS};
use crate::bootstraps::SHIPPED;
use crate::compile::compile;
use crate::engine::{self, ENGINE};
use crate::fetched::hex_digest;
use crate::guests::{HELLO, MEASURED};
use crate::steps;
use crate::toolchain::{self, TARGET};
use crate::workspace::{Profile, Workspace, run as call};

/// The profile, in a checkout.
pub(crate) const PROFILE: &str = "bootstrap/training.profdata";

/// The only target that has a profile.
const TRAINED: &str = "x86_64-unknown-linux-gnu";

/// What else the compiler is told: to make everything small that the training has not reached, not only what is called from
/// many places.
const SMALL: &str = "-Cllvm-args=-pgso-lwss-only=false";

/// Lets a call of cargo that builds the bootstrap use the profile of a checkout, and returns the folder below the target
/// directory in which the program will be.
pub(crate) fn guide(cargo: &mut Command, profile: &Path, target: &Path) -> Result<PathBuf> {
    if ARCH != "x86_64" || !profile.is_file() {
        return Ok("release".into());
    }
    // Cargo compiles everything again if its flags change, so the path must not depend on where the checkout is.
    let content = fs::read(profile).with_context(|| format!("reading {}", profile.display()))?;
    let kept = target.join(format!("training/{:.16}.profdata", hex_digest(&content)));
    if !kept.is_file() {
        fs::create_dir_all(target.join("training"))?;
        fs::write(&kept, content).with_context(|| format!("writing {}", kept.display()))?;
    }
    flags(cargo, &[&format!("-Cprofile-use={}", kept.display()), SMALL]);
    Ok(Path::new(TRAINED).join("release"))
}

/// Passes flags to the compiler, for what is built for the target only, not for build scripts.
fn flags(cargo: &mut Command, flags: &[&str]) {
    cargo.args(["--target", TRAINED, "--config"]);
    cargo.arg(format!("target.{TRAINED}.rustflags={flags:?}"));
}

/// The `train` command: builds a bootstrap that counts, lets it work, and keeps what it has counted.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    ensure!(ARCH == "x86_64", "the profile is for x86-64: train on a machine with such a processor");
    steps::run(workspace, "train", &[TARGET, SHIPPED, HELLO, MEASURED, COMPILED, ENGINE])?;
    let profdata = toolchain::llvm_tool(workspace, "llvm-profdata", TRAINED)?;
    let counts = workspace.target("training/counts");
    fs::remove_dir_all(&counts).ok();
    fs::create_dir_all(&counts)?;
    let mut counting =
        workspace.cargo(["build", "--release", "--package", "bulkhead-bootstrap", "--no-default-features"]);
    flags(&mut counting, &[&format!("-Cprofile-generate={}", counts.display())]);
    compile(workspace, &counting)?;
    call(&mut workspace.cargo(["build", "--release", "--package", "bulkhead-bench", "--bin", "train"]))?;
    let mut train = Command::new(workspace.target("release/train"));
    train.arg("--bootstrap").arg(workspace.target(TRAINED).join("release/bootstrap"));
    train.arg("--components").arg(workspace.target(COMPONENTS));
    train.arg("--command").arg(workspace.command_line(Profile::Release));
    train.arg("--engine").arg(engine::component(workspace));
    call(&mut train)?;
    let files: Vec<PathBuf> = fs::read_dir(&counts)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    ensure!(!files.is_empty(), "the bootstrap has left no counts in {}", counts.display());
    let profile = workspace.source(PROFILE);
    call(Command::new(profdata).args(["merge", "--sparse"]).args(files).arg("-o").arg(&profile))?;
    println!("trained: {} ({} bytes)", profile.display(), fs::metadata(&profile)?.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guided(profile: &Path, target: &Path) -> (PathBuf, Vec<String>) {
        let mut cargo = Command::new("cargo");
        let folder = guide(&mut cargo, profile, target).unwrap();
        (folder, cargo.get_args().map(|argument| argument.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn the_flags_depend_on_the_profile_and_not_on_its_place() {
        let target = std::env::temp_dir().join(format!("bulkhead-training-{}", std::process::id()));
        let checkouts = ["one", "other"].map(|name| target.join(name));
        for checkout in &checkouts {
            fs::create_dir_all(checkout).unwrap();
            fs::write(checkout.join("training.profdata"), "counts").unwrap();
        }
        let [one, other] = checkouts.each_ref().map(|it| guided(&it.join("training.profdata"), &target));
        assert_eq!(one, other);
        let missing = guided(&target.join("training.profdata"), &target);
        assert_eq!(
            missing,
            ("release".into(), Vec::new()),
            "a revision without a profile is built without one"
        );
        if ARCH == "x86_64" {
            assert!(
                one.0.starts_with(TRAINED) && one.1.last().unwrap().contains("-Cprofile-use="),
                "{one:?}"
            );
            fs::write(checkouts[0].join("training.profdata"), "others").unwrap();
            assert_ne!(guided(&checkouts[0].join("training.profdata"), &target), other);
        }
        fs::remove_dir_all(&target).unwrap();
    }
}
