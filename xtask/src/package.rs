//! Checks the packages for crates.io: that each has the right files, and compiles outside of this repository.
//! Nothing is published, and nothing is downloaded but the dependencies.
//!
//! `cargo package` compiles each package as a separate workspace with its own features and profiles, so it
//! compiles Wasmtime twice. Therefore only a release does that. For other changes the packages replace their
//! sources in a copy of the workspace, which is compiled like the workspace itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::bootstraps::quick;
use crate::compile::{compile, compile_untimed};
use crate::published::Published;
use crate::stamp::Inputs;
use crate::steps::{Outcome, Step};
use crate::table::Table;
use crate::workspace::{Workspace, run as call};

/// Makes the packages, and checks their files.
pub(crate) const PACKAGE: Step = Step {
    name: "package",
    title: "making the packages for crates.io, and compiling them in place of their sources",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&[
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "bench",
        "bootstrap",
        "cli",
        "examples",
        "guest-sdk",
        "host",
        "schema",
        "tests",
        "wit",
    ])),
    run: |workspace| {
        let packages = described(workspace)?;
        fetch(workspace)?;
        call(pack(workspace, &packages).arg("--no-verify"))?;
        let unpacked = unpack(workspace, &packages)?;
        compare(workspace, &packages, &unpacked)?;
        let root = assemble(workspace, &packages, &unpacked)?;
        let mut check = quick(workspace, "check");
        check.args(["--offline", "--lib", "--bins"]).current_dir(root);
        compile(workspace, check.env("CARGO_TARGET_DIR", workspace.target("")))?;
        Ok(Outcome::Done)
    },
};

/// Has cargo build each package as `cargo publish` would, with its own lock file and its default features.
pub(crate) const PACKAGE_OF_RELEASE: Step = Step {
    name: "package",
    title: "making the packages for crates.io, and building each (Wasmtime takes some minutes the first time)",
    needs: &["toolchain"],
    inputs: PACKAGE.inputs,
    run: |workspace| {
        let packages = described(workspace)?;
        fetch(workspace)?;
        compile_untimed(workspace, &mut pack(workspace, &packages))?;
        let unpacked = unpack(workspace, &packages)?;
        compare(workspace, &packages, &unpacked)?;
        Ok(Outcome::Done)
    },
};

/// The packages. It is an error if a manifest lacks something that crates.io needs.
fn described(workspace: &Workspace) -> Result<Vec<Published>> {
    let packages = Published::all(workspace)?;
    let mistakes: Vec<String> = packages
        .iter()
        .flat_map(|package| {
            let of_it = package.mistakes(&packages).into_iter();
            of_it.map(|mistake| format!("{}: {mistake}", package.place.join("Cargo.toml").display()))
        })
        .collect();
    ensure!(mistakes.is_empty(), "these manifests are not ready to be published:\n{}", mistakes.join("\n"));
    Ok(packages)
}

/// Downloads the dependencies for all targets, which `--offline` finds then. Where none is missing, nothing is asked of a registry.
fn fetch(workspace: &Workspace) -> Result<()> {
    call(&mut workspace.cargo(["fetch", "--locked", "--quiet"]))
}

fn pack(workspace: &Workspace, packages: &[Published]) -> Command {
    // Most of the bytes on disk would be debug information.
    let mut cargo = workspace.cargo(["package", "--config", "profile.dev.debug=false"]);
    cargo.args(["--offline", "--quiet", "--allow-dirty"]);
    for package in packages {
        cargo.args(["--package", &package.name]);
    }
    cargo.env("CARGO_TARGET_DIR", workspace.target(""));
    cargo
}

/// Unpacks each package into its own folder, and returns the folder that contains these.
fn unpack(workspace: &Workspace, packages: &[Published]) -> Result<PathBuf> {
    let unpacked = workspace.target("xtask/packages/unpacked");
    fs::remove_dir_all(&unpacked).ok();
    fs::create_dir_all(&unpacked)?;
    let mut table = Table::new(["package", "files", "KiB"]);
    for package in packages {
        let archive = workspace.target("package").join(format!("{}.crate", package.folder()));
        let mut tar = Command::new("tar");
        // Cargo compares the times of files, and packaged files are dated 2006.
        tar.args(["--extract", "--gzip", "--touch", "--file"]).arg(&archive);
        tar.arg("--directory").arg(&unpacked);
        call(&mut tar)?;
        let files = files(&unpacked.join(package.folder()))?.len().to_string();
        let size = fs::metadata(&archive)
            .with_context(|| format!("reading the size of {}", archive.display()))?
            .len();
        ensure!(size < 10 << 20, "{}: larger than 10 MiB, the limit of crates.io", archive.display());
        table.row([&package.name, &files, &(size >> 10).to_string()]);
    }
    println!("\n{table}");
    Ok(unpacked)
}

