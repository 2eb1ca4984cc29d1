//! `cargo xtask bench --compare REV`: builds Bulkhead and the measured guests of another revision, to pair
//! them with those of this checkout.
//!
//! The revision is checked out as a git worktree below the target directory, and has a target directory of
//! its own: in a shared one, cargo would take this checkout's crates for those of the other revision, because
//! it tells the members of a workspace apart by their paths within it, and by the times of their files. What
//! is compiled of dependencies is [copied](seed) into it once, so that Wasmtime is compiled again only if the
//! revision has another one. The cargo and the compiler are those of this checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::guests::PROFILE;
use crate::training;
use crate::workspace::{WASM, Workspace, run};

/// The handlers that two builds are compared with, and the guests that implement them.
const HANDLERS: [(&str, &str); 4] =
    [("hello", "hello"), ("echo", "bench-echo"), ("orders", "bench-orders"), ("faulty", "bench-faulty")];
/// The manifests of the packages that contain these guests.
const GUESTS: [&str; 2] = ["examples/hello/Cargo.toml", "bench/guests/Cargo.toml"];

/// Another revision, and where its products are.
#[derive(Debug)]
pub(crate) struct Revision {
    /// The name that it was asked for by.
    name: String,
    commit: String,
    /// The folder of everything that belongs to comparisons.
    folder: PathBuf,
}

/// The products of the revision.
#[derive(Debug)]
pub(crate) struct Before {
    /// The bootstrap without the compiler.
    pub(crate) lean: PathBuf,
    /// The folder of the compiled handlers.
    pub(crate) components: PathBuf,
}

impl Revision {
    /// Asks git for the commit with this name.
    pub(crate) fn find(workspace: &Workspace, name: &str) -> Result<Self> {
        let mut git = git(&workspace.source("."));
        git.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")]);
        let output = git.output().context("starting git")?;
        ensure!(output.status.success(), "there is no revision `{name}` in this repository");
        let commit = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Self { name: name.to_owned(), commit, folder: workspace.target("bench/compare") })
    }

    /// Its name and its commit, for people.
    pub(crate) fn shown(&self) -> String {
        format!("{} ({:.12})", self.name, self.commit)
    }

    /// Builds its products, unless an earlier comparison has left them.
    pub(crate) fn build(&self, workspace: &Workspace) -> Result<Before> {
        let products = self.folder.join(&self.commit);
        let before = Before { lean: products.join("bootstrap"), components: products.join("components") };
        let complete = products.join("complete");
        if complete.is_file() {
            println!("\n{} was built before: {}", self.shown(), products.display());
            return Ok(before);
        }
        println!("\nbuilding {} (release; Wasmtime takes several minutes the first time)", self.shown());
        self.make(workspace, &before).with_context(|| format!("{} does not build", self.shown()))?;
        fs::write(&complete, "")?;
        Ok(before)
    }

    fn make(&self, workspace: &Workspace, before: &Before) -> Result<()> {
        self.check_out(workspace)?;
        seed(workspace, &self.target())?;
        fs::create_dir_all(&before.components)?;
        let lean = ["build", "--release", "--package", "bulkhead-bootstrap", "--no-default-features"];
        let mut build = self.cargo(workspace);
        let built = training::guide(build.args(lean), &self.tree().join(training::PROFILE), &self.target())?;
        run(&mut build)?;
        // The next call of cargo may overwrite it.
        copy(&self.target().join(built).join("bootstrap"), &before.lean)?;
        // With the bootstrap, as in this checkout, so that cargo unites the same features.
        let command = ["build", "--release", "--package", "bulkhead-cli", "--package", "bulkhead-bootstrap"];
        run(self.cargo(workspace).args(command))?;
        for manifest in GUESTS {
            let mut guests = self.cargo(workspace);
            guests.args(["build", "--release", "--target", WASM, "--manifest-path", manifest]);
            for line in PROFILE {
                guests.args(["--config", line]);
            }
            run(&mut guests)?;
        }
        let built = self.target().join(WASM).join("release");
        for (handler, guest) in HANDLERS {
            let wasm = before.components.join(handler).with_extension("wasm");
            copy(&built.join(guest).with_extension("wasm"), &wasm)?;
            let mut compile = Command::new(self.target().join("release/bulkhead"));
            run(compile.arg("compile").arg(&wasm).arg("-o").arg(wasm.with_extension("cwasm")))?;
        }
        Ok(())
    }

    fn check_out(&self, workspace: &Workspace) -> Result<()> {
        let tree = self.tree();
        if tree.join(".git").is_file() {
            // Files that are the same in both revisions keep their times, so that cargo compiles the others.
            return run(git(&tree).args(["checkout", "--quiet", "--force", "--detach", &self.commit]));
        }
        fs::create_dir_all(&self.folder)?;
        let mut add = git(&workspace.source("."));
        // It may be registered still, if the target directory was deleted.
        add.args(["worktree", "add", "--quiet", "--force", "--detach"]).arg(&tree).arg(&self.commit);
        run(&mut add)
    }

    fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// The cargo that runs this program, in the other revision.
    fn cargo(&self, workspace: &Workspace) -> Command {
        let mut cargo = workspace.cargo::<&str>([]);
        cargo.current_dir(self.tree()).env("CARGO_TARGET_DIR", self.target());
        cargo
    }
}

fn git(directory: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(directory);
    git
}

/// Fills an empty target directory with what this checkout's has of dependencies. The times of the files are
/// copied, too, because cargo compares them.
fn seed(workspace: &Workspace, target: &Path) -> Result<()> {
    let (from, to) = (workspace.target("release"), target.join("release"));
    if to.exists() || !from.join("deps").is_dir() {
        return Ok(());
    }
    fs::create_dir_all(&to)?;
    let parts = [".fingerprint", "build", "deps"].map(|part| from.join(part));
    run(Command::new("cp").args(["--archive", "--reflink=auto"]).args(parts).arg(&to))?;
    let fingerprints = to.join(".fingerprint");
    for entry in fs::read_dir(&fingerprints).context("listing cargo's fingerprints")? {
        let entry = entry?;
        let name = entry.file_name();
        let is_of_member = |package: &str| is_fingerprint(&name.to_string_lossy(), package);
        if workspace.packages_below("").any(|package| is_of_member(&package.name)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Whether a folder's name is the package's name and a hash.
fn is_fingerprint(name: &str, package: &str) -> bool {
    let hash = name.strip_prefix(package).and_then(|rest| rest.strip_prefix('-'));
    hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_found_by_any_name_of_git() {
        let workspace = Workspace::load().unwrap();
        let head = Revision::find(&workspace, "HEAD").unwrap();
        assert_eq!(head.commit.len(), 40);
        assert_eq!(Revision::find(&workspace, &head.commit).unwrap().commit, head.commit);
        assert!(head.shown().starts_with("HEAD ("), "{}", head.shown());
    }

    #[test]
    fn a_revision_that_does_not_exist_is_named() {
        let workspace = Workspace::load().unwrap();
        for name in ["no-such-branch", "--help", "HEAD:README.md"] {
            let error = Revision::find(&workspace, name).unwrap_err().to_string();
            assert_eq!(error, format!("there is no revision `{name}` in this repository"));
        }
    }

    #[test]
    fn the_fingerprints_of_members_are_told_apart_from_others() {
        assert!(is_fingerprint("hello-0123456789abcdef", "hello"));
        for other in ["hello-world-0123456789abcdef", "hello-0123", "hello", "othello-0123456789abcdef"] {
            assert!(!is_fingerprint(other, "hello"), "{other}");
        }
    }

    #[test]
    fn compared_handlers_are_measured_without_comparison_too() {
        for handler in HANDLERS {
            assert!(crate::bench::HANDLERS.contains(&handler), "{handler:?}");
        }
    }
}