/// Checks that each package has all files of its sources, no others, and the licences.
fn compare(workspace: &Workspace, packages: &[Published], unpacked: &Path) -> Result<()> {
    // Cargo writes these.
    let generated = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"].map(PathBuf::from);
    for package in packages {
        let sources = files(&workspace.source("").join(&package.place))?;
        let mut packaged = files(&unpacked.join(package.folder()))?;
        packaged.retain(|file| !generated.contains(file));
        let list = |files: &mut dyn Iterator<Item = &PathBuf>| {
            files.map(|file| format!("\n  {}", file.display())).collect::<String>()
        };
        let missing = list(&mut sources.difference(&packaged));
        ensure!(missing.is_empty(), "the package of {} lacks:{missing}", package.name);
        let added = list(&mut packaged.difference(&sources));
        ensure!(
            added.is_empty(),
            "the package of {} contains files that are not in its sources:{added}",
            package.name
        );
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let packaged = fs::read(unpacked.join(package.folder()).join(licence));
            let is_there =
                packaged.is_ok_and(|text| fs::read(workspace.source(licence)).is_ok_and(|it| it == text));
            ensure!(
                is_there,
                "the package of {} does not contain the {licence} of this repository",
                package.name
            );
        }
    }
    Ok(())
}

/// All files of a package. Symbolic links are followed; packages in its folders and output of tools are omitted.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let is_left_behind =
                ["__pycache__", "node_modules", "target"].iter().any(|name| path.ends_with(name));
            if !path.is_dir() {
                files.insert(path.strip_prefix(root)?.to_owned());
            } else if !is_left_behind && !path.join("Cargo.toml").exists() {
                open.push(path);
            }
        }
    }
    Ok(files)
}

/// Makes a copy of this workspace from symbolic links, in which the packages replace their sources. A package
/// that needs a file outside of its own folder does not compile there.
///
/// The packages are in another folder than their sources in the checkout. Cargo distinguishes packages of one
/// workspace by their paths in it, and both workspaces are compiled into the same target directory.
fn assemble(workspace: &Workspace, packages: &[Published], unpacked: &Path) -> Result<PathBuf> {
    let root = workspace.target("xtask/packages/workspace");
    fs::remove_dir_all(&root).ok();
    fs::create_dir_all(root.join("packages"))?;
    let original = workspace.source("Cargo.toml");
    let mut manifest =
        fs::read_to_string(&original).with_context(|| format!("reading {}", original.display()))?;
    let mut patches = String::from("\n[patch.crates-io]\n");
    // The list has each package before the packages in its folders.
    for package in packages {
        let place = Path::new("packages").join(&package.place);
        symlink(unpacked.join(package.folder()), root.join(&place))
            .with_context(|| format!("linking {}", place.display()))?;
        manifest = manifest.replace(&format!("{:?}", package.place), &format!("{place:?}"));
        patches.push_str(&format!("{} = {{ path = {place:?} }}\n", package.name));
    }
    let is_packaged = |place: &Path| packages.iter().any(|package| package.place == place);
    for member in workspace.packages_below("") {
        let place = member.directory.strip_prefix(workspace.source(""))?;
        let top = place.iter().next().context("the root of the workspace is a package")?;
        if !is_packaged(place) && !root.join(top).exists() {
            symlink(workspace.source("").join(top), root.join(top))
                .with_context(|| format!("linking {}", place.display()))?;
        }
    }
    fs::write(root.join("Cargo.toml"), manifest + &patches)?;
    fs::copy(workspace.source("Cargo.lock"), root.join("Cargo.lock"))?;
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_package_are_counted_through_links_and_without_packages_below_it() {
        let place = std::env::temp_dir().join(format!("bulkhead-package-{}", std::process::id()));
        for folder in ["one/src", "one/macros", "one/node_modules", "wit/deps"] {
            fs::create_dir_all(place.join(folder)).unwrap();
        }
        for file in [
            "one/Cargo.toml",
            "one/src/lib.rs",
            "one/macros/Cargo.toml",
            "one/node_modules/a.js",
            "wit/deps/io.wit",
        ] {
            fs::write(place.join(file), "").unwrap();
        }
        symlink("../wit", place.join("one/wit")).unwrap();
        let found = files(&place.join("one")).unwrap();
        fs::remove_dir_all(&place).unwrap();
        let found: Vec<_> = found.iter().map(|file| file.to_str().unwrap()).collect();
        assert_eq!(found, ["Cargo.toml", "src/lib.rs", "wit/deps/io.wit"]);
    }
}
